/** Queries the connector: page by page, by a native statement, with a mistake; and explains one. */
import { and, ConnectorError, field, type ResourceQuery } from "../client/index.ts";
import { Failure } from "../failure.ts";
import type { Tour } from "./connecting.ts";
import { count, millisecondsOf, time } from "./figures.ts";

interface City {
  readonly name: string;
  readonly country: string;
  readonly feature: string;
  readonly population: number;
}

const largeCities: ResourceQuery = {
  resource: "city",
  fields: ["name", "country", "feature", "population"],
  filter: and(field("population").gt(5_000_000), field("feature").in(["PPLC", "PPLA"])),
  orderBy: ["-population"],
};

export async function queryPages({ client, terminal, signal }: Tour, connectorId: string): Promise<void> {
  terminal.code(`client.query(id, {`);
  terminal.code(`  resource: "city", fields: ["name", "country", "feature", "population"],`);
  terminal.code(`  filter: and(field("population").gt(5_000_000), field("feature").in(["PPLC", "PPLA"])),`);
  terminal.code(`  orderBy: ["-population"],`);
  terminal.code(`}, { pageSize: 5 })`);
  const options = { pageSize: 5, signal };
  const first = await client.query<City>(connectorId, largeCities, options);
  const second = await client.query<City>(connectorId, largeCities, { ...options, pageToken: first.nextPageToken });
  const rows = [first, second].flatMap((page, index) =>
    page.rows.map((row) => [`${index + 1}`, row.name, row.country, row.feature, count(row.population)]),
  );
  terminal.table(
    [
      { title: "page" },
      { title: "name" },
      { title: "country" },
      { title: "feature" },
      { title: "population", right: true },
    ],
    rows,
  );
  const took = [first, second].map(({ timings }) => time(millisecondsOf(timings?.total))).join(" and ");
  terminal.note(
    `pages by ${second.paging}, which rows that come and go in between don't shift; ${took} in the service`,
  );
}

const nativeText = `SELECT country.name, count(*) AS capitals_and_seats, sum(population) AS inhabitants
  FROM city JOIN country ON country.code = city.country
  WHERE feature = ANY ($1) AND population >= $2
  GROUP BY country.code ORDER BY count(*) DESC, country.name LIMIT 3`;

export async function queryNative({ client, terminal, signal }: Tour, connectorId: string): Promise<void> {
  const parameters = ["{PPLC,PPLA}", 1_000_000];
  terminal.code("client.query(id, { native, parameters })");
  for (const line of nativeText.split("\n")) terminal.note(line);
  terminal.note(`with $1 = ${parameters[0]} and $2 = ${parameters[1]}`);
  const page = await client.query(connectorId, { native: nativeText, parameters }, { signal });
  terminal.table(
    page.fields.map(({ name }, index) => ({ title: name, right: index > 0 })),
    page.rows.map((row) => row.toArray().map((cell) => (typeof cell === "string" ? cell : count(cell as bigint)))),
  );
  terminal.note("one statement, read-only, whatever the user may do");
}

export async function queryWithTypo({ client, terminal, signal }: Tour, connectorId: string): Promise<void> {
  terminal.code(`client.query(id, { resource: "city", fields: ["name", "populaton"] })`);
  const query = { resource: "city", fields: ["name", "populaton"] };
  const error = await client.query(connectorId, query, { signal }).then(
    () => undefined,
    (cause: unknown) => ConnectorError.from(cause, signal),
  );
  signal.throwIfAborted();
  if (error?.reason !== "UNKNOWN_FIELD") throw error ?? new Failure("internal", "A wrong field was not refused.");
  terminal.marked("bad", error.message, error.reason);
  for (const wrong of error.fields) terminal.marked("none", wrong.field, "where");
}

export async function explain({ client, terminal, signal }: Tour, connectorId: string): Promise<void> {
  terminal.code("client.explainQuery(id, query)");
  const explained = await client.explainQuery(connectorId, largeCities, { pageSize: 5, signal });
  terminal.note(explained.statement);
  terminal.marked("none", explained.parameters.join("  "), "parameters");
  terminal.marked("none", explained.pushedDown.join(", "), "pushed down");
  const cost = explained.estimatedCost === undefined ? "" : `, at a cost of ${explained.estimatedCost}`;
  terminal.marked("none", `about ${count(explained.estimatedRows)} rows${cost}`, "estimate");
}
