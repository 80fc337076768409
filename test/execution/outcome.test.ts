/** However a call ends, that is told once, and all that it took is free again. */
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import type { ExecutedStream } from "../../src/execution/answer.ts";
import { Failure, type FailureKind } from "../../src/failure.ts";
import type { CallEnded } from "../../src/observability/observation.ts";
import type { ConnectorPolicy, ConnectorRow } from "../../src/store/entities/connector.ts";
import { type Answer, type HttpSource, httpSource, lines, rows, silence, status } from "../support/http-provider.ts";
import { anew } from "../support/patience.ts";
import {
  callerFor,
  type Executing,
  type ExecutingOptions,
  executing,
  httpConnector,
  pageQuery,
  queryOf,
} from "./executing.ts";

let source: HttpSource;

beforeAll(async () => {
  source = await httpSource();
});
afterAll(() => source.stop());
beforeEach(() => source.answer(rows([["1"], ["2"]])));

interface Stage extends Executing {
  readonly connector: ConnectorRow;
  query(signal?: AbortSignal, timeoutMs?: number, maxAgeMs?: number): Promise<unknown>;
  stream(signal?: AbortSignal, timeoutMs?: number): Promise<ExecutedStream>;
}

async function stageOf(policy: ConnectorPolicy = {}, options: ExecutingOptions = {}): Promise<Stage> {
  const own = await executing(options);
  onTestFinished(() => own.close());
  const connector = httpConnector(source.port, policy);
  return {
    ...own,
    connector,
    query: (signal, timeoutMs, maxAgeMs = 0) =>
      own.execution.query(connector, pageQuery(maxAgeMs), callerFor(timeoutMs, signal)),
    stream: (signal, timeoutMs) => own.execution.stream(connector, queryOf(), callerFor(timeoutMs, signal)),
  };
}

/** The only call's end, when nothing is held for it any more. */
async function onlyEnd({ ended, execution }: Stage): Promise<Partial<CallEnded> | undefined> {
  await expect.poll(execution.bulkheadFigures).toEqual({ running: 0, waiting: 0 });
  await expect.poll(() => ended().length).toBe(1);
  // What would be told twice would be told by now.
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(ended()).toHaveLength(1);
  return ended()[0];
}

const refusedAs = (kind: FailureKind) => expect.objectContaining({ kind });

/** Batches come one by one, and there is no end of them. */
const endless: Answer = (response) => {
  const timer = setInterval(() => response.write('[["1"]]\n'), 5);
  response.once("close", () => clearInterval(timer));
};

