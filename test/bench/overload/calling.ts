/** What a process that makes load is asked for, and what it reports. */

/** Whom it calls, and what it asks for. */
export interface Target {
  readonly url: string;
  readonly token: string;
  /** The calls go to each in turn. */
  readonly connectorIds: readonly string[];
  /** Milliseconds that a query takes at the source; 0 for one that takes next to nothing. */
  readonly sourceMs: number;
}

/** The next call when the one before is answered, in so many lanes: until a time, or a number of calls. */
export interface ClosedLoop {
  readonly target: Target;
  readonly concurrency: number;
  readonly ms?: number;
  readonly calls?: number;
}

/** So many calls a second, whatever becomes of them. */
export interface OpenLoop {
  readonly target: Target;
  readonly perSecond: number;
  /** At most; `stop` ends it earlier. */
  readonly ms: number;
  /** Milliseconds that each call may take. */
  readonly timeoutMs: number;
}

/** So many calls at once, each of which the source takes its time for. */
export interface Held {
  readonly target: Target;
  readonly calls: number;
}

export interface Report {
  readonly sent: number;
  /** Calls that were answered in time, within `ms`. */
  readonly good: number;
  /** Calls that were not, by the service's reason; `late` and `lost` when it gave none in time, or at all. */
  readonly failed: Readonly<Record<string, number>>;
  /** Milliseconds of the good calls, from when each was due. */
  readonly goodMs: readonly number[];
  /** Milliseconds of the others. */
  readonly failedMs: readonly number[];
  /** When the last one failed, in milliseconds from the beginning; 0 when none did. */
  readonly lastFailureMs: number;
  /** Milliseconds from the beginning until the last call was sent. */
  readonly ms: number;
}

/** Milliseconds that the source may take for an answer, and the views that take so long. */
export const answerTimes = [0, 100, 600_000] as const;
export const answerAfter = (ms: number) => `public.answer_${ms}`;
