import { connect } from "node:net";
import { pipeline } from "node:stream";
import { TLSSocket } from "node:tls";
import pg from "pg";
import { freshDatabase, ownCluster } from "./postgres.ts";
import type { SourceClient, SourceKind, TextRow } from "./source-kind.ts";

const asText = { getTypeParser: () => (cell: string) => cell };

const pause = (seconds: number) => `pg_sleep(${seconds})::text`;

export const postgresqlKind: SourceKind = {
  id: "postgresql",
  freshDatabase,
  ownServer: ownCluster,
  client(url) {
    const pool = new pg.Pool({ connectionString: url, max: 3, application_name: "the test" });
    // A killed server takes these with it.
    pool.on("error", () => {});
    return {
      async run(text) {
        const query = { text, rowMode: "array", types: asText };
        const result = await pool.query(query as unknown as pg.QueryArrayConfig);
        return ([result].flat().at(-1)?.rows ?? []) as TextRow[];
      },
      close: () => pool.end(),
    };
  },
  async createReader(admin, user) {
    await admin.run(`CREATE ROLE ${user} LOGIN PASSWORD '${user}' IN ROLE pg_read_all_data`);
  },
  async dropReader(admin, user) {
    await admin.run(`DROP ROLE ${user}`);
  },
  connections: (admin, user) => connectionsOf(admin, `usename = '${user}'`),
  async running(admin, user) {
    const rows = await admin.run(`SELECT query FROM pg_stat_activity WHERE usename = '${user}' AND state <> 'idle'`);
    return rows.map(([text]) => text ?? "");
  },
  isAsleep: (admin, user) => isThere(admin, `usename = '${user}' AND wait_event = 'PgSleep'`),
  endTls(socket, port, { cert, key }) {
    socket.once("data", () => {
      // It agrees to encrypt.
      socket.write("S");
      const encrypted = new TLSSocket(socket, { isServer: true, cert, key });
      pipeline(encrypted, connect(port, "127.0.0.1"), encrypted, () => {});
    });
  },
  pause,
  slowResources: ({ known, trickle }) => `
    CREATE TABLE known AS SELECT i AS id, md5(i::text) AS text FROM generate_series(1, ${known}) i;
    CREATE VIEW slow_answer AS SELECT 42 AS answer, ${pause(0.4)} AS pause;
    CREATE VIEW asleep AS SELECT ${pause(30)} AS pause;
    CREATE VIEW trickle AS
      SELECT i AS id, repeat(md5(i::text), 8) AS text, ${pause(0.001)} AS pause
      FROM generate_series(1, ${trickle}) i`,
  bigTable: (name, thousands, characters) => `
    CREATE TABLE ${name} AS SELECT i AS id, repeat('x', ${characters}) AS text FROM generate_series(1, ${thousands}000) i;
    ALTER TABLE ${name} ADD PRIMARY KEY (id);
    ANALYZE ${name}`,
};

/** Whether there is a connection that a condition on pg_stat_activity selects. */
export async function isThere(admin: SourceClient, condition: string): Promise<boolean> {
  return (await connectionsOf(admin, condition)).open > 0;
}

/** The connections that a condition on pg_stat_activity selects. */
export async function connectionsOf(admin: SourceClient, condition: string): Promise<{ open: number; busy: number }> {
  const [[open, busy] = []] = await admin.run(
    `SELECT count(*), count(*) FILTER (WHERE state <> 'idle') FROM pg_stat_activity WHERE ${condition}`,
  );
  return { open: Number(open), busy: Number(busy) };
}