describe("a page", () => {
  test("that was read", async () => {
    const stage = await stageOf();
    await stage.query();
    expect(await onlyEnd(stage)).toMatchObject({
      ...{ method: "Query", principal: "tester", resource: "place", reason: undefined },
      ...{ rows: 2, attempts: 1, cached: false, breaker: "closed" },
    });
  });

  test("that its source refused", async () => {
    source.answer(status(400));
    const stage = await stageOf();
    await expect(stage.query()).rejects.toEqual(refusedAs("statement_rejected"));
    expect(await onlyEnd(stage)).toMatchObject({ reason: "statement_rejected", rows: 0, attempts: 1 });
  });

  test("that was read by the second attempt", async () => {
    source.answer(status(503), rows([["1"]]));
    const stage = await stageOf();
    await stage.query();
    expect(await onlyEnd(stage)).toMatchObject({ reason: undefined, attempts: 2 });
  });

  test("of a disabled connector", async () => {
    const stage = await stageOf();
    const disabled = { ...stage.connector, disabled: true };
    await expect(stage.execution.query(disabled, pageQuery(), callerFor())).rejects.toEqual(
      refusedAs("connector_disabled"),
    );
    expect(await onlyEnd(stage)).toMatchObject({ reason: "connector_disabled", attempts: 0 });
  });

  test("that its caller cancelled", async () => {
    source.answer(silence);
    const stage = await stageOf();
    const controller = new AbortController();
    const before = source.requests;
    const asking = stage.query(controller.signal);
    await source.asked(before + 1);
    controller.abort();
    await expect(asking).rejects.toEqual(refusedAs("cancelled"));
    expect(await onlyEnd(stage)).toMatchObject({ reason: "cancelled", attempts: 1 });
  });

  test("whose caller had left before", async () => {
    const stage = await stageOf();
    await expect(stage.query(AbortSignal.abort())).rejects.toEqual(refusedAs("cancelled"));
    expect(await onlyEnd(stage)).toMatchObject({ reason: "cancelled", attempts: 0 });
  });

  test("whose time was up", anew, async () => {
    source.answer(silence);
    const stage = await stageOf();
    await expect(stage.query(undefined, 100)).rejects.toEqual(refusedAs("deadline_exceeded"));
    expect(await onlyEnd(stage)).toMatchObject({ reason: "deadline_exceeded", attempts: 1 });
  });

  test.each([0, 1_000])(
    "that ran when the service stopped, of a caller that accepts an age of %i ms",
    async (maxAgeMs) => {
      source.answer(silence);
      const stage = await stageOf({ maxCacheAgeMs: 1_000 });
      const before = source.requests;
      const asking = stage.query(undefined, undefined, maxAgeMs);
      await source.asked(before + 1);
      stage.execution.abort(new Failure("shutting_down", "The service is stopping."));
      await expect(asking).rejects.toEqual(refusedAs("shutting_down"));
      expect(await onlyEnd(stage)).toMatchObject({ reason: "shutting_down", attempts: 1 });
    },
  );

  test.each([0, 1_000])(
    "that took longer than is usual, of a caller that gave it the time and accepts an age of %i ms",
    async (maxAgeMs) => {
      source.answer((response) => void setTimeout(() => rows([["1"]])(response), 200));
      const stage = await stageOf({ maxCacheAgeMs: 1_000, defaultTimeoutMs: 100 });
      await stage.query(undefined, 5_000, maxAgeMs);
      expect(await onlyEnd(stage)).toMatchObject({ reason: undefined, attempts: 1 });
    },
  );

  test("that was read for callers who may keep it", async () => {
    const stage = await stageOf({ maxCacheAgeMs: 60_000 });
    const before = source.requests;
    await Promise.all([stage.query(undefined, 1_000, 1_000), stage.query(undefined, 1_000, 1_000)]);
    await stage.query(undefined, 1_000, 60_000);
    expect(source.requests - before).toBe(1);
    expect(stage.ended().map(({ reason, rows, attempts, cached }) => [reason, rows, attempts, cached])).toEqual([
      [undefined, 2, 1, false],
      [undefined, 2, 0, false],
      [undefined, 2, 0, true],
    ]);
  });
});

describe("a call that waits when the service stops", () => {
  const stopping = new Failure("shutting_down", "The service is stopping.");

  test("for its next attempt ends at once", async () => {
    source.answer(status(503, { "retry-after": "5" }));
    const stage = await stageOf();
    const asking = stage.query();
    await expect.poll(() => stage.observations.map(({ kind }) => kind)).toContain("retry_decided");
    stage.execution.abort(stopping);
    await expect(asking).rejects.toEqual(refusedAs("shutting_down"));
    const { timings, ...end } = (await onlyEnd(stage)) ?? {};
    expect(end).toMatchObject({ reason: "shutting_down", attempts: 1 });
    expect(timings?.backoff).toBeLessThan(1_000);
  });

  test("for a permit ends at once, and never comes to the source", async () => {
    source.answer(silence);
    const stage = await stageOf({ maxConcurrency: 1 });
    const before = source.requests;
    const running = stage.query().catch(({ kind }) => kind);
    await source.asked(before + 1);
    const waiting = stage.query().catch(({ kind }) => kind);
    await expect.poll(stage.execution.bulkheadFigures).toEqual({ running: 1, waiting: 1 });
    stage.execution.abort(stopping);
    expect(await Promise.all([running, waiting])).toEqual(["shutting_down", "shutting_down"]);
    const attempts = stage.ended().map((end) => end.attempts);
    expect(attempts.toSorted()).toEqual([0, 1]);
    expect(source.requests - before).toBe(1);
    await expect.poll(stage.execution.bulkheadFigures).toEqual({ running: 0, waiting: 0 });
  });

  test("ends at once also when it came after that", async () => {
    const stage = await stageOf();
    const before = source.requests;
    stage.execution.abort(stopping);
    await expect(stage.query()).rejects.toMatchObject({ kind: "shutting_down" });
    expect(source.requests).toBe(before);
  });
});

