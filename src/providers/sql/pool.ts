/** The connections of one session: opened when needed, kept while they are good, never more than a few. */

export interface PoolOptions<Connection> {
  /** Connections at most, those being opened among them. */
  readonly max: number;
  /** Milliseconds after which an unused connection is closed. */
  readonly idleMs: number;
  open(signal: AbortSignal): Promise<Connection>;
  /** Must not fail. */
  close(connection: Connection): void;
  /** Whether an idle connection is still good, as far as that can be known without asking. */
  isOpen(connection: Connection): boolean;
}

interface Waiter<Connection> {
  give(connection: Connection | undefined): void;
}

interface Idle<Connection> {
  readonly connection: Connection;
  readonly since: number;
}

export class ConnectionPool<Connection> {
  readonly #options: PoolOptions<Connection>;
  /** The latest used last: few connections stay warm, the others grow idle and go. */
  readonly #idle: Idle<Connection>[] = [];
  readonly #waiters: Waiter<Connection>[] = [];
  #size = 0;
  #closed = false;
  #sweeper: NodeJS.Timeout | undefined;

  constructor(options: PoolOptions<Connection>) {
    this.#options = options;
  }

  /** Connections open or being opened. */
  get size(): number {
    return this.#size;
  }

  /**
   * A connection of the caller's own until it is given back. Waits in line when all
   * are in use.
   *
   * @throws The signal's reason, or what opening failed with.
   */
  async acquire(signal: AbortSignal): Promise<Connection> {
    signal.throwIfAborted();
    const idle = this.#takeIdle();
    if (idle !== undefined) return idle;
    if (this.#size >= this.#options.max) {
      const given = await this.#wait(signal);
      if (given !== undefined) return given;
      // A place has become free instead; it is counted already.
    } else {
      this.#size++;
    }
    try {
      return await this.#options.open(signal);
    } catch (error) {
      this.#freePlace();
      throw error;
    }
  }

  /** Gives a connection back; a broken one is closed and its place is free. */
  release(connection: Connection, reusable: boolean): void {
    if (!reusable || this.#closed || !this.#options.isOpen(connection)) {
      this.#options.close(connection);
      this.#freePlace();
      return;
    }
    const waiter = this.#waiters.shift();
    if (waiter !== undefined) {
      waiter.give(connection);
      return;
    }
    this.#idle.push({ connection, since: performance.now() });
    this.#sweeper ??= setInterval(() => this.#sweep(), Math.max(this.#options.idleMs / 2, 100)).unref();
  }

  /** Closes what is idle now, and what is in use when it is given back. */
  close(): void {
    this.#closed = true;
    clearInterval(this.#sweeper);
    for (const { connection } of this.#idle.splice(0)) this.#drop(connection);
  }

  #takeIdle(): Connection | undefined {
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
      if (this.#options.isOpen(idle.connection)) return idle.connection;
      this.#drop(idle.connection);
    }
    return undefined;
  }

  #wait(signal: AbortSignal): Promise<Connection | undefined> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#waiters.splice(this.#waiters.indexOf(waiter), 1);
        reject(signal.reason);
      };
      const waiter: Waiter<Connection> = {
        give: (connection) => {
          signal.removeEventListener("abort", leave);
          resolve(connection);
        },
      };
      this.#waiters.push(waiter);
      signal.addEventListener("abort", leave, { once: true });
    });
  }

  /** The first in line may open a connection in the place that is free. */
  #freePlace(): void {
    const waiter = this.#waiters.shift();
    if (waiter === undefined) this.#size--;
    else waiter.give(undefined);
  }

  #drop(connection: Connection): void {
    this.#options.close(connection);
    this.#freePlace();
  }

  #sweep(): void {
    const oldest = performance.now() - this.#options.idleMs;
    while (this.#idle[0] !== undefined && this.#idle[0].since < oldest) {
      this.#drop((this.#idle.shift() as Idle<Connection>).connection);
    }
    if (this.#idle.length === 0) {
      clearInterval(this.#sweeper);
      this.#sweeper = undefined;
    }
  }
}
