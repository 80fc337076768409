/**
 * The deadline of one call, and where its time goes.
 *
 * Everything that can end a call early ends it through one signal, whose reason is
 * the failure that the caller gets.
 */
import { Failure } from "../failure.ts";
import type { Call, Phase } from "../providers/contract.ts";

export interface CallLimits {
  /** Milliseconds that a call gets whose caller gives no deadline. */
  readonly defaultMs: number;
  /** Milliseconds that no call gets more of. */
  readonly maxMs: number;
}

/** What is known of a call before it begins. */
export interface Caller {
  /** Aborts when nobody waits any more; unless its reason is a Failure, the caller has cancelled. */
  readonly signal: AbortSignal;
  /** Milliseconds that the caller still waits; undefined when it gave no deadline. */
  readonly timeoutMs: number | undefined;
}

/** Milliseconds of each phase, and of the whole call up to now. */
export interface Timings extends Readonly<Record<Phase, number>> {
  readonly total: number;
}

export interface OpenCall extends Call {
  timings(): Timings;
  /** Frees the timer. The call must not be used any more. */
  close(): void;
}

/** The part of a caller's time, and the milliseconds at most, that the answer gets for its way back. */
const wayBack = { part: 0.05, maxMs: 100 };

/** Begins a call. `drain` aborts it when the service stops, with the failure for its caller. */
export function openCall(caller: Caller, limits: CallLimits, drain: AbortSignal): OpenCall {
  const start = performance.now();
  const timeoutMs = Math.min(caller.timeoutMs ?? limits.defaultMs, limits.maxMs);
  // A caller that counts the time itself would give up before it hears where it went.
  const counted = caller.timeoutMs === timeoutMs;
  const endMs = counted ? timeoutMs - Math.min(timeoutMs * wayBack.part, wayBack.maxMs) : timeoutMs;
  const spent: Record<Phase, number> = { connect: 0, source: 0, transfer: 0 };
  let phase: Phase | undefined;
  let since = start;
  const enter = (next: Phase | undefined) => {
    const now = performance.now();
    if (phase !== undefined) spent[phase] += now - since;
    phase = next;
    since = now;
  };
  const timings = () => {
    enter(phase);
    return { ...spent, total: performance.now() - start };
  };

  const controller = new AbortController();
  const close = () => {
    clearTimeout(timer);
    caller.signal.removeEventListener("abort", cancel);
    drain.removeEventListener("abort", stop);
  };
  // A call that has ended early needs no more of what could end it, whoever forgets to close it.
  const end = (reason: unknown) => {
    close();
    controller.abort(reason);
  };
  const expire = () => end(deadlineExceeded(timeoutMs, timings()));
  const cancel = () => end(caller.signal.reason instanceof Failure ? caller.signal.reason : cancelled());
  const stop = () => end(drain.reason);
  // A timer of Node holds at most 2³¹ - 1 ms.
  const timer = setTimeout(expire, Math.min(endMs, 2 ** 31 - 1));
  caller.signal.addEventListener("abort", cancel, { once: true });
  drain.addEventListener("abort", stop, { once: true });
  if (caller.signal.aborted) cancel();
  if (drain.aborted) stop();

  return { signal: controller.signal, deadline: start + endMs, enter, timings, close };
}

function cancelled(): Failure {
  return new Failure("cancelled", "The caller cancelled the call.", { where: "caller" });
}

function deadlineExceeded(timeoutMs: number, { connect, source, transfer }: Timings): Failure {
  const seconds = (ms: number) => `${(ms / 1000).toFixed(3)} s`;
  return new Failure(
    "deadline_exceeded",
    `The call's time limit of ${seconds(timeoutMs)} has passed: ${seconds(connect)} for a connection, ` +
      `${seconds(source)} for the source to answer, ${seconds(transfer)} to read the result.`,
    {
      where: transfer > 0 || source > connect ? "upstream" : "pool",
      remedy: "Ask for less, give the call more time, or stream a large result.",
      metadata: {
        connect_ms: connect.toFixed(0),
        source_ms: source.toFixed(0),
        transfer_ms: transfer.toFixed(0),
      },
    },
  );
}