test("each refusal of ours is the end of one call, which never came to the source", async () => {
  const limited = await stageOf({ callsPerSecond: 1 });
  await limited.query();
  await expect(limited.query()).rejects.toEqual(refusedAs("rate_limited"));

  source.answer(silence);
  const full = await stageOf({ maxConcurrency: 1 }, { limits: { waiting: 0 } });
  const controller = new AbortController();
  const before = source.requests;
  const running = full.query(controller.signal).catch(() => {});
  await source.asked(before + 1);
  await expect(full.query()).rejects.toEqual(refusedAs("bulkhead_full"));
  controller.abort();
  await running;

  source.answer(status(503));
  const broken = await stageOf();
  for (let i = 0; i < 6; i++) await broken.query().catch(() => {});
  await expect(broken.query()).rejects.toEqual(refusedAs("breaker_open"));

  const ends = [limited, full, broken].map(({ ended }) => ended());
  expect(ends.map((each) => each.length)).toEqual([2, 2, 7]);
  const refusals = [ends[0]?.[1], ends[1]?.[0], ends[2]?.[6]];
  expect(refusals.map((end) => [end?.reason, end?.attempts])).toEqual([
    ["rate_limited", 0],
    ["bulkhead_full", 0],
    ["breaker_open", 0],
  ]);
});

describe("a stream", () => {
  test("that was read to its end", async () => {
    source.answer(lines([["1"], ["2"]], [["3"]]));
    const stage = await stageOf();
    const { batches } = await stage.stream();
    expect(await Array.fromAsync(batches, ({ rows }) => rows)).toEqual([2, 1]);
    expect(await onlyEnd(stage)).toMatchObject({ method: "StreamQuery", reason: undefined, rows: 3, attempts: 1 });
  });

  test("that its reader left in the middle", async () => {
    source.answer(endless);
    const stage = await stageOf();
    for await (const _ of (await stage.stream()).batches) break;
    expect(await onlyEnd(stage)).toMatchObject({ reason: "cancelled", rows: 1 });
  });

  test("that its caller cancelled before it read anything", async () => {
    source.answer(endless);
    const stage = await stageOf();
    const controller = new AbortController();
    await stage.stream(controller.signal);
    controller.abort();
    expect(await onlyEnd(stage)).toMatchObject({ reason: "cancelled", rows: 0 });
  });

  test("that its caller cancelled in the middle", async () => {
    source.answer(endless);
    const stage = await stageOf();
    const controller = new AbortController();
    const reading = (async () => {
      for await (const _ of (await stage.stream(controller.signal)).batches) controller.abort();
    })();
    await expect(reading).rejects.toEqual(refusedAs("cancelled"));
    expect(await onlyEnd(stage)).toMatchObject({ reason: "cancelled", rows: 1 });
  });

  test("whose time was up in the middle", async () => {
    source.answer(endless);
    const stage = await stageOf();
    const reading = (async () => {
      for await (const _ of (await stage.stream(undefined, 200)).batches);
    })();
    await expect(reading).rejects.toEqual(refusedAs("deadline_exceeded"));
    expect(await onlyEnd(stage)).toMatchObject({ reason: "deadline_exceeded", rows: expect.any(Number) });
  });

  test.each([0, 1])("whose reader stalled after %i batches", async (taken) => {
    source.answer(endless);
    const stage = await stageOf({}, { limits: { stallMs: 100 } });
    const { batches } = await stage.stream();
    const reader = batches[Symbol.asyncIterator]();
    for (let i = 0; i < taken; i++) await reader.next();
    expect(await onlyEnd(stage)).toMatchObject({ reason: "slow_reader", rows: taken });
    expect(stage.observations.filter(({ kind }) => kind === "reader_too_slow")).toHaveLength(1);
    // What was on its way to the reader still comes.
    await expect(Array.fromAsync(batches)).rejects.toEqual(refusedAs("slow_reader"));
    expect(stage.ended()).toHaveLength(1);
  });

  test("whose reader is slow and steady", anew, async () => {
    source.answer(lines([["1"]], [["2"]], [["3"]], [["4"]]));
    const stage = await stageOf({}, { limits: { stallMs: 200 } });
    for await (const _ of (await stage.stream()).batches) await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await onlyEnd(stage)).toMatchObject({ reason: undefined, rows: 4 });
  });

  test.each([
    ["before its first batch", ""],
    ["after its first batch", '[["1"]]\n'],
  ])("whose source was lost %s", async (_, sent) => {
    source.answer((response) => {
      response.write(sent === "" ? " " : sent);
      // So that what was sent comes before the loss.
      setTimeout(() => response.destroy(), 50);
    });
    const stage = await stageOf();
    const reading = Array.fromAsync((await stage.stream()).batches);
    await expect(reading).rejects.toEqual(refusedAs("upstream_lost"));
    expect(await onlyEnd(stage)).toMatchObject({ reason: "upstream_lost", attempts: 1 });
  });

  test("that could not be begun", async () => {
    source.answer(status(400));
    const stage = await stageOf();
    await expect(stage.stream()).rejects.toEqual(refusedAs("statement_rejected"));
    expect(await onlyEnd(stage)).toMatchObject({ reason: "statement_rejected", rows: 0 });
  });
});
