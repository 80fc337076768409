/** What is asked of a connector's source, and what a caller gets. */
import type { Timings } from "../observability/observation.ts";
import type { ActionResult } from "../providers/contract/action.ts";
import type { PageRequest, ReadQuery } from "../providers/contract.ts";
import type { Field } from "../rows/field.ts";
import type { PackedBatch } from "../rows/packed.ts";
import type { Ticket } from "./pipeline.ts";

/** What a call answered, where its time went, and where the answer came from. */
export interface Answered<T> {
  readonly result: T;
  readonly timings: Timings;
  /** When it was read from the source. */
  readonly readTime: Date;
  /** How often the source was asked. */
  readonly attempts: number;
  /** It was read for an earlier call. */
  readonly cached: boolean;
}

export interface Executed extends Answered<ActionResult> {
  /** It is the answer of an earlier call with the same idempotency key. */
  readonly replayed: boolean;
}

export interface ExecutedStream {
  readonly fields: readonly Field[];
  /** The parts of the query that the session carries out itself. */
  readonly postFiltered: readonly string[];
  readonly readTime: Date;
  readonly attempts: number;
  /** To be read once, to its end or not at all any more. */
  readonly batches: AsyncIterable<PackedBatch>;
  /** Where the time has gone up to now. */
  timings(): Timings;
}

export interface PageQuery {
  readonly query: ReadQuery;
  readonly page: PageRequest;
  /** Milliseconds that an answer may be old; 0 to read it now. */
  readonly maxAgeMs: number;
}

export function answered<T>(result: T, { call, attempts }: Ticket): Answered<T> {
  return { result, timings: call.timings(), readTime: new Date(), attempts, cached: false };
}
