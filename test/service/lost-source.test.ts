/** A source that is killed or freezes while a call is on its way. */
import pg from "pg";
import { afterEach, beforeEach, expect, test } from "vitest";
import { anew } from "../support/patience.ts";
import { type OwnCluster, ownCluster } from "../support/postgres.ts";
import { connectorTo } from "../support/service.ts";
import { stopwatch } from "../support/stopwatch.ts";
import { allRows, cities, expectAllAsBefore, refusalOf } from "./refusal.ts";
import { failedCheck } from "./report.ts";
import { rowsOf, type Source, serviceWithSource, until } from "./source.ts";

let source: Source;
let other: OwnCluster;
let connectorId: string;

beforeEach(async () => {
  [source, other] = await Promise.all([serviceWithSource(cities), ownCluster()]);
  connectorId = (await source.client.createConnector(connectorTo(other.url, "other"))).id;
});
afterEach(async () => {
  await expectAllAsBefore(source);
  await source.stop();
  await other.stop();
});

// In FROM the series would be counted to its end before the first row.
const endless = { native: "SELECT generate_series(1, 1000000000) AS n, repeat('x', 100) AS text" };

test("a source killed in the middle of a stream ends it as lost, after the rows already sent", async () => {
  const { client } = source;
  const stream = client.stream(connectorId, endless);
  let rows = 0;
  let killed: Promise<void> | undefined;
  const reading = (async () => {
    for await (const _row of stream) if (++rows === 1_000) killed = other.kill("SIGKILL");
  })();
  expect(await refusalOf(reading)).toMatchObject({
    code: "Unavailable",
    reason: "UPSTREAM_LOST",
    where: "upstream",
    remedy: expect.stringContaining("Try again"),
  });
  expect(rows).toBeGreaterThanOrEqual(1_000);
  await expect(stream.trailer).rejects.toMatchObject({ reason: "UPSTREAM_LOST" });

  await killed;
  const refusal = await refusalOf(client.query(connectorId, { native: "SELECT 1" }));
  expect(refusal).toMatchObject({ code: "Unavailable", reason: "UPSTREAM_UNREACHABLE" });
  expect(failedCheck(await client.testConnector(connectorId))).toMatchObject({ name: "connect" });
});

test("a source killed in the middle of a query ends it when it is not there for another attempt either", async () => {
  const querying = refusalOf(source.client.query(connectorId, { native: "SELECT 1 FROM pg_sleep(60)" }));
  await untilActive("1");
  await other.kill("SIGKILL");
  const refusal = await querying;
  expect(refusal).toMatchObject({ code: "Unavailable", where: "upstream" });
  expect(refusal.reason).toMatch(/^UPSTREAM_(LOST|UNREACHABLE)$/);
});

test(
  "a source that freezes in the middle of a query is ended by the deadline, and used again when it thaws",
  anew,
  async () => {
    const { rpc } = source.client;
    const query = { source: { case: "native" as const, value: { text: "SELECT 1 FROM pg_sleep(60)" } } };
    const took = stopwatch();
    const querying = refusalOf(rpc.query({ connectorId, query }, limit));
    await untilActive("1");
    await other.kill("SIGSTOP");
    const refusal = await querying;
    expect(took()).toBeLessThan(limitMs + 200);
    expect(refusal).toMatchObject({ code: "DeadlineExceeded", reason: "DEADLINE_EXCEEDED", where: "upstream" });
    expect(Number(refusal.metadata.source_ms)).toBeGreaterThan(limitMs / 2);
    const report = await rpc.testConnector({ connectorId }, limit);
    expect(failedCheck(report)).toMatchObject({ name: "authenticate", reason: "DEADLINE_EXCEEDED" });

    await other.kill("SIGCONT");
    await untilActive("0");
    expect((await source.client.query(connectorId, { native: "SELECT 1 AS one" })).rows[0]?.one).toBe(1);
  },
);

test(
  "a source that freezes in the middle of a stream is ended by the deadline, after the rows already sent",
  anew,
  async () => {
    const { rpc } = source.client;
    const query = { source: { case: "native" as const, value: { text: endless.native } } };
    const parts: (string | undefined)[] = [];
    const took = stopwatch();
    const reading = (async () => {
      for await (const { part } of rpc.streamQuery({ connectorId, query }, limit)) {
        if (parts.push(part.case) === 10) await other.kill("SIGSTOP");
      }
    })();
    const refusal = await refusalOf(reading);
    expect(took()).toBeLessThan(limitMs + 200);
    expect(refusal).toMatchObject({ code: "DeadlineExceeded", reason: "DEADLINE_EXCEEDED" });
    expect(parts.length).toBeGreaterThanOrEqual(10);
    expect(parts).not.toContain("trailer");
    await other.kill("SIGCONT");
    await untilActive("0");
    expect(await allRows(source.client.stream(connectorId, { native: "SELECT 1" }))).toHaveLength(1);
  },
);

const limitMs = 1_500;
/** Told to the service alone: it must keep to it by itself. */
const limit = { headers: { "connect-timeout-ms": `${limitMs}` } };

/** Waits until so many statements of the service run at the other source. */
async function untilActive(expected: string): Promise<void> {
  const client = new pg.Client({ connectionString: other.url });
  await client.connect();
  try {
    const run = (text: string) => rowsOf(client, text);
    const ofTheService = "application_name = 'connector-service' AND state <> 'idle'";
    await until({ run }, `SELECT count(*) FROM pg_stat_activity WHERE ${ofTheService}`, expected);
  } finally {
    await client.end();
  }
}
