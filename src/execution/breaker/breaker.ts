/**
 * The circuit breaker of one connector: it refuses calls to a source that keeps failing,
 * and finds out by one probe at a time when the source is back. Replicas don't share it:
 * each one judges by what it sees itself.
 */
import { Failure, type FailureKind } from "../../failure.ts";
import type { BreakerState } from "../../observability/observation.ts";
import { createCircuit } from "./circuit.ts";
import type { Verdict } from "./verdict.ts";

export type { Verdict };

export interface BreakerStatus {
  readonly state: BreakerState;
  /** The kind of the failure that opened it; undefined while closed. */
  readonly reason: FailureKind | undefined;
  /**
   * When the next probe is let through; in the past when the next call is the probe. While
   * a probe is under way, when it is decided at the latest. Undefined while closed.
   */
  readonly nextProbeTime: Date | undefined;
  /** How often it opened since it was made, which a failed probe makes it do again. */
  readonly opened: number;
}

export interface Attempt {
  /** It decides whether the source is back: nobody but its own time limit may cancel it. */
  readonly probe: boolean;
  /** Exactly once; a second call is ignored. The reason is that of a failing attempt. */
  judge(verdict: Verdict, reason?: FailureKind): void;
}

export interface Breaker {
  status(): BreakerStatus;
  /**
   * Begins nothing.
   *
   * @throws Failure of kind `breaker_open` while open, and while half open with the probe
   *   under way; its metadata are the `reason` and the `next_probe`, an ISO time.
   */
  check(): void;
  /** As `check`, then begins an attempt. */
  begin(): Attempt;
}

export interface OwnedBreaker extends Breaker {
  /** Gives up what an idle, closed breaker doesn't need; it can be used as before. */
  rest(): void;
  /** Frees its timers. What still holds it goes on as if it were closed, and is not judged. */
  close(): void;
}

export interface BreakerOptions {
  /** Milliseconds that it stays open before a probe; up to a tenth more, so that replicas don't probe at once. */
  readonly openMs: number;
  /** Milliseconds after which a probe that was not judged counts as failing. */
  readonly probeMs: number;
  /** Hears of every change, with the kind of the failure that opened it. Must neither fail nor wait. */
  readonly onChange: (from: BreakerState, to: BreakerState, reason: FailureKind | undefined) => void;
  /** Milliseconds within which attempts are judged together. Default: 10 s. */
  readonly windowMs?: number;
  /** Attempts without which it stays closed. Default: 5. */
  readonly minAttempts?: number;
  /** The part of the attempts that opens it when it failed, in percent. Default: 50. */
  readonly failingPercent?: number;
}

const defaults = { windowMs: 10_000, minAttempts: 5, failingPercent: 50 };

/** A breaker, closed. */
export function createBreaker(options: BreakerOptions): OwnedBreaker {
  const openMs = options.openMs * (1 + Math.random() / 10);
  const circuit = createCircuit({ ...defaults, ...options, openMs, onState });

  let state: BreakerState = "closed";
  let disposed = false;
  let opened = 0;
  let outages = 0;
  let reason: FailureKind | undefined;
  let suspect: FailureKind | undefined; // Becomes the reason if it opens.
  let nextProbe = 0; // Milliseconds since the epoch.
  let probe: { readonly overrun: NodeJS.Timeout } | undefined; // The one under way.

  function onState(to: BreakerState) {
    const from = state;
    state = to;
    endProbe();
    if (from === "closed") outages++;
    if (to === "open") {
      opened++;
      reason = suspect;
      nextProbe = Date.now() + openMs;
    }
    options.onChange(from, to, reason);
    if (to === "closed") reason = undefined;
  }

  function beginProbe() {
    const overrun = setTimeout(() => {
      suspect = "deadline_exceeded";
      circuit.open();
    }, options.probeMs).unref();
    nextProbe = Date.now() + options.probeMs;
    probe = { overrun };
    return probe;
  }

  function endProbe() {
    clearTimeout(probe?.overrun);
    probe = undefined;
    nextProbe = Date.now();
  }

  function check() {
    if (state === "closed" || (state === "half_open" && probe === undefined)) return;
    throw breakerOpen(state, reason, nextProbe);
  }

  function begin(): Attempt {
    check();
    const own = state === "half_open" ? beginProbe() : undefined;
    const outage = outages;
    let judged = false;
    return {
      probe: own !== undefined,
      judge(verdict, kind) {
        if (judged || disposed) return;
        judged = true;
        const decisive = own !== undefined && own === probe;
        if (decisive) endProbe();
        // What began before the last outage says nothing of the source as it is now.
        if (verdict === "unknown" || outage !== outages) return;
        const healthy = verdict === "healthy";
        suspect = kind;
        if (state === "closed") circuit.count(healthy);
        // It is a probe. That one overran its time has counted already; its success after all is news.
        else if (healthy) circuit.close();
        else if (decisive) circuit.open();
      },
    };
  }

  return {
    status: () => ({ state, reason, nextProbeTime: state === "closed" ? undefined : new Date(nextProbe), opened }),
    check,
    begin,
    rest() {
      if (state === "closed") circuit.rest();
    },
    close() {
      disposed = true;
      circuit.dispose();
      if (state !== "closed") onState("closed");
    },
  };
}

function breakerOpen(state: "open" | "half_open", reason: FailureKind | undefined, nextProbe: number): Failure {
  const time = new Date(nextProbe).toISOString();
  const cause = reason === undefined ? "" : ` (${reason})`;
  return new Failure(
    "breaker_open",
    state === "open"
      ? `Calls to the connector's source kept failing${cause}: none is sent before ${time}.`
      : `Calls to the connector's source kept failing${cause}: one is under way to find out whether it is back.`,
    {
      where: "breaker",
      remedy: "Try again after the time in next_probe; if it stays so, look into the source for the reason given.",
      retryAfterMs: Math.max(1, nextProbe - Date.now()),
      metadata: { ...(reason === undefined ? {} : { reason }), next_probe: time },
    },
  );
}
