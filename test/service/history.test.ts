import { afterAll, beforeAll, expect, test } from "vitest";
import { Code, ConnectorError } from "../../src/client/index.ts";
import type { QueryRecord } from "../../src/gen/connector/v1/history_pb.js";
import { type FreshDatabase, freshDatabase } from "../support/postgres.ts";
import { connectorTo, type TestService, testService } from "../support/service.ts";
import { run } from "./customer.ts";

let service: TestService;
let customer: FreshDatabase;
let connectors = 0;

beforeAll(async () => {
  [service, customer] = await Promise.all([testService(), freshDatabase()]);
  await run(customer.url, "CREATE TABLE place AS SELECT generate_series(1, 3) AS id");
});

afterAll(async () => {
  await service.stop();
  await customer.drop();
});

async function newConnector(): Promise<string> {
  return (await service.client.createConnector(connectorTo(customer.url, `customer-${connectors++}`))).id;
}

/** The connector's history, the latest first, once it has so many records. */
async function historyOf(connectorId: string, count: number): Promise<QueryRecord[]> {
  let queries: QueryRecord[] = [];
  await expect
    .poll(
      async () => {
        ({ queries } = await service.client.rpc.listQueries({ connectorId }));
        return queries.length;
      },
      { timeout: 10_000 },
    )
    .toBe(count);
  return queries;
}

test("every call that reached for the source is in the history, with what came of it", async () => {
  const connectorId = await newConnector();
  const { client } = service;
  const before = Date.now();
  await client.testConnector(connectorId);
  await client.query(connectorId, { resource: "place" });
  await client.query(connectorId, { resource: "missing" }).catch(() => {});
  for await (const _ of client.stream(connectorId, { resource: "place" }));
  await client.query(connectorId, { native: "SELECT 'a value'" });

  const queries = await historyOf(connectorId, 5);
  expect(queries.map(({ method }) => method)).toEqual(["Query", "StreamQuery", "Query", "Query", "TestConnector"]);
  const [native, stream, missing, query] = queries;
  expect(query).toMatchObject({
    ...{ connectorId, principal: "tester", agent: "", resource: "place", statement: "", reason: "" },
    ...{ rows: 3n, attempts: 1, breakerState: "closed", cached: false },
  });
  expect(query?.bytes).toBeGreaterThan(0n);
  expect(stream).toMatchObject({ resource: "place", reason: "", rows: 3n });
  expect(missing).toMatchObject({ resource: "missing", reason: "UNKNOWN_RESOURCE", rows: 0n });
  expect(native).toMatchObject({ resource: "", statement: "SELECT ?", reason: "", rows: 1n });
  for (const { createTime, timings } of queries) {
    const time = Number(createTime?.seconds) * 1_000 + Number(createTime?.nanos) / 1e6;
    expect(time).toBeGreaterThanOrEqual(before - 1);
    expect(time).toBeLessThanOrEqual(Date.now());
    expect(timings?.total?.nanos).toBeGreaterThan(0);
  }
  expect(JSON.stringify(await run(service.storeUrl, "SELECT * FROM query_record"), bigintAsText)).not.toContain(
    "a value",
  );
});

const bigintAsText = (_: string, value: unknown) => (typeof value === "bigint" ? `${value}` : value);

test("what was refused before it reached for the source is no history", async () => {
  const connectorId = await newConnector();
  const unable = service.clientFor(await service.tokenFor("acme", "connector.read"));
  await expect(unable.query(connectorId, { resource: "place" })).rejects.toMatchObject({ code: Code.PermissionDenied });
  await expect(service.client.rpc.query({ connectorId })).rejects.toThrow();
  await service.client.testConnector(connectorId);
  expect(await historyOf(connectorId, 1)).toMatchObject([{ method: "TestConnector" }]);
});

test("pages go on where the one before ended, and filters hold on each of them", async () => {
  const connectorId = await newConnector();
  for (let i = 0; i < 5; i++) {
    await service.client.query(connectorId, { resource: "place" });
    await service.client.query(connectorId, { resource: `missing${i}` }).catch(() => {});
  }
  await historyOf(connectorId, 10);

  const seen: string[] = [];
  let pageToken = "";
  do {
    const page = await service.client.rpc.listQueries({ connectorId, failed: true, pageSize: 2, pageToken });
    expect(page.queries.length).toBeLessThanOrEqual(2);
    seen.push(...page.queries.map(({ resource }) => resource));
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  expect(seen).toEqual(["missing4", "missing3", "missing2", "missing1", "missing0"]);

  const [latest, , third] = await historyOf(connectorId, 10);
  if (latest?.createTime === undefined || third?.createTime === undefined) throw new Error("a record has no time");
  const between = await service.client.rpc.listQueries({
    ...{ connectorId, startTime: third.createTime, endTime: latest.createTime },
  });
  expect(between.queries.length).toBeGreaterThan(0);
  expect(between.queries.length).toBeLessThan(10);
  expect((await service.client.rpc.listQueries({ connectorId, principal: "nobody" })).queries).toEqual([]);
  expect((await service.client.rpc.listQueries({ connectorId, principal: "tester" })).queries).toHaveLength(10);
});

test("a page token is good for its own request only", async () => {
  const connectorId = await newConnector();
  for (let i = 0; i < 2; i++) await service.client.query(connectorId, { resource: "place" });
  await historyOf(connectorId, 2);
  const { nextPageToken: pageToken } = await service.client.rpc.listQueries({ connectorId, pageSize: 1 });
  for (const other of [{ failed: true }, { principal: "tester" }, { connectorId: await newConnector() }]) {
    const answer = service.client.rpc.listQueries({ connectorId, pageToken, ...other });
    expect(await reasonOf(answer)).toBe("INVALID_PAGE_TOKEN");
  }
});

test("text that no caller can have is refused by the name of its field", async () => {
  const connectorId = await newConnector();
  const answer = service.client.rpc.listQueries({ connectorId, principal: "a\0b" });
  expect(await reasonOf(answer)).toBe("INVALID_REQUEST");
});

test("a deleted connector's history is not found, and stays in the store", async () => {
  const connectorId = await newConnector();
  await service.client.testConnector(connectorId);
  await historyOf(connectorId, 1);
  await service.client.deleteConnector(connectorId);
  expect(await reasonOf(service.client.rpc.listQueries({ connectorId }))).toBe("NOT_FOUND");
  const rows = await run(service.storeUrl, "SELECT method FROM query_record WHERE connector_id = $1", [connectorId]);
  expect(rows).toEqual([["TestConnector"]]);
});

async function reasonOf(answer: Promise<unknown>): Promise<string | undefined> {
  return answer.then(
    () => undefined,
    (error) => ConnectorError.from(error).reason,
  );
}
