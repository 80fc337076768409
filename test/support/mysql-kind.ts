import { createHash } from "node:crypto";
import { connect } from "node:net";
import { pipeline } from "node:stream";
import tls, { TLSSocket } from "node:tls";
import { freshMysqlDatabase } from "./mariadb.ts";
import { ownMariadb } from "./mariadb-server.ts";
import { mysqlPool } from "./mysql-client.ts";
import type { SourceClient, SourceKind } from "./source-kind.ts";

/** Of a packet, and of where its size stands in three bytes. Source: MySQL's protocol, "MySQL Packets". */
const headerBytes = 4;

const pause = (seconds: number) => `sleep(${seconds})`;

export const mysqlKind: SourceKind = {
  id: "mysql",
  freshDatabase: freshMysqlDatabase,
  async ownServer() {
    const server = await ownMariadb();
    const url = new URL(server.url);
    const admin = mysqlPool(server.url);
    await admin.run("CREATE DATABASE customer CHARACTER SET utf8mb4");
    await admin.close();
    url.pathname = "/customer";
    return { ...server, url: url.href };
  },
  client: mysqlPool,
  async createReader(admin, user) {
    const [[database] = []] = await admin.run("SELECT DATABASE()");
    await admin.run(
      `CREATE USER ${user}@'%' IDENTIFIED BY '${user}'; GRANT SELECT, SHOW VIEW ON ${database}.* TO ${user}@'%'`,
    );
  },
  async dropReader(admin, user) {
    await admin.run(`DROP USER ${user}@'%'`);
  },
  async connections(admin, user) {
    // What innodb_trx tells is as old as its last reader wants: while it is read often, it never changes.
    const [[open, busy] = []] = await admin.run(
      `SELECT count(*), coalesce(sum(command <> 'Sleep'), 0) FROM ${await processlistOf(admin)} WHERE user = '${user}'`,
    );
    return { open: Number(open), busy: Number(busy) };
  },
  async running(admin, user) {
    const ofTheirs = `user = '${user}' AND command <> 'Sleep' AND info IS NOT NULL`;
    const rows = await admin.run(`SELECT info FROM ${await processlistOf(admin)} WHERE ${ofTheirs}`);
    return rows.map(([text]) => text ?? "");
  },
  async isAsleep(admin, user) {
    const ofTheirs = `user = '${user}' AND state = 'User sleep'`;
    const asleep = `SELECT count(*) FROM ${await processlistOf(admin)} WHERE ${ofTheirs}`;
    return (await countOf(admin, asleep)) > 0;
  },
  endTls(socket, port, { cert, key }) {
    // Both sides begin TLS at once, so that the packets' numbers go on as they would without anybody between.
    const server = connect(port, "127.0.0.1");
    server.on("error", () => socket.destroy()).on("data", (greeting) => socket.write(greeting));
    let said = Buffer.alloc(0);
    const listen = (bytes: Buffer) => {
      said = Buffer.concat([said, bytes]);
      if (said.length < headerBytes) return;
      const size = headerBytes + said.readUIntLE(0, 3);
      if (said.length < size) return;
      socket.off("data", listen).pause();
      server.removeAllListeners("data").pause();
      // The request to encrypt; the client does not wait to be told that it may begin.
      server.write(said.subarray(0, size));
      socket.unshift(said.subarray(size));
      const front = new TLSSocket(socket, { isServer: true, cert, key });
      const back = tls.connect({ socket: server, rejectUnauthorized: false });
      pipeline(front, back, front, () => {});
    };
    socket.once("close", () => server.destroy()).on("data", listen);
  },
  pause,
  slowResources: ({ known, trickle }) => `
    CREATE TABLE known (id int NOT NULL PRIMARY KEY, text varchar(32) NOT NULL);
    INSERT INTO known VALUES ${hashes(known)};
    CREATE TABLE trickled (id int NOT NULL PRIMARY KEY, text text NOT NULL);
    INSERT INTO trickled VALUES ${hashes(trickle, 8)};
    CREATE VIEW slow_answer AS SELECT 42 AS answer, ${pause(0.4)} AS pause;
    CREATE VIEW asleep AS SELECT ${pause(30)} AS pause;
    CREATE VIEW trickle AS SELECT id, text, ${pause(0.001)} AS pause FROM trickled`,
  bigTable: (name, thousands, characters) => `
    CREATE TABLE ${name} (id int NOT NULL PRIMARY KEY, text text NOT NULL);
    INSERT INTO ${name}
      ${numbers(1_000)} SELECT a.i + (b.i - 1) * 1000, repeat('x', ${characters}) FROM s a, s b WHERE b.i <= ${thousands};
    ANALYZE TABLE ${name}`,
};

/** Rows, each with its number and the number's MD5, so many times: MySQL computes none since 9.6. */
function hashes(rows: number, times = 1): string {
  const hashOf = (id: number) => createHash("md5").update(`${id}`).digest("hex");
  return Array.from({ length: rows }, (_, i) => `(${i + 1}, '${hashOf(i + 1).repeat(times)}')`).join(", ");
}

/** At most 1,000, which is where recursion ends. */
function numbers(upTo: number): string {
  return `WITH RECURSIVE s (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < ${upTo})`;
}

/** The table of a server's connections; MySQL's old one fails at characters beyond the first 65,536. */
async function processlistOf(admin: SourceClient): Promise<string> {
  const [[version] = []] = await admin.run("SELECT VERSION()");
  return /mariadb/i.test(version ?? "") ? "information_schema.processlist" : "performance_schema.processlist";
}

async function countOf(admin: SourceClient, text: string): Promise<number> {
  return Number((await admin.run(text))[0]?.[0]);
}
