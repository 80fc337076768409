/**
 * One process owns the built-in PostgreSQL: the one whose connection holds an
 * advisory lock. A lock that lives in the server can't go stale: it ends with the
 * process that took it, however that ends.
 */
import pg from "pg";
import { Failure } from "../../failure.ts";
import type { Postmaster } from "./postmaster.ts";

/** How to reach the server as its superuser. */
export interface Address {
  readonly port: number;
  readonly password: string;
  readonly database: string;
}

export type Claim =
  | { readonly kind: "owned"; readonly ownership: Ownership }
  | { readonly kind: "refused"; readonly holder: string }
  /** It is starting or stopping, or it does not answer. */
  | { readonly kind: "busy" }
  /** What listens there, if anything, is another server. */
  | { readonly kind: "absent" };

export interface Ownership {
  /** Whether the lock is held, after another try if it was lost. From now on its loss is expected. */
  beginEnd(): Promise<boolean>;
  /** Ends the connection, and with it the lock. */
  end(): Promise<void>;
}

/** Chosen at random, for this one use. */
const lockKey = "7023460991285164119";
const connectTimeoutMs = 2_000;
const queryTimeoutMs = 30_000;
const retryMs = 1_000;
/** The server sees the end of a killed owner's connection within moments. */
const graceMs = 1_000;

const wrongPassword = "28P01";

/**
 * Claims the server that runs on a data directory.
 * @throws Failure "configuration_rejected" when its password is not the one kept beside the data
 */
export async function claim(
  postmaster: Postmaster,
  password: string,
  data: string,
  log: (message: string) => void,
): Promise<Claim> {
  const address = { port: postmaster.port, password, database: "postgres" };
  let client: pg.Client | undefined;
  try {
    client = await connect(address);
    const { rows } = await client.query("SELECT current_setting('data_directory') AS data");
    const holder = rows[0].data === data ? await acquire(client) : undefined;
    if (rows[0].data === data && holder === undefined) {
      return { kind: "owned", ownership: keep(address, client, log) };
    }
    await client.end();
    return holder === undefined ? { kind: "absent" } : { kind: "refused", holder };
  } catch (cause) {
    await client?.end().catch(() => undefined);
    const { code } = cause as { code?: string };
    if (code === wrongPassword) throw passwordChanged(data, cause);
    return { kind: code === "ECONNREFUSED" && !postmaster.certain ? "absent" : "busy" };
  }
}

function passwordChanged(data: string, cause: unknown): Failure {
  return new Failure("configuration_rejected", `The server of ${data} refuses the password that is kept beside it.`, {
    where: "service",
    remedy: "Give the user postgres the password in that file again, or name another directory in CONNECTOR_DATA_DIR.",
    cause,
  });
}

/** A connection whose loss is never an uncaught error. */
export async function connect({ port, password, database }: Address): Promise<pg.Client> {
  const client = new pg.Client({
    host: "127.0.0.1",
    port,
    user: "postgres",
    password,
    database,
    ssl: false,
    connectionTimeoutMillis: connectTimeoutMs,
    query_timeout: queryTimeoutMs,
    application_name: `connector-service (process ${process.pid})`,
  });
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

/** Takes the lock, or says who has it. */
async function acquire(client: pg.Client): Promise<string | undefined> {
  const deadline = performance.now() + graceMs;
  for (;;) {
    const { rows } = await client.query("SELECT pg_try_advisory_lock($1) AS taken", [lockKey]);
    if (rows[0].taken) return undefined;
    if (performance.now() > deadline) return holderOf(client);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function holderOf(client: pg.Client): Promise<string> {
  const { rows } = await client.query(
    `SELECT application_name FROM pg_stat_activity JOIN pg_locks USING (pid)
     WHERE locktype = 'advisory' AND granted AND objsubid = 1
       AND (classid::bigint << 32) | objid::bigint = $1::bigint`,
    [lockKey],
  );
  return rows[0]?.application_name ?? "another process";
}

/** Keeps the lock as long as the server lives, and takes it again after the connection was lost. */
function keep(address: Address, first: pg.Client, log: (message: string) => void): Ownership {
  let client: pg.Client | undefined;
  let retry: NodeJS.Timeout | undefined;
  let ending = false;

  const adopt = (next: pg.Client): void => {
    client = next;
    next.once("end", () => {
      if (client !== next) return;
      client = undefined;
      if (ending) return;
      log("The connection that owns the built-in PostgreSQL was lost; trying to get it back.");
      retryLater();
    });
  };
  const retake = async (): Promise<void> => {
    const next = await connect(address).catch(() => undefined);
    if (next === undefined) return;
    const holder = await acquire(next).catch(() => "nobody, as the connection was lost again");
    if (holder === undefined && !ending) return adopt(next);
    await next.end().catch(() => undefined);
    if (holder !== undefined) log(`The built-in PostgreSQL belongs to ${holder} now.`);
  };
  const retryLater = (): void => {
    // Does not keep the process alive: a service that has drained may end.
    retry = setTimeout(async () => {
      await retake();
      if (client === undefined && !ending) retryLater();
    }, retryMs).unref();
  };

  adopt(first);
  return {
    async beginEnd() {
      clearTimeout(retry);
      // The loss of the connection may not have been noticed yet.
      await client?.query("SELECT 1").catch(() => (client = undefined));
      if (client === undefined) await retake();
      ending = true;
      return client !== undefined;
    },
    async end() {
      ending = true;
      clearTimeout(retry);
      await client?.end().catch(() => undefined);
    },
  };
}
