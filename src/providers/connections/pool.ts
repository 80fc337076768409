/** The connections of one session: opened when needed, kept while they are good, never more than a few. */
import type { Call, Place, Places } from "../contract.ts";

export interface PoolOptions<Connection> {
  /** Connections at most, those being opened among them. */
  readonly max: number;
  /** Milliseconds after which an unused connection is closed. */
  readonly idleMs: number;
  /** Milliseconds for which an unused connection is taken to be good without asking. Default: 5,000. */
  readonly freshMs?: number;
  /** What every connection takes a place of, and the host that it is to. */
  readonly places: Places;
  readonly host: string;
  open(signal: AbortSignal): Promise<Connection>;
  /** Must not fail. */
  close(connection: Connection): void;
  /** Whether an idle connection is still good, as far as that can be known without asking. */
  isOpen(connection: Connection): boolean;
  /** Whether the source answers on an idle connection before the signal aborts. Must not fail. */
  check(connection: Connection, signal: AbortSignal): Promise<boolean>;
}

/** A call, as far as it needs a connection. */
export type Borrower = Pick<Call, "signal" | "enter">;

/** An open connection. */
interface Held<Connection> {
  readonly connection: Connection;
  readonly place: Place;
  /** When others could have had its place last: when it was opened, or when it became unused. */
  since: number;
}

/** Gets a connection, or a place to open one in. */
type Waiter<Connection> = (given: Held<Connection> | Place) => void;

/** Milliseconds in which a connection that was unused for long has to show that it is good. */
const checkMs = 1_000;
/**
 * Milliseconds for which calls of one session hand a connection to each other though
 * another source waits for its place: shorter would mean to open more connections than
 * to use them, and for ever that a busy session keeps others out.
 */
const turnMs = 1_000;

export class ConnectionPool<Connection> {
  readonly #options: PoolOptions<Connection>;
  readonly #held = new Map<Connection, Held<Connection>>();
  /** The latest used last: few connections stay warm, the others grow idle and go. */
  readonly #idle: Held<Connection>[] = [];
  /** In the order in which they came. */
  readonly #line = new Set<Waiter<Connection>>();
  /** Who asks for a place at the moment: one for each in line, as far as there may be more connections. */
  readonly #asking: AbortController[] = [];
  #opening = 0;
  #closed = false;
  #sweeper: NodeJS.Timeout | undefined;

  constructor(options: PoolOptions<Connection>) {
    this.#options = options;
  }

  /** Connections open or being opened. */
  get size(): number {
    return this.#held.size + this.#opening;
  }

  /**
   * A connection of the caller's own until it is given back. Waits in line when all
   * are in use, or when there is no place for another one.
   *
   * @param freshOnly None that was unused for longer than `freshMs`: not even one that seems good.
   * @throws The signal's reason, or what opening failed with.
   */
  async acquire(call: Borrower, { freshOnly = false } = {}): Promise<Connection> {
    const { signal } = call;
    signal.throwIfAborted();
    for (let idle = this.#takeIdle(); idle !== undefined; idle = this.#takeIdle()) {
      if (this.#isFresh(idle)) return idle.connection;
      if (freshOnly) this.#dropOld(idle);
      else if (await this.#answers(idle, call)) return idle.connection;
    }
    call.enter("pool");
    const given = await this.#wait(signal);
    if ("connection" in given) return given.connection;
    call.enter("connect");
    return this.#open(given, signal);
  }

  /** Gives a connection back; a broken one is closed and its place is free. */
  release(connection: Connection, reusable: boolean): void {
    const held = this.#held.get(connection);
    if (held === undefined) return;
    if (!reusable || this.#closed || !this.#options.isOpen(connection)) this.#drop(held);
    else if (this.#line.size > 0) this.#handOn(held);
    else this.#keep(held);
  }

  /** Closes what is idle now: where the source has closed one, it may have closed the others. */
  dropIdle(): void {
    for (const held of this.#idle.splice(0)) this.#drop(held);
  }

  /** Closes what is idle now, and what is in use when it is given back. */
  close(): void {
    this.#closed = true;
    clearInterval(this.#sweeper);
    this.dropIdle();
  }

  #isFresh({ since }: Held<Connection>): boolean {
    return performance.now() - since < (this.#options.freshMs ?? 5_000);
  }

  #takeIdle(): Held<Connection> | undefined {
    for (let held = this.#idle.pop(); held !== undefined; held = this.#idle.pop()) {
      if (this.#options.isOpen(held.connection)) {
        held.place.recall();
        return held;
      }
      this.#drop(held);
    }
    return undefined;
  }

  /** Asks before use; what does not answer in time is closed, and the call looks for another one. */
  async #answers(held: Held<Connection>, call: Borrower): Promise<boolean> {
    call.enter("connect");
    const limit = AbortSignal.any([call.signal, AbortSignal.timeout(checkMs)]);
    if (await this.#options.check(held.connection, limit)) return true;
    this.#dropOld(held);
    call.signal.throwIfAborted();
    return false;
  }

  /** Those that were unused for longer have been through the same: to ask each would take a second more. */
  #dropOld(held: Held<Connection>): void {
    this.#drop(held);
    while (this.#idle[0] !== undefined && !this.#isFresh(this.#idle[0])) {
      this.#drop(this.#idle.shift() as Held<Connection>);
    }
  }

  #wait(signal: AbortSignal): Promise<Held<Connection> | Place> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#line.delete(waiter);
        this.#askForPlaces();
        reject(signal.reason);
      };
      const waiter: Waiter<Connection> = (given) => {
        this.#line.delete(waiter);
        signal.removeEventListener("abort", leave);
        resolve(given);
      };
      this.#line.add(waiter);
      signal.addEventListener("abort", leave, { once: true });
      this.#askForPlaces();
    });
  }

