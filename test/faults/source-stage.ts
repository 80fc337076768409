/** Scenarios in which a connector's PostgreSQL is harmed, or the way to it. */

import { connect as connectTcp, type Socket } from "node:net";
import { pipeline } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { TLSSocket } from "node:tls";
import pg from "pg";
import type { ConnectorClient } from "../../src/client/index.ts";
import type { Certificate } from "../support/certificate.ts";
import type { Fault } from "../support/fault-proxy.ts";
import { faultProxy } from "../support/fault-proxy.ts";
import type { OwnCluster } from "../support/postgres.ts";
import { connectorTo, rogueServer, type TestService, testService } from "../support/service.ts";
import { type Caller, callerOf } from "./calling.ts";
import type { ServerFault } from "./faults.ts";
import { type Scenario, type Stage, WrongAnswer, watch } from "./scenario.ts";

/** A service, and a server that holds what the scenarios ask for. */
export interface Backend {
  readonly service: TestService;
  /** The database's URL, as a superuser. */
  readonly url: string;
  /** For looking at the server from beside. */
  readonly admin: pg.Pool;
  /** Given when the server is one that may be frozen and killed. */
  readonly cluster: OwnCluster | undefined;
  close(): Promise<void>;
}

/** Connections that a connector may have. */
const maxConnections = 4;

export async function openBackend(url: string, cluster?: OwnCluster): Promise<Backend> {
  const service = await testService({ MAX_CONNECTIONS_PER_CONNECTOR: String(maxConnections) });
  const admin = new pg.Pool({ connectionString: url, max: 3 });
  // A killed server takes these with it.
  admin.on("error", () => {});
  await admin.query("CREATE TABLE known AS SELECT i AS id, md5(i::text) AS text FROM generate_series(1, 20) i");
  // What a service's first call loads is not the first scenario's to wait for.
  const { id } = await service.client.createConnector(connectorTo(url, "first"));
  await service.client.query(id, known);
  await service.client.deleteConnector(id);
  return {
    ...{ service, url, admin, cluster },
    async close() {
      await admin.end();
      await service.stop();
    },
  };
}

const streamRows = 200;
/** Trickles, so that there is a middle: nothing on the way could hold it all back and give it out at once. */
const slowStream = {
  native: `SELECT i AS id, repeat(md5(i::text), 8) AS text, pg_sleep(0.001)::text AS pause
    FROM generate_series(1, ${streamRows}) AS i`,
};
const rowsBefore = 30;
const slowQuery = { native: "SELECT 42 AS answer FROM pg_sleep(0.4)" };
const known = { resource: "known", orderBy: ["id"] };

const knownRows = 20;

export async function openSourceStage(backend: Backend, scenario: Scenario, tls?: Certificate): Promise<Stage> {
  const { service, admin } = backend;
  const name = `fault_${crypto.randomUUID().slice(0, 13).replaceAll("-", "")}`;
  await admin.query(`CREATE ROLE ${name} LOGIN PASSWORD '${name}' IN ROLE pg_read_all_data`);
  const port = Number(new URL(backend.url).port);
  const front = tls && (await rogueServer((socket) => endTls(socket, port, tls)));
  const proxy = await faultProxy({ host: "127.0.0.1", port: front?.port ?? port });
  const target = connectorTo(backend.url, name.replace("_", "-"));
  const { id } = await service.client.createConnector({
    ...target,
    config: {
      ...{ ...target.config, port: proxy.port, user: name },
      ...(tls && { host: "localhost", tls: "verify_full", ca: tls.cert }),
    },
    credential: { password: name },
  });
  const caller = callerOf(service, scenario.deadlineMs);
  const asker = askerOf(caller, id);
  const { fault } = scenario.fault;
  const server = serverControl(backend.cluster);
  const isServerFault = fault.kind === "freeze" || fault.kind === "kill";

  return {
    apply: () => (isServerFault ? server.apply(fault) : proxy.set(fault)),
    lift: () => (isServerFault ? server.lift(fault) : proxy.set(undefined)),
    ask: asker.known,
    unprotected: tls === undefined,
    moments: {
      async connect(strike) {
        await strike();
        return watch(asker.known);
      },
      async idle(strike) {
        await service.client.query(id, known);
        await strike();
        return watch(asker.known);
      },
      async mid_query(strike) {
        const outcome = watch(asker.slow);
        await untilSleeping(admin, name);
        await strike();
        return outcome;
      },
      async mid_result(strike) {
        const { promise: begun, resolve } = Promise.withResolvers<void>();
        const outcome = watch(() => streamSlowly(caller, id, resolve));
        // A stream that fails before has no middle.
        await Promise.race([begun, outcome]);
        await strike();
        return outcome;
      },
    },
    connections: async () => ({
      ...(await connectionsOf(admin, `usename = '${name}'`)),
      proxied: proxy.connections,
    }),
    fill: () => fillConnector(admin, name, caller.client, id),
    async close() {
      await server.lift(fault);
      caller.client.close();
      await service.client.deleteConnector(id);
      await proxy.stop();
      await front?.stop();
      await admin.query(`DROP ROLE ${name}`);
    },
  };
}

