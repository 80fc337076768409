/** Registers the customer's database as a connector, tests it and describes it. */
import { CheckOutcome, type ConnectorClient, ResourceKind } from "../client/index.ts";
import { Failure } from "../failure.ts";
import { count, millisecondsOf, time } from "./figures.ts";
import type { Target } from "./given.ts";
import type { Mark, Terminal } from "./terminal.ts";

/** What a step works with. */
export interface Tour {
  readonly client: ConnectorClient;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}

/** @returns the connector's id */
export async function register({ client, terminal, signal }: Tour, target: Target): Promise<string> {
  const { provider, name, displayName, config, credential } = target;
  terminal.code(`client.createConnector({ provider: "${provider}", name: "${name}", config, credential })`);
  const connector = await client.createConnector({ provider, name, displayName, config, credential }, { signal });
  const stored = connector.config ?? {};
  terminal.marked("none", connector.id, "id");
  terminal.marked("none", `${connector.name}, "${connector.displayName}"`, "name");
  const { user, host, port, database, tls } = stored;
  terminal.marked("none", `${user} at ${host}:${port}, database ${database}, tls ${tls}`, "config");
  terminal.marked(
    "none",
    `version ${connector.credential?.version}, sealed; no answer of the service holds it`,
    "credential",
  );
  return connector.id;
}

const outcomes: Readonly<Record<CheckOutcome, Mark>> = {
  [CheckOutcome.UNSPECIFIED]: "none",
  [CheckOutcome.PASSED]: "good",
  [CheckOutcome.WARNING]: "fair",
  [CheckOutcome.FAILED]: "bad",
  [CheckOutcome.SKIPPED]: "none",
};

/** @returns whether the connector passes */
export async function test({ client, terminal, signal }: Tour, connectorId: string): Promise<boolean> {
  terminal.code("client.testConnector(id)");
  const tested = await client.testConnector(connectorId, { signal });
  for (const { outcome, name, message, remedy } of tested.checks) {
    terminal.marked(outcomes[outcome], `${message} ${remedy}`.trim(), name);
  }
  if (!tested.ok) return false;
  const access = tested.readOnly ? "read-only" : "may write";
  terminal.note(`${tested.serverVersion}, as ${tested.user}, ${access}, in ${time(millisecondsOf(tested.latency))}`);
  return true;
}

/** Resources that are shown; a database may have thousands. */
const mostShown = 12;

export async function describeResources({ client, terminal, signal }: Tour, connectorId: string) {
  terminal.code("client.getSchema(id)");
  const { resources, nextPageToken } = await client.getSchema(connectorId, {}, { signal });
  terminal.table(
    [{ title: "resource" }, { title: "kind" }, { title: "rows, about", right: true }, { title: "comment" }],
    resources
      .slice(0, mostShown)
      .map(({ name, kind, estimatedRows, comment }) => [
        name,
        ResourceKind[kind].toLowerCase(),
        count(estimatedRows),
        comment,
      ]),
  );
  const more = resources.length - mostShown;
  if (more > 0) terminal.note(`and ${count(more)} more${nextPageToken === "" ? "" : " on the schema's first page"}`);
  return resources;
}

export async function describeAtlas(tour: Tour, connectorId: string): Promise<void> {
  const { terminal } = tour;
  const resources = await describeResources(tour, connectorId);
  const city = resources.find(({ name }) => name === "public.city");
  if (city === undefined) throw new Failure("internal", "The schema lacks the table public.city.");
  const references = new Map(
    city.foreignKeys.flatMap(({ fields, references: to }) => fields.map((field) => [field, `→ ${to}`])),
  );
  terminal.line();
  terminal.table(
    [{ title: "field of city" }, { title: "type" }, { title: "null" }, { title: "" }, { title: "comment" }],
    city.fields.map(({ name, nativeType, nullable, generated, comment }) => [
      name,
      nativeType,
      nullable ? "yes" : "",
      city.primaryKey.includes(name) ? "primary" : (references.get(name) ?? (generated ? "generated" : "")),
      comment,
    ]),
  );
}
