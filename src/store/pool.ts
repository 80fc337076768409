/**
 * Keeps the pool of connections to the service's own database in working order.
 *
 * The driver waits for ever for a frozen server, or on a way that is cut without a word.
 * And kysely, below the ORM, keeps the connection of a transaction whose BEGIN, COMMIT or
 * ROLLBACK has failed, as each does when the connection is lost
 * (github.com/kysely-org/kysely/issues/1990). The pool would soon have none left.
 */
import type { Socket } from "node:net";
import pg from "pg";

/** How often a connection that is used is looked at, in milliseconds. */
const tickMs = 500;
/** In a row without a byte. The first statement is BEGIN, which takes no time. */
const silentTicks = { first: 4, later: 12 };
/** How long a server may take to close a connection that is not needed any more, in milliseconds. */
const lingerMs = 1_000;

/** The message of every failed beginning; why it failed is its cause. */
export const cannotConnect = "No connection to the service's database could be made.";

/** SQLSTATE of a statement that would write where nothing can be written. */
const readOnlyState = "25006";

type Connected = (error: Error, client?: pg.Client) => void;

/** A connection that leaves no socket open, whatever the server does: neither at a failed beginning nor at its end. */
export class StoreClient extends pg.Client {
  constructor(config?: string | pg.ClientConfig) {
    super(config);
    this.connection.on("errorMessage", ({ code }) => {
      // A standby stays one for as long as the connection lasts; the next may lead to the primary.
      if (code === readOnlyState) this.connection.stream.destroy();
    });
    for (const type of [pg.types.builtins.JSON, pg.types.builtins.JSONB]) this.setTypeParser(type, readJson);
  }

  override connect(): Promise<pg.Client>;
  override connect(callback: Connected): void;
  override connect(callback?: Connected): Promise<pg.Client> | undefined {
    const failed = (cause: unknown): Error => {
      // The pool forgets it, open as it may be.
      this.connection.stream.destroy();
      return new Error(cannotConnect, { cause });
    };
    if (callback === undefined) {
      return super.connect().catch((cause: unknown) => {
        throw failed(cause);
      });
    }
    super.connect((error: Error | null, client?: pg.Client) => {
      callback(error === null ? (error as never) : failed(error), client);
    });
    return undefined;
  }

  override end(): Promise<void>;
  override end(callback: (error: Error) => void): void;
  override end(callback?: (error: Error) => void): Promise<void> | undefined {
    const linger = setTimeout(() => this.connection.stream.destroy(), lingerMs).unref();
    this.once("end", () => clearTimeout(linger));
    if (callback === undefined) return super.end();
    super.end(callback);
    return undefined;
  }
}

/** The server stores no JSON that is none: the way to here has made it so. */
function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw Object.assign(new Error("The service's database has sent JSON that is none.", { cause }), { code: "EPROTO" });
  }
}

/** What is known of one connection. */
interface Watched {
  /** When it was taken or given back for the last time, on `performance.now()`'s clock. */
  since: number;
  /** Undefined while nobody uses it. */
  timer: NodeJS.Timeout | undefined;
}

/**
 * From now on a connection that is lost goes back to the pool, whoever has it, and one is
 * ended that has been silent for 2 s after it was taken, or for 6 s in a statement or
 * between two. With it go those that lie in the pool since before it was taken: what has
 * cut the way of one has mostly cut theirs.
 *
 * Ticks are counted, and not time: a process that was stopped has heard nothing meanwhile.
 */
export function mindPool(pool: pg.Pool): void {
  const connections = new Map<pg.PoolClient, Watched>();

  function watch(client: pg.PoolClient, watched: Watched, { left, heard }: { left: number; heard: number }): void {
    watched.timer = setTimeout(() => {
      const { bytesRead } = socketOf(client);
      if (bytesRead > heard) watch(client, watched, { left: silentTicks.later, heard: bytesRead });
      else if (left > 1) watch(client, watched, { left: left - 1, heard });
      else endWithIdle(client, watched.since);
    }, tickMs).unref();
  }

  function endWithIdle(silent: pg.PoolClient, since: number): void {
    end(silent);
    for (const [client, { timer, since: idleSince }] of connections) {
      if (timer === undefined && idleSince < since) end(client);
    }
  }

  function begin(client: pg.PoolClient): Watched {
    const watched: Watched = { since: 0, timer: undefined };
    connections.set(client, watched);
    client.once("end", () => {
      if (watched.timer !== undefined) giveBack(client);
    });
    return watched;
  }

  pool.on("acquire", (client) => {
    const watched = connections.get(client) ?? begin(client);
    watched.since = performance.now();
    watch(client, watched, { left: silentTicks.first, heard: socketOf(client).bytesRead });
  });
  pool.on("release", (_error, client) => {
    const watched = connections.get(client);
    if (watched === undefined) return;
    clearTimeout(watched.timer);
    watched.timer = undefined;
    watched.since = performance.now();
  });
  pool.on("remove", (client) => connections.delete(client));
}

/** Whoever waits for an answer gets an error with the code that a socket's would have. */
function end(client: pg.PoolClient): void {
  socketOf(client).destroy(
    Object.assign(new Error("The service's database gives no sign of life."), { code: "ETIMEDOUT" }),
  );
}

/** For whoever has it, and may yet want to give it back by itself. */
function giveBack(client: pg.PoolClient): void {
  const { release } = client;
  client.release = () => {};
  release(true);
}

/** The driver's types tell of any stream; it makes a socket, encrypted or not. */
function socketOf(client: pg.PoolClient): Socket {
  return client.connection.stream as Socket;
}
