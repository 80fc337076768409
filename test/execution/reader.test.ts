/** What becomes of a stream by what its reader does, without a source. */
import { expect, test } from "vitest";
import type { Allowance } from "../../src/execution/budget/budgets.ts";
import { streamWithin, unlimited } from "../../src/execution/budget/spending.ts";
import { openCall } from "../../src/execution/call.ts";
import { outcomeOf } from "../../src/execution/outcome.ts";
import type { Ticket } from "../../src/execution/pipeline.ts";
import { beginStream, readStream } from "../../src/execution/streaming.ts";
import { Failure } from "../../src/failure.ts";
import type { CallEnded, Observation } from "../../src/observability/observation.ts";
import { type PackedBatch, PackedWriter } from "../../src/rows/packed.ts";
import { queryOf } from "./executing.ts";

function batch(): PackedBatch {
  const writer = new PackedWriter();
  writer.text("cell");
  writer.endRow();
  return writer.take() as PackedBatch;
}

/**
 * A stream on its way to a reader with little patience for it.
 *
 * @param allowance What its caller may still read
 */
function reading(batches: (signal: AbortSignal) => AsyncGenerator<PackedBatch>, allowance: Allowance = unlimited) {
  const told: Observation[] = [];
  const leaving = new AbortController();
  const caller = { principal: "tester", signal: leaving.signal, timeoutMs: undefined };
  const call = openCall(caller, { defaultMs: 60_000, maxMs: 60_000 });
  const subject = { organizationId: "acme", connectorId: "1", provider: "postgresql" };
  const ticket = { subject, call, attempts: 1 } as Ticket;
  const begun = { method: "StreamQuery", principal: "tester", agent: "", resource: "city", breaker: "closed" } as const;
  const outcome = outcomeOf(begun, ticket, (observation) => told.push(observation));
  const source = { ...call, signal: call.signal, settling: () => {} };
  const { result, end } = beginStream({ fields: [], batches: batches(call.signal) }, source);
  const rows = readStream(result, {
    ...{ call, outcome, bounds: streamWithin(queryOf("city"), allowance), stallMs: 30 },
    translated: (work) => work(),
    ...{ subject, observe: (observation: Observation) => void told.push(observation) },
  });
  const ended = () => told.filter((each): each is CallEnded => each.kind === "call_ended");
  const of = (kind: Observation["kind"]) => told.filter((each) => each.kind === kind);
  return { rows, call, end, leaving, ended, of };
}

async function* three() {
  for (let i = 0; i < 3; i++) yield batch();
}

test("a stream that is read to its end has succeeded, once, with its rows", async () => {
  const { rows, end, ended, of } = reading(three);
  expect((await Array.fromAsync(rows)).length).toBe(3);
  await end;
  expect(ended()).toMatchObject([{ reason: undefined, rows: 3 }]);
  expect(of("reader_too_slow")).toEqual([]);
});

test("a reader that never begins to read is too slow, and the source is free without it", async () => {
  const { end, ended, of, call } = reading(three);
  await end;
  expect(call.signal.reason).toMatchObject({ kind: "slow_reader" });
  expect(ended()).toMatchObject([{ reason: "slow_reader", rows: 0 }]);
  expect(of("reader_too_slow")).toHaveLength(1);
});

test("a reader that stalls is ended, and hears of it when it comes back", async () => {
  const { rows, end, ended } = reading(three);
  const iterator = rows[Symbol.asyncIterator]();
  await iterator.next();
  await end;
  await expect(iterator.next()).rejects.toMatchObject({ kind: "slow_reader", metadata: { connector: "1" } });
  expect(ended()).toMatchObject([{ reason: "slow_reader", rows: 1 }]);
});

test("a reader that leaves before the first batch has come stops what runs, and waits for nothing", async () => {
  const stopped = Promise.withResolvers<void>();
  const { rows, end, ended, leaving } = reading(async function* (signal) {
    const { promise, reject } = Promise.withResolvers<PackedBatch>();
    signal.addEventListener("abort", () => reject(signal.reason));
    try {
      yield await promise;
    } finally {
      stopped.resolve();
    }
  });
  const first = expect(Array.fromAsync(rows)).rejects.toMatchObject({ kind: "cancelled" });
  leaving.abort();
  await Promise.all([stopped.promise, end, first]);
  expect(ended()).toMatchObject([{ reason: "cancelled", rows: 0 }]);
});

test("a reader that leaves in the middle has cancelled", async () => {
  const { rows, end, ended } = reading(three);
  for await (const _ of rows) break;
  await end;
  expect(ended()).toMatchObject([{ reason: "cancelled", rows: 1 }]);
});

test.each([
  ["rows", { rows: 2 }],
  ["bytes", { bytes: 2 * batch().size }],
] as const)("a stream that would go beyond a budget of %s ends with what was left of it", async (unit, left) => {
  const exhausted = new Failure("budget_exhausted", `The budget of ${unit} is used up.`);
  const { rows, end, ended } = reading(three, { ...unlimited, ...left, exhausted: () => exhausted });
  const read: PackedBatch[] = [];
  const all = (async () => {
    for await (const each of rows) read.push(each);
  })();
  await expect(all).rejects.toMatchObject({ kind: "budget_exhausted" });
  await end;
  expect(read).toHaveLength(2);
  expect(ended()).toMatchObject([{ reason: "budget_exhausted", rows: 2 }]);
});

test("a stream is told of when it begins, with each batch that its reader has come back from, and at its end, once", async () => {
  const { rows, end, of } = reading(three);
  expect(of("stream_opened")).toHaveLength(1);
  const iterator = rows[Symbol.asyncIterator]();
  await iterator.next();
  expect(of("stream_moved")).toEqual([]);
  await iterator.next();
  const { rows: count, size: bytes } = batch();
  expect(of("stream_moved")).toMatchObject([{ rows: count, bytes }]);
  expect(of("stream_ended")).toEqual([]);
  await iterator.return?.();
  await end;
  // The second one was read, too.
  expect(of("stream_moved")).toHaveLength(2);
  expect(of("stream_ended")).toHaveLength(1);
});

test("a stream whose reader never begins is over all the same", async () => {
  const { end, of } = reading(three);
  await end;
  expect([of("stream_opened").length, of("stream_moved").length, of("stream_ended").length]).toEqual([1, 0, 1]);
});
