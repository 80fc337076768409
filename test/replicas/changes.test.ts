/** What one replica changes holds in the other one at once. */
import { randomUUID } from "node:crypto";
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ConnectorError } from "../../src/client/index.ts";
import { run } from "../service/customer.ts";
import { type FreshDatabase, freshDatabase } from "../support/postgres.ts";
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
  [store, source, other] = await Promise.all([freshDatabase(), freshDatabase(), freshDatabase()]);
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
