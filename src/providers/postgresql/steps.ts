/**
 * How many rows a stream asks for at a time.
 *
 * PostgreSQL keeps what it writes until 8 KiB have come together or it is told to flush
 * (src/backend/libpq/pqcomm.c): the rows of a slow statement would wait there for each
 * other. So a stream asks in steps that take about as long as a row may wait. Two are
 * always under way, so that the server has the next when it is done with one. Rows that
 * turn slow in the middle of a step still wait for its end, or for the next 8 KiB.
 *
 * The price: PostgreSQL runs a statement that it is asked for in steps without parallel
 * workers (src/backend/executor/execMain.c, ExecutePlan).
 */
import { serialize } from "pg-protocol";

/** How long a step should take, in milliseconds. */
const stepMs = 20;
/** A step that took less than this tells nothing more of the statement's speed. */
const leastMs = 0.5;
const growth = 32;
const mostRows = 65_536;

export class Steps {
  /** The rows of each step under way. */
  readonly #underWay: number[] = [];
  #rows = 1;
  #roundTripMs = 0;
  #since = 0;
  #held = false;

  /** The first two steps, to be sent behind the statement. */
  begin(): Buffer {
    this.#since = performance.now();
    return Buffer.concat([this.#ask(), this.#ask()]);
  }

  /** The server has answered what was sent before the statement itself. */
  answered(): void {
    const now = performance.now();
    this.#roundTripMs = now - this.#since;
    this.#since = now;
  }

  /** The reader holds the stream up: the time that this step takes is not the statement's. */
  held(): void {
    this.#held = true;
  }

  /** A step has ended: what to send for the next. */
  next(): Buffer {
    const now = performance.now();
    const ms = Math.max(now - this.#since - this.#roundTripMs, leastMs);
    const rows = this.#underWay.shift() ?? 1;
    if (!this.#held) {
      this.#rows = Math.max(1, Math.min(mostRows, Math.round(rows * Math.min(stepMs / ms, growth))));
    }
    this.#since = now;
    this.#held = false;
    return this.#ask();
  }

  #ask(): Buffer {
    this.#underWay.push(this.#rows);
    return Buffer.concat([serialize.execute({ rows: this.#rows }), serialize.flush()]);
  }
}
