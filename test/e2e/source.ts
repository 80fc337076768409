/** A database to be connected to, and the table that is made in it. */
import { createConnection } from "mysql2/promise";
import pg from "pg";

export interface Table {
  readonly name: string;
  readonly rows: number;
}

export interface Source {
  /** `postgresql`. */
  readonly provider: string;
  /** What CreateConnector takes besides a name. */
  readonly target: {
    readonly provider: string;
    readonly config: Readonly<Record<string, string | number>>;
    readonly credential: { readonly password: string };
  };
  /** Undefined where the database's user may not make one: it is only read then. */
  readonly table: Table | undefined;
  /** Drops the table. */
  remove(): Promise<void>;
}

/** Runs one statement as the URL's user. */
type Run = (statement: string) => Promise<void>;

const rows = 10_000;

/** @throws Error that names the source, where it can't be used; what was made in it is gone then */
export async function prepareSource(url: URL): Promise<Source> {
  const provider = url.protocol.startsWith("postgres") ? "postgresql" : "mysql";
  const [host, user, password, database] = [url.hostname, url.username, url.password, url.pathname.slice(1)].map(
    decodeURIComponent,
  ) as [string, string, string, string];
  const port = Number(url.port || (provider === "postgresql" ? 5432 : 3306));
  const tls = url.searchParams.get("tls") ?? "verify_full";
  const run = provider === "postgresql" ? onPostgresql(url, tls) : onMysql(url, tls);
  const table = { name: `e2e_orders_${crypto.randomUUID().slice(0, 8)}`, rows };
  const remove = () => run(`DROP TABLE ${table.name}`);
  const made = await makeTable(table.name, run, remove).then(
    () => true,
    (cause) => {
      if (mayNot(cause)) return false;
      throw new Error(`The source at ${url.host} can't be used: ${(cause as Error).message}`, { cause });
    },
  );
  return {
    provider,
    target: {
      provider,
      config: { host: host.replace(/^\[(.*)\]$/, "$1"), port, database, user, tls },
      credential: { password },
    },
    table: made ? table : undefined,
    remove: made ? remove : async () => undefined,
  };
}

async function makeTable(name: string, run: Run, remove: () => Promise<void>): Promise<void> {
  await run(createTable(name));
  try {
    await run(fillTable(name));
  } catch (cause) {
    // Why it can't be filled is the reason, whatever becomes of the table.
    await remove().catch(() => undefined);
    throw cause;
  }
}

/** How databases say that their user may not make a table, or that nobody may since they are only read. */
const refusals: ReadonlySet<unknown> = new Set([
  // insufficient_privilege; no schema to make it in, which is how one that may not be used shows; a replica.
  ...["42501", "3F000", "25006"],
  // On the table; on the database; the server or the session is only read.
  ...[1142, 1044, 1290, 1792, 1836],
]);

function mayNot(cause: unknown): boolean {
  const { code, errno } = cause as { code?: unknown; errno?: unknown };
  return refusals.has(code) || refusals.has(errno);
}

function createTable(name: string): string {
  const columns = ["id BIGINT PRIMARY KEY", "name VARCHAR(100) NOT NULL", "amount DECIMAL(12,2)", "region VARCHAR(2)"];
  return `CREATE TABLE ${name} (${columns.join(", ")})`;
}

/** In words that every database of SQL knows. */
function fillTable(name: string): string {
  const digits = Array.from({ length: 10 }, (_, digit) => `SELECT ${digit} AS n`).join(" UNION ALL ");
  const id = "a.n * 1000 + b.n * 100 + c.n * 10 + e.n + 1";
  const values = `${id}, CONCAT('order ', ${id}), ${id} + 0.25, CASE WHEN MOD(${id}, 2) = 0 THEN 'eu' ELSE 'us' END`;
  return `INSERT INTO ${name} WITH d AS (${digits}) SELECT ${values} FROM d a, d b, d c, d e`;
}

/** The URL as it is without parameters, which are the service's own. */
function withoutParameters(url: URL): URL {
  const bare = new URL(url);
  bare.search = "";
  return bare;
}

/** @param tls As the service is told: by its name and authority, by its authority alone, or `disable` */
function onPostgresql(url: URL, tls: string): Run {
  const connectionString = withoutParameters(url).href;
  const verified = tls === "verify_ca" ? { checkServerIdentity: () => undefined } : true;
  return async (statement) => {
    const client = new pg.Client({ connectionString, ssl: tls === "disable" ? false : verified });
    // Its loss shows as the failure of the statement that runs.
    client.on("error", () => undefined);
    await client.connect();
    await client.query(statement).finally(() => client.end());
  };
}

function onMysql(url: URL, tls: string): Run {
  const bare = withoutParameters(url);
  bare.protocol = "mysql:";
  const ssl = tls === "disable" ? {} : { ssl: { verifyIdentity: tls !== "verify_ca" } };
  return async (statement) => {
    const connection = await createConnection({ uri: bare.href, ...ssl });
    await connection.query(statement).finally(() => connection.end());
  };
}
