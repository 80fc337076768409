/** A stream's reader that takes nothing for too long frees what it holds of the source. */
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { createConnectorClient, type RowBatch } from "../../src/client/index.ts";
import { anew } from "../support/patience.ts";
import { postgresqlKind } from "../support/postgresql-kind.ts";
import { connectorTo } from "../support/service.ts";
import type { SourceKind } from "../support/source-kind.ts";
import { stopwatch } from "../support/stopwatch.ts";
import { counted } from "./metrics.ts";
import { kinds, type ReaderSource, serviceWithReader, untilBusy } from "./reader.ts";

const stallMs = 1_000;
const rows = 200_000;

type Batch = RowBatch<{ id: number }>;

let source: ReaderSource;

const open = (kind: SourceKind) => async () => {
  const statements = kind.bigTable("numbers", rows / 1_000, 100);
  const environment = { STREAM_STALL_SECONDS: String(stallMs / 1_000), METRICS_PORT: "0" };
  source = await serviceWithReader(kind, statements, environment);
};

describe.each(kinds)("at a source of $id", (kind) => {
  beforeAll(open(kind));
  afterAll(() => source.stop());

  test.each(["packed", "values"] as const)(
    "a reader of %s rows that stalls holds neither connection nor permit",
    anew,
    async (format) => {
      const target = connectorTo(source.url, `c-${crypto.randomUUID()}`);
      const { id } = await source.client.createConnector({ ...target, policy: { maxConcurrency: 1 } });
      const before = await counted(source.service, "connector_slow_readers_total");
      const stream = source.client.stream<{ id: number }>(id, { resource: "numbers" }, { format });
      const batches = stream.batches()[Symbol.asyncIterator]();
      const first = (await batches.next()).value as Batch;
      await untilBusy(source, 1);
      const took = stopwatch();
      await untilBusy(source, 0);
      expect(took()).toBeLessThan(stallMs + 1_000);
      expect(await counted(source.service, "connector_slow_readers_total")).toBe(before + 1);
      // The only permit is free again.
      expect((await source.client.query(id, { native: "SELECT 1 AS one" })).rows).toHaveLength(1);

      // It comes back: what was on its way comes, row by row, and then the reason; never a trailer.
      let last = 0;
      const reading = (async () => {
        for (let batch: Batch | undefined = first; batch !== undefined; batch = (await batches.next()).value as Batch) {
          for (const { id } of batch) expect(id).toBe(++last);
        }
      })();
      await expect(reading).rejects.toMatchObject({ code: 8, reason: "SLOW_READER", where: "caller" });
      expect(last).toBeGreaterThanOrEqual(first.length);
      expect(last).toBeLessThan(rows);
      await expect(stream.trailer).rejects.toMatchObject({ reason: "SLOW_READER" });
    },
  );
});

describe("at any source", () => {
  beforeAll(open(postgresqlKind));
  afterAll(() => source.stop());

  test("a slow reader that is steady gets every row", anew, async () => {
    const { url, token } = source.service;
    // What the reader's own window holds back is no steady reading: it is told of in halves of the window.
    const client = createConnectorClient({ url, token, windowBytes: 65_536 });
    onTestFinished(() => client.close());
    const stream = client.stream<{ id: number }>(source.connectorId, { resource: "numbers", limit: 30_000 });
    let last = 0;
    const start = performance.now();
    for await (const batch of stream.batches()) {
      for (const { id } of batch) expect(id).toBe(++last);
      await delay(100);
    }
    expect(last).toBe(30_000);
    expect(performance.now() - start).toBeGreaterThan(stallMs);
    expect(await stream.trailer).toMatchObject({ rows: 30_000n });
  });

  test("a source that is slow to answer is no fault of the reader's", async () => {
    const native = "SELECT i AS id, pg_sleep(1.3)::text AS pause FROM generate_series(1, 2) AS i";
    const stream = source.client.stream<{ id: number }>(source.connectorId, { native });
    expect(await Array.fromAsync(stream, ({ id }) => id)).toEqual([1, 2]);
  });
});
