/**
 * The deadline of one call, and where its time goes.
 *
 * Everything that can end a call early ends it through one signal, whose reason is
 * the failure that the caller gets.
 */
import { Failure, type FailurePlace } from "../failure.ts";
import type { Timings } from "../observability/observation.ts";
import type { Span } from "../observability/span.ts";
import type { Call, Quota } from "../providers/contract.ts";
import type { Budget } from "./budget/budgets.ts";
import { type CallSpans, callSpans } from "./call-spans.ts";

export interface CallLimits {
  /** Milliseconds that a call gets whose caller gives no deadline. */
  readonly defaultMs: number;
  /** Milliseconds that no call gets more of. */
  readonly maxMs: number;
}

/** The agent that a call is made as, and what its grant says of it. */
export interface CallingAgent {
  readonly name: string;
  /** The version of its grant. */
  readonly grant: string;
  readonly budgets: readonly Budget[];
  /** When the grant ends, and the call with it; null for never. */
  readonly expireTime: Date | null;
}

/** What is known of a call before it begins. */
export interface Caller {
  /** Who calls, for the history. */
  readonly principal: string;
  /** Undefined when it is made as none. */
  readonly agent?: CallingAgent | undefined;
  /** The id of the API key that it calls with; absent for other credentials. */
  readonly apiKeyId?: string | undefined;
  /** Aborts when nobody waits any more; unless its reason is a Failure, the caller has cancelled. */
  readonly signal: AbortSignal;
  /** Milliseconds that the caller still waits; undefined when it gave no deadline. */
  readonly timeoutMs: number | undefined;
  /** What the call is a part of; undefined for no trace. */
  readonly trace?: Span | undefined;
}

/** What a call's time is spent on: the parts of `Timings`. */
export type Part = Exclude<keyof Timings, "total">;

export interface OpenCall extends Omit<Call, "settling" | "traceparent"> {
  readonly apiKeyId: string | undefined;
  readonly agent: CallingAgent | undefined;
  readonly trace: Span | undefined;
  /** Undefined where nobody records them. */
  readonly spans: CallSpans | undefined;
  /** Tells what the call spends its time on from now; undefined for nothing that has a name. */
  enter(part: Part | undefined): void;
  /** Milliseconds of each part, and of the whole call up to now. */
  timings(): Timings;
  /** Milliseconds that the call has lasted in what it does now. */
  partMs(): number;
  /** What the call does now. */
  part(): Part | undefined;
  /** What the work gives, unless the call ends first: then with its reason, and the work goes on without it. */
  orEnded<T>(work: Promise<T>): Promise<T>;
  /** Ends the call early. */
  end(reason: Failure): void;
  /** Frees what waits for the call's end. It must not be used any more. */
  close(): void;
}

/** The part of a caller's time, and the milliseconds at most, that the answer gets for its way back. */
const wayBack = { part: 0.05, maxMs: 100 };

/** What each part is for those who wait, and who has it. */
const parts: Readonly<Record<Part, { readonly words: string; readonly where: FailurePlace; readonly name: string }>> = {
  rateLimit: { words: "for a rate limit", where: "rate_limit", name: "rate_limit_ms" },
  bulkhead: { words: "for a permit among the calls at once", where: "bulkhead", name: "bulkhead_ms" },
  backoff: { words: "between attempts", where: "upstream", name: "backoff_ms" },
  pool: { words: "for a connection that other calls use", where: "pool", name: "pool_ms" },
  connect: { words: "to connect", where: "upstream", name: "connect_ms" },
  source: { words: "for the source to answer", where: "upstream", name: "source_ms" },
  transfer: { words: "to read the result", where: "upstream", name: "transfer_ms" },
};

const partNames = Object.keys(parts) as Part[];

/** Who hears of a call while it lasts. */
export interface Listeners {
  /** Gets what the source says of its quotas. */
  readonly quota?: (quota: Quota) => void;
  /** Hears what the call's time is spent on: another call that waits for this one. */
  readonly enter?: (part: Part | undefined) => void;
  /** Hears that the call is closed, maybe more than once. */
  readonly closed?: (call: OpenCall) => void;
}

const ignore = () => {};

