/** A reader that does not read holds up the database, and not the service's memory. */
import { rm } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ConnectorClient, createConnectorClient, type RowBatch } from "../../src/client/index.ts";
import { databaseConnector } from "../bench/stream/service.ts";
import { Child } from "../bench/support/child.ts";
import { enterableDirectory } from "../support/directory.ts";
import { mysqlKind } from "../support/mysql-kind.ts";
import { postgresqlKind } from "../support/postgresql-kind.ts";
import type { SourceKind } from "../support/source-kind.ts";
import { databaseWithReader, type ReadDatabase, untilBusy } from "./reader.ts";

interface Address {
  readonly url: string;
  readonly token: string;
  readonly connectorId: string;
}

const rows = 1_000_000;
const mostBytes = 64 * 2 ** 20;

let directory: string;
let database: ReadDatabase;
let server: Child;
let address: Address;
let client: ConnectorClient;

const open = (kind: SourceKind) => async () => {
  const statements = `${kind.bigTable("thousand", 1, 1)};
    CREATE VIEW numbers AS SELECT (a.id - 1) * 1000 + b.id AS id, repeat('x', 100) AS text FROM thousand a, thousand b`;
  [directory, database] = await Promise.all([enterableDirectory(), databaseWithReader(kind, statements)]);
  server = new Child(new URL("../bench/stream/server.ts", import.meta.url));
  address = await server.call<Address>("start", { connector: databaseConnector(database.url), directory });
  client = createConnectorClient(address);
};

async function close(): Promise<void> {
  client.close();
  await server.stop();
  await database.drop();
  await rm(directory, { recursive: true, force: true });
}

/** Reads one batch and no more for a while; gives the bytes that the service has taken meanwhile. */
async function stall(
  batches: AsyncIterator<RowBatch<{ id: number }>>,
  ms: number,
): Promise<[RowBatch<{ id: number }>, number]> {
  const baseline = await server.call<number>("watch");
  const first = await batches.next();
  await untilBusy(database, 1);
  await delay(ms);
  expect(await database.connections()).toMatchObject({ busy: 1 });
  return [first.value, (await server.call<number>("peak")) - baseline];
}

async function expectLittleMemory(format: "packed" | "values"): Promise<void> {
  const query = { resource: "numbers" };
  // What a first stream loads is not the stalled reader's.
  for await (const _ of client.stream(address.connectorId, { ...query, limit: 50_000 }, { format }).batches());
  using stream = client.stream<{ id: number }>(address.connectorId, query, { format });
  const [, taken] = await stall(stream.batches()[Symbol.asyncIterator](), 2_000);
  expect(taken).toBeLessThan(mostBytes);
}

describe("at a source of postgresql", () => {
  beforeAll(open(postgresqlKind));
  afterAll(close);

  test.each(["values", "packed"] as const)("a stalled reader of %s rows costs little memory", expectLittleMemory);

  test("a reader that has stalled gets every row when it goes on", async () => {
    const stream = client.stream<{ id: number }>(address.connectorId, { resource: "numbers", fields: ["id"] });
    const batches = stream.batches()[Symbol.asyncIterator]();
    let [batch] = await stall(batches, 500);
    let [count, sum] = [0, 0];
    for (; batch !== undefined; batch = (await batches.next()).value as typeof batch) {
      count += batch.length;
      for (const { id } of batch) sum += Number(id);
    }
    expect([count, sum]).toEqual([rows, (rows * (rows + 1)) / 2]);
  });
});

describe("at a source of mysql", () => {
  beforeAll(open(mysqlKind));
  afterAll(close);

  test("a stalled reader of packed rows costs little memory", () => expectLittleMemory("packed"));
});
