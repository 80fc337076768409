/** A call that ends early stops its statement at the database. */
import { setTimeout as delay } from "node:timers/promises";
import { Code } from "@connectrpc/connect";
import { type ClientReadableStream, Metadata } from "@grpc/grpc-js";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { grpcClient } from "../server/grpc-js.ts";
import { anew } from "../support/patience.ts";
import { stopwatch } from "../support/stopwatch.ts";
import { type Source, serviceWithSource, until } from "./source.ts";

/** Longer than a statement may live on after its call has ended. */
const limitMs = 250;
const ours = "application_name = 'connector-service' AND datname = current_database()";
// A transaction that is left open would be no better.
const active = `SELECT count(*) FROM pg_stat_activity WHERE ${ours} AND state <> 'idle'`;
const blocked = `${active} AND wait_event_type = 'Lock'`;
const connected = `SELECT count(*) FROM pg_stat_activity WHERE ${ours}`;

let source: Source;

beforeAll(async () => {
  source = await serviceWithSource(`
    CREATE TABLE big AS SELECT i AS id, repeat('x', 100) AS text FROM generate_series(1, 100000) i;
    ALTER TABLE big ADD PRIMARY KEY (id);
    CREATE TABLE locked (id int4 PRIMARY KEY);
    CREATE VIEW asleep AS SELECT i AS id, pg_sleep(30)::text AS text FROM generate_series(1, 100) i;
    ANALYZE big`);
});

afterAll(() => source.stop());

/** Ends the call and says how long the statement lived on, in milliseconds. */
async function afterlife(end: () => unknown): Promise<number> {
  end();
  return until(source, active, "0");
}

const endless = "SELECT a.id, a.text FROM big a, generate_series(1, 1000)";
const sleeping = "SELECT 1 AS x, pg_sleep(30)";

describe("a statement is stopped", () => {
  test.each(["packed", "values"] as const)("when the loop over %s rows is left", async (format) => {
    const { client, connectorId } = source;
    for await (const _ of client.stream(connectorId, { native: endless }, { format })) break;
    expect(await until(source, active, "0")).toBeLessThan(limitMs);
  });

  test.each([
    ["a stream before its first row", { native: sleeping }],
    ["a stream of a resource before its first row", { resource: "asleep" }],
    ["a stream in the middle of its rows", { native: endless }],
  ])("when the caller cancels %s", async (_, query) => {
    const { client, connectorId } = source;
    const stream = client.stream(connectorId, query);
    const reading = (async () => {
      for await (const _ of stream);
    })();
    const ended = expect(reading).rejects.toMatchObject({ code: Code.Canceled });
    await until(source, active, "1");
    expect(await afterlife(() => stream.cancel())).toBeLessThan(limitMs);
    await ended;
  });

  test("when the caller cancels a stream that it does not read", async () => {
    const { client, connectorId } = source;
    using stream = client.stream(connectorId, { native: endless });
    await stream.header;
    // Every buffer is full: the server waits for its reader, in a step's middle or at its end.
    await until(source, `${active} AND wait_event_type = 'Client'`, "1");
    await delay(300);
    await until(source, `${active} AND wait_event_type = 'Client'`, "1");
    expect(await afterlife(() => stream.cancel())).toBeLessThan(limitMs);
  });

  test("when the caller cancels a page", async () => {
    const { client, connectorId } = source;
    const controller = new AbortController();
    const page = client.query(connectorId, { native: sleeping }, { signal: controller.signal });
    const ended = expect(page).rejects.toMatchObject({ code: Code.Canceled });
    await until(source, active, "1");
    expect(await afterlife(() => controller.abort())).toBeLessThan(limitMs);
    await ended;
  });

  test("when the client's connection is lost", async () => {
    const { service, connectorId } = source;
    const client = service.clientFor(service.token);
    const reading = (async () => {
      for await (const _ of client.stream(connectorId, { native: sleeping }));
    })();
    const ended = expect(reading).rejects.toThrow();
    await until(source, active, "1");
    expect(await afterlife(() => client.close())).toBeLessThan(limitMs);
    await ended;
  });

  test.each([
    [
      "a stream",
      (timeoutMs: number) => source.client.stream(source.connectorId, { native: sleeping }, { timeoutMs }).header,
    ],
    ["a page", (timeoutMs: number) => source.client.query(source.connectorId, { native: sleeping }, { timeoutMs })],
  ])("when the deadline of %s passes", anew, async (_, call) => {
    const took = stopwatch();
    const ended = expect(call(400)).rejects.toMatchObject({ code: Code.DeadlineExceeded });
    await until(source, active, "1");
    await ended;
    expect(took()).toBeLessThan(400 + limitMs);
    expect(await until(source, active, "0")).toBeLessThan(limitMs);
  });

  test("when a client of grpc-js cancels", async () => {
    const { service, connectorId } = source;
    const client = grpcClient(
      Number(new URL(service.url).port),
      "connector.v1.ConnectorService",
      "connector/v1/service.proto",
    );
    const metadata = new Metadata();
    metadata.set("authorization", `Bearer ${service.token}`);
    const request = { connector_id: connectorId, query: { native: { text: sleeping } } };
    const call = (client as unknown as Streaming).StreamQuery(request, metadata);
    const ended = new Promise((resolve) => call.on("error", resolve));
    call.resume();
    await until(source, active, "1");
    expect(await afterlife(() => call.cancel())).toBeLessThan(limitMs);
    await ended;
  });

  test.each([
    ["a native statement, which is being described,", { native: "SELECT * FROM locked" }],
    ["a resource", { resource: "locked" }],
  ])("while %s waits for a lock", async (_, query) => {
    const { client, connectorId, url } = source;
    const locker = new pg.Client({ connectionString: url });
    await locker.connect();
    try {
      await locker.query("BEGIN; LOCK TABLE locked IN ACCESS EXCLUSIVE MODE");
      const controller = new AbortController();
      const { signal } = controller;
      const calls = [
        client.stream(connectorId, query, { signal }).header,
        client.query(connectorId, query, { signal }),
      ];
      const ended = Promise.allSettled(calls);
      await until(source, blocked, "2");
      controller.abort();
      expect(await until(source, blocked, "0")).toBeLessThan(limitMs);
      expect((await ended).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    } finally {
      await locker.end();
    }
  });
});

interface Streaming {
  StreamQuery(request: object, metadata: Metadata): ClientReadableStream<unknown>;
}

test("what was cancelled takes its connection with it, and leaves its place to others", async () => {
  const { client, connectorId } = source;
  for (let i = 0; i < 30; i++) {
    const controller = new AbortController();
    const page = client.query(connectorId, { native: sleeping }, { signal: controller.signal });
    const ended = expect(page).rejects.toThrow();
    if (i % 3 === 0) await until(source, active, "1");
    else await delay(i % 5);
    controller.abort();
    await ended;
  }
  await until(source, active, "0");
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, i) => client.query(connectorId, { native: `SELECT ${i} AS x` })),
  );
  expect(answers.map(({ rows }) => rows[0]?.x)).toEqual(Array.from({ length: 20 }, (_, i) => i));
  expect(Number((await source.run(connected))[0]?.[0])).toBeLessThanOrEqual(10);
});
