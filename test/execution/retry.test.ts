import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createRetries, type RetryCall } from "../../src/execution/retry/retry.ts";
import { Failure, type FailureKind, type FailureOptions } from "../../src/failure.ts";
import type { Observation, RetryDecided } from "../../src/observability/observation.ts";

const subject = { organizationId: "acme", connectorId: "1", provider: "postgresql" };
const told: Observation[] = [];
const observe = (observation: Observation) => void told.push(observation);
const decisions = () => told.map((each) => (each as RetryDecided).decision);

beforeEach(() => {
  vi.useFakeTimers();
  told.length = 0;
});
afterEach(() => {
  vi.useRealTimers();
});

/** A read with ten seconds left, which notes what it does. */
function callWith(options: Partial<RetryCall> = {}) {
  const parts: (string | undefined)[] = [];
  const call: RetryCall = {
    subject,
    repeatable: true,
    signal: new AbortController().signal,
    deadline: performance.now() + 10_000,
    enter: (part) => void parts.push(part),
    ...options,
  };
  return { call, parts };
}

/** Fails with these in turn, and then gives "done"; the times at which it was asked are kept. */
function source(...failures: unknown[]) {
  const numbers: number[] = [];
  const times: number[] = [];
  const start = performance.now();
  const attempt = async (number: number) => {
    numbers.push(number);
    times.push(performance.now() - start);
    if (failures.length > 0) throw failures.shift();
    return "done";
  };
  return { attempt, numbers, times };
}

function failed(kind: FailureKind, options?: FailureOptions): Failure {
  return new Failure(kind, "It failed.", { where: "upstream", ...options });
}

/** A budget that lets calls through this subject retry as they like. */
async function saved(retries: ReturnType<typeof createRetries>): Promise<void> {
  const { call } = callWith();
  for (let each = 0; each < 100; each++) await retries.run(call, async () => "done");
}

/** Ends the run with the failure that it ended with. */
async function refusal(running: Promise<unknown>): Promise<Failure> {
  const outcome = running.then(
    () => new Error("it did not fail"),
    (error: unknown) => error,
  );
  await vi.runAllTimersAsync();
  const error = await outcome;
  if (error instanceof Failure) return error;
  throw error;
}

test("an attempt that succeeds is the only one, and makes no timer", async () => {
  const retries = createRetries({ observe });
  const { call, parts } = callWith();
  const { attempt, numbers } = source();
  const running = retries.run(call, attempt);
  expect(vi.getTimerCount()).toBe(0);
  expect(await running).toEqual({ result: "done", attempts: 1 });
  expect(numbers).toEqual([1]);
  expect([told, parts]).toEqual([[], []]);
});

test("a read is tried three times at most, after random waits of up to 50 and 100 milliseconds", async () => {
  const retries = createRetries({ observe, random: () => 0.5 });
  await saved(retries);
  const { call, parts } = callWith();
  const { attempt, numbers, times } = source(failed("upstream_lost"), failed("upstream_unavailable"));
  const running = retries.run(call, attempt);
  await vi.runAllTimersAsync();
  expect(await running).toEqual({ result: "done", attempts: 3 });
  expect(numbers).toEqual([1, 2, 3]);
  expect(times).toEqual([0, 25, 75]);
  expect(parts).toEqual(["backoff", undefined, "backoff", undefined]);
  expect(told).toEqual(["retried", "retried"].map((decision) => ({ kind: "retry_decided", subject, decision })));
});

test("the last of three failures is the call's", async () => {
  const retries = createRetries({ observe });
  await saved(retries);
  const last = failed("upstream_unavailable", {
    remedy: "Look at the source.",
    retryAfterMs: 7,
    status: "57P03",
    metadata: { detail: "starting" },
    cause: new Error("for the log"),
  });
  const { attempt } = source(failed("upstream_lost"), failed("upstream_lost"), last);
  const failure = await refusal(retries.run(callWith().call, attempt));
  expect(failure).toMatchObject({
    ...{ kind: "upstream_unavailable", message: last.message, where: "upstream", remedy: "Look at the source." },
    ...{ retryAfterMs: 7, status: "57P03", cause: last.cause, final: false },
    metadata: { detail: "starting" },
  });
  expect(decisions()).toEqual(["retried", "retried", "attempts_used"]);
});

