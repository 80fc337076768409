/** A customer's database, as its owner sees it. */
import pg from "pg";

/** Runs statements as the URL's user, one connection for each call, and gives the last one's rows. */
export async function run(url: string, text: string, parameters?: unknown[]): Promise<unknown[][]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const result = await client.query({ text, rowMode: "array", ...(parameters && { values: parameters }) });
    return [result].flat().at(-1)?.rows ?? [];
  } finally {
    await client.end();
  }
}

export interface Login {
  /** The database, as this user. */
  readonly url: string;
  readonly user: string;
  /** Removes the user, whose sessions and rights must be gone by then. */
  drop(): Promise<void>;
}

/** A new user of the database's server, who may do nothing yet. */
export async function newLogin(databaseUrl: string, password: string): Promise<Login> {
  const user = `reader_${crypto.randomUUID().replaceAll("-", "")}`;
  await run(databaseUrl, `CREATE ROLE ${user} LOGIN PASSWORD ${pg.escapeLiteral(password)}`);
  const url = new URL(databaseUrl);
  url.username = user;
  url.password = encodeURIComponent(password);
  const server = new URL(databaseUrl);
  server.pathname = "/postgres";
  return { url: url.href, user, drop: async () => void (await run(server.href, `DROP ROLE ${user}`)) };
}

/** How many connections a user has to the URL's database. */
export async function connectionsOf(databaseUrl: string, user: string): Promise<number> {
  const [row] = await run(
    databaseUrl,
    "SELECT count(*)::int FROM pg_stat_activity WHERE datname = current_database() AND usename = $1",
    [user],
  );
  return row?.[0] as number;
}
