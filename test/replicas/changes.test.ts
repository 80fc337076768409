/** What one replica changes holds in the other one at once. */
import { randomUUID } from "node:crypto";
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type ConnectorClient, ConnectorError, createConnectorClient } from "../../src/client/index.ts";
import { BudgetUnit, Permission } from "../../src/gen/connector/v1/grant_pb.js";
import { run } from "../service/customer.ts";
import { type FreshDatabase, freshDatabase, freshStore } from "../support/postgres.ts";
import { type Replica, type Replicas, twoReplicas, until } from "../support/replicas.ts";
import { connectorTo } from "../support/service.ts";

/** Milliseconds until a change holds everywhere, at most. */
const heardMs = 500;

let store: FreshDatabase;
let source: FreshDatabase;
let other: FreshDatabase;
let replicas: Replicas;
let admin: pg.Client;
let id: string;

beforeAll(async () => {
  [store, source, other] = await Promise.all([freshStore(), freshDatabase(), freshDatabase()]);
  await run(source.url, "CREATE TABLE place AS SELECT 'source' AS name");
  await run(other.url, "CREATE TABLE place AS SELECT 'other' AS name");
  replicas = await twoReplicas(store.url);
  admin = new pg.Client({ connectionString: store.url });
  await admin.connect();
});

afterAll(async () => {
  await admin.end();
  await replicas.stop();
  await Promise.all([store, source, other].map((database) => database.drop()));
});

beforeEach(async () => {
  const { client } = replicas.first;
  id = (await client.createConnector(connectorTo(source.url, `c-${randomUUID()}`))).id;
  // Both have the connector in their memory, and a connection to its source.
  for (const replica of replicas.both) expect(await outcomeIn(replica)).toBe("source");
  expect(await connectionsTo(source)).toBe(2);
});

afterEach(async () => {
  // Some tests have deleted it.
  await replicas.first.client.deleteConnector(id).catch(() => {});
  await until("the connections are closed", async () => (await connectionsTo(source)) === 0);
});

/** The name that a query reads, or why it does not. */
async function outcomeIn({ client }: Replica): Promise<string> {
  try {
    const { rows } = await client.query<{ name: string }>(id, { resource: "place" });
    return rows[0]?.name ?? "";
  } catch (error) {
    if (error instanceof ConnectorError) return error.reason ?? error.message;
    throw error;
  }
}

async function connectionsTo({ url }: FreshDatabase): Promise<number> {
  const text = "SELECT count(*)::int AS count FROM pg_stat_activity WHERE datname = $1";
  const { rows } = await admin.query(text, [new URL(url).pathname.slice(1)]);
  return rows[0].count;
}

/** From the answer to a change until the other replica's calls end so, and neither has a connection of before. */
async function expectHeard(outcome: string): Promise<void> {
  const [held, closed] = await Promise.all([
    until(`the other replica's answer is ${outcome}`, async () => (await outcomeIn(replicas.second)) === outcome),
    until("the connections are closed", async () => (await connectionsTo(source)) === 0),
  ]);
  expect(held).toBeLessThan(heardMs);
  expect(closed).toBeLessThan(heardMs);
}

describe("within half a second the other replica", () => {
  test("uses a connector as it was changed, and neither keeps a connection of before", async () => {
    const { config, credential } = connectorTo(other.url);
    await replicas.first.client.updateConnector(id, { config, credential });
    await expectHeard("other");
    expect(await outcomeIn(replicas.first)).toBe("other");
  });

  test("refuses a connector that was disabled, and takes it again when it was enabled", async () => {
    await replicas.first.client.updateConnector(id, { disabled: true });
    await expectHeard("CONNECTOR_DISABLED");

    await replicas.first.client.updateConnector(id, { disabled: false });
    const taken = await until("it is used again", async () => (await outcomeIn(replicas.second)) === "source");
    expect(taken).toBeLessThan(heardMs);
  });

  test("knows nothing any more of a connector that was deleted", async () => {
    await replicas.first.client.deleteConnector(id);
    await expectHeard("NOT_FOUND");
  });
});

describe("an agent", () => {
  const agent = "mira";
  let agents: readonly [ConnectorClient, ConnectorClient];

  beforeAll(() => {
    const as = ({ port }: Replica) =>
      createConnectorClient({ url: `http://127.0.0.1:${port}`, token: replicas.token, agent });
    agents = [as(replicas.first), as(replicas.second)];
  });
  afterAll(() => {
    for (const client of agents) client.close();
  });

  const grant = (grant: object) => replicas.first.client.rpc.grantConnector({ agent, connectorId: id, ...grant });
  const reasonOf = (client: ConnectorClient) =>
    client.query(id, { native: "SELECT 1" }).then(
      () => "answered",
      (error: unknown) => ConnectorError.from(error).reason,
    );

  test("is let at a connector and kept from it by both replicas, and what it has running in the other one ends", async () => {
    expect(await Promise.all(agents.map(reasonOf))).toEqual(["PERMISSION_DENIED", "PERMISSION_DENIED"]);
    await grant({ permissions: [Permission.NATIVE_QUERY] });
    const known = await until("the other replica lets it", async () => (await reasonOf(agents[1])) === "answered");
    const asleep = agents[1].query(id, { native: "SELECT pg_sleep(59)" }).catch(ConnectorError.from);
    await until("it sleeps", async () => {
      const sleeping = "SELECT FROM pg_stat_activity WHERE query LIKE '%pg_sleep(59)%' AND pid <> pg_backend_pid()";
      return (await admin.query(sleeping)).rowCount === 1;
    });
    await replicas.first.client.rpc.revokeConnector({ agent, connectorId: id });
    expect(await asleep).toMatchObject({ reason: "PERMISSION_DENIED", metadata: { grant: "absent" } });
    const kept = await until(
      "the other replica refuses it",
      async () => (await reasonOf(agents[1])) === "PERMISSION_DENIED",
    );
    expect(Math.max(known, kept)).toBeLessThan(heardMs);
  });

  test("makes no more calls through both than its budget has", async () => {
    const budgets = [{ unit: BudgetUnit.CALLS, amount: 15n, window: { seconds: 31_536_000n } }];
    await grant({ permissions: [Permission.NATIVE_QUERY], budgets });
    await until("the other replica knows the grant", async () => (await reasonOf(agents[1])) === "answered");
    const outcomes = await Promise.all(Array.from({ length: 30 }, (_, i) => reasonOf(agents[i % 2 === 0 ? 0 : 1])));
    const answered = outcomes.filter((outcome) => outcome === "answered").length;
    // One was made to find out that the grant is known.
    expect(answered).toBe(14);
    expect(outcomes.filter((outcome) => outcome === "BUDGET_EXHAUSTED")).toHaveLength(16);
  });
});
