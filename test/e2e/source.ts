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

export async function prepareSource(url: URL): Promise<Source> {
  const provider = url.protocol.startsWith("postgres") ? "postgresql" : "mysql";
  const run = provider === "postgresql" ? onPostgresql(url) : onMysql(url);
  const name = `e2e_orders_${crypto.randomUUID().slice(0, 8)}`;
  const table = await run(createTable(name)).then(
    () => ({ name, rows }),
    () => undefined,
  );
  if (table !== undefined) await run(fillTable(name));
  const [host, user, password, database] = [url.hostname, url.username, url.password, url.pathname.slice(1)].map(
    decodeURIComponent,
  ) as [string, string, string, string];
  const port = Number(url.port || (provider === "postgresql" ? 5432 : 3306));
  const tls = url.searchParams.get("tls") ?? "verify_full";
  return {
    provider,
    target: {
      provider,
      config: { host: host.replace(/^\[(.*)\]$/, "$1"), port, database, user, tls },
      credential: { password },
    },
    table,
    remove: async () => {
      if (table !== undefined) await run(`DROP TABLE ${name}`);
    },
  };
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

function onPostgresql(url: URL): Run {
  const own = new URL(url);
  own.searchParams.delete("tls");
  return async (statement) => {
    const client = new pg.Client({ connectionString: own.href });
    // Its loss shows as the failure of the statement that runs.
    client.on("error", () => undefined);
    await client.connect();
    await client.query(statement).finally(() => client.end());
  };
}

function onMysql(url: URL): Run {
  const own = new URL(url);
  own.protocol = "mysql:";
  own.searchParams.delete("tls");
  return async (statement) => {
    const connection = await createConnection(own.href);
    await connection.query(statement).finally(() => connection.end());
  };
}