/** Begins a call. */
export function openCall(caller: Caller, limits: CallLimits, listeners: Listeners = {}): OpenCall {
  const start = performance.now();
  const timeoutMs = Math.min(caller.timeoutMs ?? limits.defaultMs, limits.maxMs);
  // A caller that counts the time itself would give up before it hears where it went.
  const counted = caller.timeoutMs === timeoutMs;
  const endMs = counted ? timeoutMs - Math.min(timeoutMs * wayBack.part, wayBack.maxMs) : timeoutMs;
  const spans = callSpans(caller.trace);
  const { enter, timings, part, partMs } = keepTime(start, hearing(listeners.enter, spans));

  const controller = new AbortController();
  const waiting: ((reason: unknown) => void)[] = [];
  const close = () => {
    clearTimeout(timer);
    clearTimeout(grantTimer);
    caller.signal.removeEventListener("abort", cancel);
    listeners.closed?.(call);
  };
  // A call that has ended early needs no more of what could end it, whoever forgets to close it.
  const end = (reason: unknown) => {
    close();
    controller.abort(reason);
    for (const each of waiting) each(controller.signal.reason);
  };
  const expire = () => end(deadlineExceeded(timeoutMs, timings()));
  const cancel = () => end(caller.signal.reason instanceof Failure ? caller.signal.reason : cancelled());
  const timer = setTimeout(expire, inTimer(endMs));
  const grantEnd = caller.agent?.expireTime;
  const grantMs = grantEnd ? grantEnd.getTime() - Date.now() : Number.POSITIVE_INFINITY;
  const grantTimer = grantMs < endMs ? setTimeout(() => end(grantExpired()), inTimer(grantMs)) : undefined;
  caller.signal.addEventListener("abort", cancel, { once: true });

  const call: OpenCall = {
    apiKeyId: caller.apiKeyId,
    agent: caller.agent,
    trace: caller.trace,
    spans,
    signal: controller.signal,
    deadline: start + endMs,
    enter,
    timings,
    part,
    partMs,
    quota: listeners.quota ?? ignore,
    orEnded: (work) =>
      new Promise((resolve, reject) => {
        work.then(resolve, reject);
        // A listener of the signal costs as much as some stages do.
        if (controller.signal.aborted) reject(controller.signal.reason);
        else waiting.push(reject);
      }),
    end,
    close,
  };
  if (caller.signal.aborted) cancel();
  return call;
}

/** A timer of Node holds at most 2³¹ - 1 ms, and complains of a time that has passed already. No call lasts as long. */
const inTimer = (ms: number) => Math.max(1, Math.min(ms, 2 ** 31 - 1));

function hearing(heard: Listeners["enter"], spans: CallSpans | undefined): Listeners["enter"] {
  if (spans === undefined || heard === undefined) return spans?.enter ?? heard;
  return (part) => {
    heard(part);
    spans.enter(part);
  };
}

/** Counts what a call spends its time on. */
function keepTime(start: number, heard: Listeners["enter"]): Pick<OpenCall, "enter" | "timings" | "part" | "partMs"> {
  const spent: Record<Part, number> = {
    rateLimit: 0,
    bulkhead: 0,
    backoff: 0,
    pool: 0,
    connect: 0,
    source: 0,
    transfer: 0,
  };
  let part: Part | undefined;
  let entered = start;
  let since = start;
  const count = () => {
    const now = performance.now();
    if (part !== undefined) spent[part] += now - since;
    since = now;
    return now;
  };
  return {
    enter(next) {
      if (next === part) return;
      entered = count();
      part = next;
      heard?.(next);
    },
    timings() {
      const now = count();
      return { ...spent, total: now - start };
    },
    part: () => part,
    partMs: () => performance.now() - entered,
  };
}

function grantExpired(): Failure {
  return new Failure("permission_denied", "The agent's grant on this connector has expired.", {
    where: "caller",
    remedy: "Have an administrator renew it with GrantConnector.",
    metadata: { grant: "expired" },
  });
}

function cancelled(): Failure {
  return new Failure("cancelled", "The caller cancelled the call.", { where: "caller" });
}

function deadlineExceeded(timeoutMs: number, timings: Timings): Failure {
  const seconds = (ms: number) => `${(ms / 1000).toFixed(3)} s`;
  const spent = partNames.filter((part) => timings[part] >= 1).toSorted((a, b) => timings[b] - timings[a]);
  const where = spent.map((part) => `${seconds(timings[part])} ${parts[part].words}`).join(", ");
  return new Failure(
    "deadline_exceeded",
    `The call's time limit of ${seconds(timeoutMs)} has passed${where === "" ? "" : `: ${where}`}.`,
    {
      where: spent[0] === undefined ? "service" : parts[spent[0]].where,
      remedy: "Ask for less, give the call more time, or stream a large result.",
      metadata: Object.fromEntries(partNames.map((part) => [parts[part].name, timings[part].toFixed(0)])),
    },
  );
}
