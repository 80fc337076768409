/**
 * A database engine that works in the process that calls it, and holds it up meanwhile.
 *
 * Each of a session's connections is a process of its own that has the engine and nothing
 * else: only a process can be stopped amid a step of a statement, and a file that breaks
 * the engine breaks nothing but that.
 */
import type { Field } from "../../../rows/field.ts";
import type { Row } from "../run.ts";

export interface Statement {
  readonly text: string;
  readonly parameters: readonly Parameter[];
  /** What the columns are, where that is known; otherwise the engine says it. */
  readonly columns?: readonly Field[] | undefined;
  /** Rows at most. Default: all. */
  readonly maxRows?: number | undefined;
}

export type Parameter = string | bigint | number | Uint8Array | null;

/** What runs: its columns, and the rows one after the other, their cells in the canonical text. */
export interface Answer {
  readonly columns: readonly Field[];
  readonly rows: Iterable<Row>;
}

/** In the engine's own process. What it throws comes to the provider's `classify` with its own properties. */
export interface Engine {
  run(statement: Statement): Answer;
}

/** What is asked of the process, one thing at a time; each is answered. */
export type Request =
  | { readonly ask: "open"; readonly opening: unknown }
  /** All rows at once. */
  | { readonly ask: "rows"; readonly statement: Statement }
  /** The first batch of rows; `next` gives those to come, and `end` gives them up. */
  | { readonly ask: "begin"; readonly statement: Statement }
  | { readonly ask: "next" }
  | { readonly ask: "end" };

export interface Reply {
  readonly error?: ErrorParts;
  readonly rows?: readonly Row[];
  readonly columns?: readonly Field[];
  /** None when there are no more. */
  readonly batch?: BatchParts | undefined;
}

/** An error, as it goes from one process to another. */
export interface ErrorParts {
  readonly message: string;
  readonly properties: Readonly<Record<string, unknown>>;
}

/** A packed batch, as it goes from one process to another. */
export interface BatchParts {
  readonly rows: number;
  readonly bytes: Buffer;
  readonly start: number;
  readonly cellsStart: number;
  readonly cellsEnd: number;
  readonly lengthsStart: number;
}
