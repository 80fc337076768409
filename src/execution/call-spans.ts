/** The spans of one call whose trace is recorded: its own, those of its attempts, and of what it waits for. */
import type { Timings } from "../observability/observation.ts";
import { type Span, type SpentSpan, spanBelow } from "../observability/span.ts";

type Part = Exclude<keyof Timings, "total">;

export interface CallSpans {
  /** Of the call itself. */
  readonly own: Span;
  /** The call goes on with another part; undefined for nothing that has a name. */
  enter(part: Part | undefined): void;
  /** The source is asked: what the call spends its time on from now is a part of that. */
  attempt(): Span;
  /** The attempt is judged. */
  judged(attempt: Span): void;
  /** What the call's time was spent on up to now. */
  spent(): readonly SpentSpan<Part>[];
}

/** Milliseconds below which a part took no time worth a span. */
const leastMs = 0.05;
/** Spans of parts that a call has at most: a stream may go to and fro between two of them for hours. */
const maxSpans = 64;

/** @param trace What the call is a part of */
export function callSpans(trace: Span | undefined): CallSpans | undefined {
  if (trace?.recorded !== true) return undefined;
  const own = spanBelow(trace);
  const spent: SpentSpan<Part>[] = [];
  let current = own;
  let entered: { readonly part: Part; readonly within: Span; readonly startMs: number } | undefined;
  const enter = (part: Part | undefined) => {
    const now = performance.now();
    // That it waits for the source is what an attempt's own span tells.
    const counts = entered !== undefined && entered.part !== "source" && now - entered.startMs >= leastMs;
    if (entered !== undefined && counts && spent.length < maxSpans) {
      spent.push({ part: entered.part, span: spanBelow(entered.within, entered.startMs), endMs: now });
    }
    entered = part && { part, within: current, startMs: now };
  };
  return {
    own,
    enter,
    attempt() {
      current = spanBelow(own);
      return current;
    },
    judged(attempt) {
      if (current === attempt) current = own;
    },
    spent() {
      enter(undefined);
      return spent;
    },
  };
}
