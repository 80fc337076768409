/** A call as a session sees it: when it ends, and when nothing of it runs any more. */
import { getEventListeners } from "node:events";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type OpenCall, openCall } from "../../src/execution/call.ts";
import { type SourceCall, shelteredCall, sourceCall } from "../../src/execution/source-call.ts";
import { Failure } from "../../src/failure.ts";

const limitMs = 1_000;
const limits = { defaultMs: 10_000, maxMs: 10_000 };

let leaving: AbortController;
let drain: AbortController;
let call: OpenCall;

beforeEach(() => {
  vi.useFakeTimers();
  [leaving, drain] = [new AbortController(), new AbortController()];
  call = callFor(undefined);
});
afterEach(() => {
  call.close();
  vi.useRealTimers();
});

function callFor(timeoutMs: number | undefined): OpenCall {
  return openCall({ principal: "tester", signal: leaving.signal, timeoutMs }, limits);
}

const kindOf = (ended: SourceCall) => (ended.signal.aborted ? ended.signal.reason.kind : undefined);

describe("a usual call", () => {
  test("ends with its caller's", () => {
    const seen = sourceCall(call);
    leaving.abort();
    expect(kindOf(seen)).toBe("cancelled");
  });

  test("has settled when nothing was said of it", () => {
    expect(sourceCall(call).settled()).toBeUndefined();
  });

  test.each([
    [["answered", "answered"], "answered"],
    [["answered", "lost"], "lost"],
  ] as const)("settles when all of %j have", async (ends, expected) => {
    const seen = sourceCall(call);
    const [first, second] = [
      Promise.withResolvers<"answered" | "lost">(),
      Promise.withResolvers<"answered" | "lost">(),
    ];
    seen.settling(first.promise);
    seen.settling(second.promise);
    const settled = seen.settled();
    let over = false;
    void settled?.then(() => {
      over = true;
    });
    first.resolve(ends[0]);
    await vi.advanceTimersByTimeAsync(1);
    expect(over).toBe(false);
    second.resolve(ends[1]);
    expect(await settled).toBe(expected);
  });

  test("settles as lost when its session can't say how", async () => {
    const seen = sourceCall(call);
    seen.settling(Promise.reject(new Error("a fault of the session")));
    expect(await seen.settled()).toBe("lost");
  });
});

describe("a sheltered call", () => {
  test("does not hear that its caller has left, until the source is judged", () => {
    const seen = shelteredCall(call, limitMs, drain.signal);
    leaving.abort();
    expect(kindOf(seen)).toBeUndefined();
    seen.expose();
    expect(kindOf(seen)).toBe("cancelled");
  });

  test("ends with its caller's when the source was judged before", () => {
    const seen = shelteredCall(call, limitMs, drain.signal);
    seen.expose();
    vi.advanceTimersByTime(limitMs * 2);
    expect(kindOf(seen)).toBeUndefined();
    leaving.abort();
    expect(kindOf(seen)).toBe("cancelled");
  });

  test("has its own time limit, however short its caller's", () => {
    const short = callFor(100);
    const seen = shelteredCall(short, limitMs, drain.signal);
    expect(seen.deadline).toBeCloseTo(performance.now() + limitMs, -1);
    vi.advanceTimersByTime(limitMs - 1);
    expect(short.signal.reason).toMatchObject({ kind: "deadline_exceeded" });
    expect(kindOf(seen)).toBeUndefined();
    vi.advanceTimersByTime(1);
    expect(kindOf(seen)).toBe("upstream_unavailable");
  });

  test("is not ended before its caller's own deadline", () => {
    const seen = shelteredCall(callFor(limitMs * 3), limitMs, drain.signal);
    vi.advanceTimersByTime(limitMs * 2);
    expect(kindOf(seen)).toBeUndefined();
    vi.advanceTimersByTime(limitMs);
    expect(kindOf(seen)).toBe("upstream_unavailable");
  });

  test("ends when the service stops, before and after the source is judged", () => {
    const [hidden, exposed] = [shelteredCall(call, limitMs, drain.signal), shelteredCall(call, limitMs, drain.signal)];
    exposed.expose();
    const stopping = new Failure("shutting_down", "The service is stopping.");
    drain.abort(stopping);
    call.end(stopping);
    expect([hidden, exposed].map(kindOf)).toEqual(["shutting_down", "shutting_down"]);
  });

  test("that begins when the service is stopping already has ended", () => {
    drain.abort(new Failure("shutting_down", "The service is stopping."));
    expect(kindOf(shelteredCall(call, limitMs, drain.signal))).toBe("shutting_down");
  });

  test("leaves nothing behind that waits for the service's end", () => {
    call.close();
    call = callFor(limitMs);
    call.close();
    for (let i = 0; i < 3; i++) shelteredCall(call, limitMs, drain.signal).expose();
    shelteredCall(call, limitMs, drain.signal);
    vi.advanceTimersByTime(limitMs);
    expect(getEventListeners(drain.signal, "abort")).toHaveLength(0);
    expect(vi.getTimerCount()).toBe(0);
  });
});