test("a failure that nothing may follow is the caller's at once, as it is", async () => {
  const retries = createRetries({ observe });
  const kinds: FailureKind[] = [
    ...(["invalid_request", "statement_rejected", "conflict", "credential_rejected", "egress_denied"] as const),
    ...(["rate_limited", "bulkhead_full", "breaker_open", "deadline_exceeded", "cancelled"] as const),
    ...(["shutting_down", "outcome_unknown", "internal"] as const),
  ];
  for (const thrown of [
    ...kinds.map((kind) => failed(kind, { retryAfterMs: 1 })),
    failed("upstream_unreachable", { final: true }),
    failed("upstream_rate_limited"),
    new TypeError("a fault of ours"),
  ]) {
    const { attempt, numbers } = source(thrown);
    await expect(retries.run(callWith().call, attempt)).rejects.toBe(thrown);
    expect(numbers).toEqual([1]);
  }
  expect(told).toEqual([]);
});

test("what must not run twice is tried again only when it was never sent", async () => {
  const retries = createRetries({ observe });
  for (const kind of ["upstream_lost", "upstream_unavailable", "upstream_rate_limited"] as const) {
    const { attempt, numbers } = source(failed(kind, { retryAfterMs: 1 }));
    expect((await refusal(retries.run(callWith({ repeatable: false }).call, attempt))).kind).toBe(kind);
    expect(numbers).toEqual([1]);
  }
  const { attempt, numbers } = source(failed("upstream_unreachable"));
  const running = retries.run(callWith({ repeatable: false }).call, attempt);
  await vi.runAllTimersAsync();
  expect(await running).toEqual({ result: "done", attempts: 2 });
  expect(numbers).toEqual([1, 2]);
});

test("a source that says when to come back is not asked before", async () => {
  const retries = createRetries({ observe, random: () => 0.5 });
  const { attempt, times } = source(failed("upstream_rate_limited", { retryAfterMs: 2_000 }));
  const running = retries.run(callWith().call, attempt);
  await vi.runAllTimersAsync();
  expect((await running).attempts).toBe(2);
  expect(times).toEqual([0, 2_025]);
});

test.each([
  ["the source's own wish", 3_600_000, 10_000],
  ["a random wait", undefined, 34],
])("a call fails at once when %s leads past its deadline", async (_, retryAfterMs, leftMs) => {
  const retries = createRetries({ observe, random: () => 0.5 });
  const thrown = failed("upstream_unavailable", retryAfterMs === undefined ? {} : { retryAfterMs });
  const { attempt, numbers } = source(thrown);
  await expect(retries.run(callWith({ deadline: performance.now() + leftMs }).call, attempt)).rejects.toBe(thrown);
  expect(thrown.retryAfterMs).toBe(retryAfterMs);
  expect(numbers).toEqual([1]);
  expect(decisions()).toEqual(["past_deadline"]);

  // With a moment for the attempt itself it is made.
  const inTime = source(failed("upstream_unavailable"));
  const running = retries.run(callWith({ deadline: performance.now() + 35 }).call, inTime.attempt);
  await vi.runAllTimersAsync();
  expect((await running).attempts).toBe(2);
});

test("waiting ends with the signal's reason, and leaves no timer", async () => {
  const retries = createRetries({ observe, random: () => 0.5 });
  const caller = new AbortController();
  const { call, parts } = callWith({ signal: caller.signal });
  const { attempt, numbers } = source(failed("upstream_lost"));
  const running = retries.run(call, attempt);
  const outcome = expect(running).rejects.toMatchObject({ kind: "cancelled" });
  await vi.advanceTimersByTimeAsync(20);
  expect(parts).toEqual(["backoff"]);
  caller.abort(failed("cancelled"));
  await outcome;
  expect(parts).toEqual(["backoff", undefined]);
  expect(numbers).toEqual([1]);
  expect(vi.getTimerCount()).toBe(0);
});

test("a call that was ended while it was tried gets the signal's reason, and costs its budget nothing", async () => {
  const retries = createRetries({ observe });
  const caller = new AbortController();
  const reason = failed("deadline_exceeded");
  const running = retries.run(callWith({ signal: caller.signal }).call, async () => {
    caller.abort(reason);
    throw failed("upstream_lost");
  });
  await expect(running).rejects.toBe(reason);
  expect(told).toEqual([]);
});
