/**
 * Places in traces, as W3C Trace Context has them: data that goes along with a call, whether
 * anybody exports spans or not.
 *
 * @see https://www.w3.org/TR/trace-context/
 */
import { randomFillSync } from "node:crypto";

/** A part of a trace from its start on; an observation that has it tells its end. */
export interface Span {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits. */
  readonly id: string;
  /** The span that it is a part of, which may be another service's; undefined for a trace's first. */
  readonly parentId: string | undefined;
  /** Whoever began the trace, or was asked at its beginning, wants it to be recorded. */
  readonly sampled: boolean;
  /** It is recorded here: it is sampled, and spans are exported. */
  readonly recorded: boolean;
  /** What other tracing systems have to say of the trace, as a `tracestate` header; it goes to no source. */
  readonly state: string | undefined;
  /** On the clock of `performance.now()`. */
  readonly startMs: number;
}

/** A part of a call's time that was spent on one thing. */
export interface SpentSpan<Part extends string> {
  readonly part: Part;
  readonly span: Span;
  /** On the clock of `performance.now()`. */
  readonly endMs: number;
}

/** A span below another one. @param startMs Default: now. */
export function spanBelow(parent: Span, startMs = performance.now()): Span {
  return { ...parent, id: randomSpanId(), parentId: parent.id, startMs };
}

/** One below the span that a `traceparent` of the service's own names; undefined when its trace is not sampled. */
export function spanUnder(traceparent: string): Span | undefined {
  const parent = placeIn(traceparent);
  if (parent?.sampled !== true) return undefined;
  const { traceId, id: parentId } = parent;
  const startMs = performance.now();
  return { traceId, id: randomSpanId(), parentId, sampled: true, recorded: true, state: undefined, startMs };
}

/** Version 00, and what later ones must begin with. */
const traceparentForm = /^(?!ff)([\da-f]{2})-(?!0{32})([\da-f]{32})-(?!0{16})([\da-f]{16})-([\da-f]{2})(-.*)?$/;

/** What a `traceparent` names; undefined for one that is not well-formed, which counts as absent. */
export function placeIn(traceparent: string): Pick<Span, "traceId" | "id" | "sampled"> | undefined {
  const [, version, traceId, id, flags, more] = traceparentForm.exec(traceparent) ?? [];
  if (traceId === undefined || id === undefined || flags === undefined) return undefined;
  if (version === "00" && more !== undefined) return undefined;
  return { traceId, id, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

/** What tells somebody else that what it does belongs to the span. */
export function traceparentOf({ traceId, id, sampled }: Span): string {
  return `00-${traceId}-${id}-0${sampled ? 1 : 0}`;
}

export const randomTraceId = () => randomHex(16);
export const randomSpanId = () => randomHex(8);

/** To ask for a few random bytes takes as long as to ask for many. */
const pool = Buffer.alloc(4_096);
let used = pool.length;

/** Never all zeros, which stands for none. */
function randomHex(bytes: number): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const hex = pool.toString("hex", used, used + bytes);
  used += bytes;
  return /[^0]/.test(hex) ? hex : randomHex(bytes);
}
