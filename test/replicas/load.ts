/** A steady load of calls, and what became of each of them. */
import { createHash } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";

/** How a call failed, as its client tells it. */
export class CallFailed extends Error {
  /** Of gRPC; Connect's numbers are the same. */
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** Some client of the service. */
export interface Caller {
  readonly name: string;
  /** The only cell of the only row of a statement. @throws CallFailed */
  ask(native: string): Promise<string | undefined>;
  /** The rows of a stream, as text, and at the end how many its trailer has counted. @throws CallFailed */
  read(native: string): AsyncGenerator<readonly string[], number | undefined>;
  close(): void;
}

/** How often, by what was said of it. */
type Counts = Record<string, number>;

export interface Tally {
  answered: number;
  /** Calls that failed. */
  readonly failed: Counts;
  /** Streams with every row and their trailer. */
  whole: number;
  /** Streams that ended with UNAVAILABLE. */
  readonly unavailable: Counts;
  /** Streams that ended in any other way. */
  readonly broken: Counts;
}

const unavailable = 14;
/** Milliseconds between two calls of one caller. */
const everyMs = 40;
/** Calls of one caller at once: how a service bears too many of them is not what is looked at. */
const usuallyAtOnce = 15;

/** A stream of so many rows that pauses for `pauseMs` before every hundredth. */
interface Shape {
  readonly rows: number;
  readonly pauseMs: number;
}

/** One that a drain waits for, and one that it does not. */
const shapes: readonly Shape[] = [
  { rows: 500, pauseMs: 50 },
  { rows: 3_000, pauseMs: 200 },
];

function statementOf({ rows, pauseMs }: Shape): string {
  const pause = `CASE WHEN i % 100 = 0 THEN pg_sleep(${pauseMs / 1_000})::text END`;
  return `SELECT i::text AS i, md5(i::text) AS digest, ${pause} AS pause FROM generate_series(1, ${rows}) i`;
}

const digests = new Map(shapes.map(({ rows }) => [rows, digestOf(rows)]));

function digestOf(rows: number): string {
  const all = createHash("sha256");
  for (let i = 1; i <= rows; i++) all.update(`${i}:${createHash("md5").update(String(i)).digest("hex")}\n`);
  return all.digest("hex");
}

/**
 * Calls and streams of every caller at once until it is stopped.
 * @param mostAtOnce Calls of one caller, besides its streams
 */
export function steadyLoad(callers: readonly Caller[], mostAtOnce = usuallyAtOnce) {
  const tally: Tally = { answered: 0, failed: {}, whole: 0, unavailable: {}, broken: {} };
  const calls = new Set<Promise<void>>();
  let asked = 0;
  const asking = callers.map((caller) => {
    let running = 0;
    return setInterval(() => {
      if (running === mostAtOnce) return;
      running++;
      const call = askOnce(caller, ++asked, tally).finally(() => {
        running--;
        calls.delete(call);
      });
      calls.add(call);
    }, everyMs);
  });
  const stopped = new AbortController();
  const lanes = callers.flatMap((caller) =>
    shapes.map(async (shape) => {
      while (!stopped.signal.aborted) {
        await readOnce(caller, shape, tally);
        await delay(20);
      }
    }),
  );
  return {
    tally,
    /** Stops when what runs has ended. */
    async stop(): Promise<Tally> {
      for (const timer of asking) clearInterval(timer);
      stopped.abort();
      await Promise.all([...calls, ...lanes]);
      return tally;
    },
  };
}

async function askOnce(caller: Caller, number: number, tally: Tally): Promise<void> {
  try {
    const cell = await caller.ask(`SELECT '${number}' AS number`);
    if (cell === String(number)) tally.answered++;
    else count(tally.failed, `${caller.name}: asked for ${number}, got ${cell}`);
  } catch (error) {
    count(tally.failed, `${caller.name}: ${wordsOf(error)}`);
  }
}

async function readOnce(caller: Caller, shape: Shape, tally: Tally): Promise<void> {
  const all = createHash("sha256");
  let rows = 0;
  try {
    const reading = caller.read(statementOf(shape));
    let next = await reading.next();
    for (; !next.done; next = await reading.next()) {
      const [number, digest] = next.value;
      all.update(`${number}:${digest}\n`);
      rows++;
    }
    const counted = next.value;
    if (rows === shape.rows && counted === rows && all.digest("hex") === digests.get(rows)) tally.whole++;
    else count(tally.broken, `${caller.name}: ${rows} of ${shape.rows} rows, and a trailer of ${counted}`);
  } catch (error) {
    if (error instanceof CallFailed && error.code === unavailable) {
      count(tally.unavailable, error.message);
    } else {
      count(tally.broken, `${caller.name}: ${wordsOf(error)} after ${rows} rows`);
    }
  }
}

function count(counts: Counts, what: string): void {
  counts[what] = (counts[what] ?? 0) + 1;
}

function wordsOf(error: unknown): string {
  return error instanceof CallFailed ? `${error.code} ${error.message}` : String(error);
}