/** The connector's calls, each of which knows its answer. */
function askerOf({ client, options }: Caller, id: string) {
  return {
    async known() {
      const { rows } = await client.query<{ id: number; text: string }>(id, known, options());
      const ids = rows.map((row) => row.id).join();
      if (ids !== Array.from({ length: knownRows }, (_, i) => i + 1).join()) throw new WrongAnswer(`the rows ${ids}`);
      if (rows[0]?.text !== "c4ca4238a0b923820dcc509a6f75849b") throw new WrongAnswer(`${rows[0]?.text}`);
    },
    async slow() {
      const { rows } = await client.query<{ answer: number }>(id, slowQuery, options());
      if (rows.length !== 1 || rows[0]?.answer !== 42) throw new WrongAnswer(JSON.stringify(rows));
    },
  };
}

/** Reads a stream that trickles, and tells when some of it has come. @throws WrongAnswer */
export async function streamSlowly({ client, options }: Caller, id: string, onBegun: () => void): Promise<void> {
  let [rows, sum, letters] = [0, 0, 0];
  const { signal } = options();
  for await (const row of client.stream<{ id: number; text: string }>(id, slowStream, { signal })) {
    if (++rows === rowsBefore) onBegun();
    sum += row.id;
    letters += row.text.length;
  }
  if (rows !== streamRows || sum !== (streamRows * (streamRows + 1)) / 2 || letters !== streamRows * 256) {
    throw new WrongAnswer(`${rows} rows with the sum ${sum} and ${letters} letters`);
  }
}

/** Freezes or kills the server, once, and undoes it, once. */
function serverControl(cluster: OwnCluster | undefined) {
  let struck = false;
  return {
    async apply({ kind }: ServerFault) {
      struck = true;
      await cluster?.kill(kind === "freeze" ? "SIGSTOP" : "SIGKILL");
    },
    async lift({ kind }: Fault | ServerFault) {
      if (!struck) return;
      struck = false;
      if (kind === "freeze") await cluster?.kill("SIGCONT");
      else await cluster?.restart();
    },
  };
}

async function untilSleeping(admin: pg.Pool, user: string): Promise<void> {
  for (const end = performance.now() + 3_000; performance.now() < end; await delay(5)) {
    const { rowCount } = await admin.query(
      "SELECT FROM pg_stat_activity WHERE usename = $1 AND wait_event = 'PgSleep'",
      [user],
    );
    if (rowCount !== 0) return;
  }
  throw new Error("the statement does not run");
}

/** The connections of those whom a condition on pg_stat_activity selects. */
export async function connectionsOf(admin: pg.Pool, condition: string): Promise<{ open: number; busy: number }> {
  const { rows } = await admin.query(
    `SELECT count(*)::int AS open, count(*) FILTER (WHERE state <> 'idle')::int AS busy
     FROM pg_stat_activity WHERE ${condition}`,
  );
  return rows[0];
}

/** All the connections that a connector may have can be used at once, by one call each. */
async function fillConnector(admin: pg.Pool, user: string, client: ConnectorClient, id: string): Promise<void> {
  const native = "SELECT 1 AS one FROM pg_sleep(0.3)";
  const calls = Promise.allSettled(Array.from({ length: maxConnections }, () => client.query(id, { native })));
  let settled = false;
  void calls.then(() => {
    settled = true;
  });
  let most = 0;
  while (!settled && most < maxConnections) {
    most = Math.max(most, (await connectionsOf(admin, `usename = '${user}'`)).busy);
    await delay(10);
  }
  const failed = (await calls).find((call) => call.status === "rejected");
  if (failed !== undefined) throw failed.reason;
  if (most < maxConnections) throw new Error(`${most} calls at once instead of ${maxConnections}`);
}

/** PostgreSQL as it is behind a proxy that ends TLS: agrees to encrypt, and passes on what was encrypted. */
function endTls(socket: Socket, port: number, { cert, key }: Certificate): void {
  socket.once("data", () => {
    socket.write("S");
    const encrypted = new TLSSocket(socket, { isServer: true, cert, key });
    pipeline(encrypted, connectTcp(port, "127.0.0.1"), encrypted, () => {});
  });
}
