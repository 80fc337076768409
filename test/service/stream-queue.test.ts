/** More calls than the source may have connections: they wait in line. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { Code } from "../../src/client/index.ts";
import { anew } from "../support/patience.ts";
import { stopwatch } from "../support/stopwatch.ts";
import { type Source, serviceWithSource, until } from "./source.ts";

const most = 3;
const ours = "application_name = 'connector-service' AND datname = current_database()";
const connections = `SELECT count(*) FROM pg_stat_activity WHERE ${ours}`;
const active = `${connections} AND state = 'active'`;

let source: Source;

beforeAll(async () => {
  source = await serviceWithSource("", { MAX_CONNECTIONS_PER_CONNECTOR: String(most) });
});

afterAll(() => source.stop());

/** Takes every connection until it is told to stop. */
async function occupied(): Promise<() => Promise<unknown>> {
  const { client, connectorId } = source;
  const controller = new AbortController();
  const calls = Array.from({ length: most }, () =>
    client.query(connectorId, { native: "SELECT pg_sleep(60)" }, { signal: controller.signal, timeoutMs: 60_000 }),
  );
  const ended = Promise.allSettled(calls);
  await until(source, active, String(most));
  return () => {
    controller.abort();
    return ended;
  };
}

test("twelve streams over three connections all come to their end", async () => {
  const { client, connectorId } = source;
  const sums = await Promise.all(
    Array.from({ length: 12 }, async (_, number) => {
      const native = `SELECT i * ${number} AS x FROM generate_series(1, 5000) i`;
      let sum = 0;
      for await (const row of client.stream<{ x: number }>(connectorId, { native })) sum += row.x;
      return sum;
    }),
  );
  expect(sums).toEqual(Array.from({ length: 12 }, (_, number) => (number * 5_000 * 5_001) / 2));
  expect(Number((await source.run(connections))[0]?.[0])).toBeLessThanOrEqual(most);
});

test("one that waits in line can be cancelled, and those behind it get their turn", async () => {
  const { client, connectorId } = source;
  const free = await occupied();
  const controller = new AbortController();
  const waiting = client.query(connectorId, { native: "SELECT 'first'" }, { signal: controller.signal });
  const behind = client.query(connectorId, { native: "SELECT 'second' AS x" });
  const took = stopwatch();
  setImmediate(() => controller.abort());
  await expect(waiting).rejects.toMatchObject({ code: Code.Canceled });
  expect(took()).toBeLessThan(1_000);
  await free();
  expect((await behind).rows.map((row) => row.x)).toEqual(["second"]);
});

test("one whose time limit passes in line says that it waited for a permit", anew, async () => {
  const { client, connectorId } = source;
  const defaultTimeout = { seconds: 0n, nanos: 300_000_000 };
  await client.updateConnector(connectorId, { policy: { defaultTimeout } });
  const free = await occupied();
  const error = await client.query(connectorId, { native: "SELECT 1" }).catch((cause) => cause);
  await free();
  expect(error).toMatchObject({
    reason: "DEADLINE_EXCEEDED",
    message: expect.stringMatching(/passed: 0\.[23]\d\d s for a permit among the calls at once\./),
    metadata: { where: "bulkhead" },
  });
});
