/** A reader that does not read holds up the database, and not the service's memory. */
import { rm } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ConnectorClient, createConnectorClient, type RowBatch } from "../../src/client/index.ts";
import { Child } from "../bench/support/child.ts";
import { enterableDirectory } from "../support/directory.ts";
import { type FreshDatabase, freshDatabase } from "../support/postgres.ts";
import { rowsOf, until } from "./source.ts";

interface Address {
  readonly url: string;
  readonly token: string;
  readonly connectorId: string;
}

const rows = 1_000_000;
const mostBytes = 64 * 2 ** 20;
const held = `SELECT count(*) FROM pg_stat_activity WHERE application_name = 'connector-service'
  AND datname = current_database() AND state <> 'idle' AND wait_event_type = 'Client'`;

let directory: string;
let database: FreshDatabase;
let own: pg.Client;
let server: Child;
let address: Address;
let client: ConnectorClient;

beforeAll(async () => {
  [directory, database] = await Promise.all([enterableDirectory(), freshDatabase()]);
  own = new pg.Client({ connectionString: database.url });
  await own.connect();
  await own.query(`CREATE VIEW numbers AS SELECT i AS id, repeat('x', 100) AS text FROM generate_series(1, ${rows}) i`);
  server = new Child(new URL("../bench/stream/server.ts", import.meta.url));
  address = await server.call<Address>("start", { databaseUrl: database.url, directory });
  client = createConnectorClient(address);
});

afterAll(async () => {
  client.close();
  await server.stop();
  await own.end();
  await database.drop();
  await rm(directory, { recursive: true, force: true });
});

/** Reads one batch and no more for a while; gives the bytes that the service has taken meanwhile. */
async function stall(
  batches: AsyncIterator<RowBatch<{ id: number }>>,
  ms: number,
): Promise<[RowBatch<{ id: number }>, number]> {
  const baseline = await server.call<number>("watch");
  const first = await batches.next();
  await until({ run: (text) => rowsOf(own, text) }, held, "1");
  await delay(ms);
  expect(await rowsOf(own, held)).toEqual([["1"]]);
  return [first.value, (await server.call<number>("peak")) - baseline];
}

test.each(["values", "packed"] as const)("a stalled reader of %s rows costs little memory", async (format) => {
  const query = { resource: "numbers" };
  // What a first stream loads is not the stalled reader's.
  for await (const _ of client.stream(address.connectorId, { ...query, limit: 50_000 }, { format }).batches());
  using stream = client.stream<{ id: number }>(address.connectorId, query, { format });
  const [, taken] = await stall(stream.batches()[Symbol.asyncIterator](), 2_000);
  expect(taken).toBeLessThan(mostBytes);
});

test("a reader that has stalled gets every row when it goes on", async () => {
  const stream = client.stream<{ id: number }>(address.connectorId, { resource: "numbers", fields: ["id"] });
  const batches = stream.batches()[Symbol.asyncIterator]();
  let [batch] = await stall(batches, 500);
  let [count, sum] = [0, 0];
  for (; batch !== undefined; batch = (await batches.next()).value as typeof batch) {
    count += batch.length;
    for (const { id } of batch) sum += id;
  }
  expect([count, sum]).toEqual([rows, (rows * (rows + 1)) / 2]);
});
