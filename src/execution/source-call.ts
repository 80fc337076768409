/** A call as a session sees it in one attempt. */
import { Failure } from "../failure.ts";
import { type Span, traceparentOf } from "../observability/span.ts";
import type { Call, Settled } from "../providers/contract.ts";
import type { OpenCall } from "./call.ts";

export interface SourceCall extends Call {
  /**
   * How the source took the end of the attempt, when nothing of it runs there any more;
   * undefined when it has settled already.
   */
  settled(): Promise<Settled> | undefined;
  /** From now it ends with its caller's call, if it did not before. */
  expose(): void;
}

/** @param attempt The span of the attempt, where it is recorded */
export function sourceCall(call: OpenCall, attempt?: Span): SourceCall {
  const { signal, deadline, enter, quota } = call;
  const { settling, settled } = settlings();
  return { signal, deadline, enter, quota, traceparent: placeOf(call, attempt), settling, settled, expose };
}

function placeOf({ trace }: OpenCall, attempt: Span | undefined): string | undefined {
  const place = attempt ?? trace;
  return place && traceparentOf(place);
}

const expose = () => {};

/**
 * A call that its caller can't end: it decides whether a source is back, and a caller
 * that leaves would leave the breaker without an answer.
 *
 * @param limitMs The least that it gets; more when its caller's deadline is later.
 * @param drain Ends it all the same.
 */
export function shelteredCall(call: OpenCall, limitMs: number, drain: AbortSignal, attempt?: Span): SourceCall {
  const controller = new AbortController();
  const uncover = () => {
    clearTimeout(timer);
    drain.removeEventListener("abort", stop);
  };
  const end = (reason: unknown) => {
    uncover();
    controller.abort(reason);
  };
  const stop = () => end(drain.reason);
  const follow = () => end(call.signal.reason);
  const lastsMs = Math.max(limitMs, call.deadline - performance.now());
  const timer = setTimeout(() => end(silent(lastsMs)), Math.min(lastsMs, 2 ** 31 - 1)).unref();
  drain.addEventListener("abort", stop, { once: true });
  if (drain.aborted) stop();
  return {
    signal: controller.signal,
    deadline: performance.now() + lastsMs,
    enter: call.enter,
    quota: call.quota,
    traceparent: placeOf(call, attempt),
    ...settlings(),
    expose() {
      // Its caller's call ends when the service stops, too.
      uncover();
      if (call.signal.aborted) follow();
      else call.signal.addEventListener("abort", follow, { once: true });
    },
  };
}

function settlings() {
  const running: Promise<Settled>[] = [];
  return {
    // A permit must come back, whatever becomes of the session.
    settling: (settled: Promise<Settled>) => void running.push(settled.catch(() => "lost")),
    settled(): Promise<Settled> | undefined {
      if (running.length === 0) return undefined;
      return Promise.all(running).then((ends) => (ends.includes("lost") ? "lost" : "answered"));
    },
  };
}

function silent(ms: number): Failure {
  return new Failure("upstream_unavailable", `The source did not answer a probe within ${(ms / 1_000).toFixed(1)} s.`, {
    where: "upstream",
    remedy: "Look whether the source runs and can be reached.",
  });
}