  /** For as many as wait and may open a connection; those that asked last leave first. */
  #askForPlaces(): void {
    const wanted = Math.max(0, Math.min(this.#line.size, this.#options.max - this.size));
    while (this.#asking.length > wanted) this.#asking.pop()?.abort();
    while (this.#asking.length < wanted) void this.#askForPlace();
  }

  async #askForPlace(): Promise<void> {
    const asking = new AbortController();
    this.#asking.push(asking);
    const { places, host } = this.#options;
    const place = await places.take(host, asking.signal).catch(() => undefined);
    if (place === undefined) return;
    const [waiter] = this.#line;
    const at = this.#asking.indexOf(asking);
    // It came when nobody wanted it any more.
    if (at < 0 || waiter === undefined) return place.free();
    this.#asking.splice(at, 1);
    this.#opening++;
    waiter(place);
  }

  async #open(place: Place, signal: AbortSignal): Promise<Connection> {
    let opened: Connection | undefined;
    try {
      opened = await this.#options.open(signal);
      this.#held.set(opened, { connection: opened, place, since: performance.now() });
      return opened;
    } finally {
      this.#opening--;
      if (opened === undefined) {
        place.free();
        this.#askForPlaces();
      }
    }
  }

  /** To the first in line, unless another source waits for the place and it is its turn. */
  #handOn(held: Held<Connection>): void {
    const now = performance.now();
    if (now - held.since >= turnMs) {
      held.since = now;
      held.place.lend(() => this.#drop(held));
      if (!this.#held.has(held.connection)) return;
      held.place.recall();
    }
    const [waiter] = this.#line;
    waiter?.(held);
    this.#askForPlaces();
  }

  #keep(held: Held<Connection>): void {
    held.since = performance.now();
    this.#idle.push(held);
    held.place.lend(() => {
      this.#idle.splice(this.#idle.indexOf(held), 1);
      this.#drop(held);
    });
    this.#sweeper ??= setInterval(() => this.#sweep(), Math.max(this.#options.idleMs / 2, 100)).unref();
  }

  #drop(held: Held<Connection>): void {
    this.#held.delete(held.connection);
    this.#options.close(held.connection);
    held.place.free();
    this.#askForPlaces();
  }

  #sweep(): void {
    const oldest = performance.now() - this.#options.idleMs;
    while (this.#idle[0] !== undefined && this.#idle[0].since < oldest) {
      this.#drop(this.#idle.shift() as Held<Connection>);
    }
    if (this.#idle.length === 0) {
      clearInterval(this.#sweeper);
      this.#sweeper = undefined;
    }
  }
}
