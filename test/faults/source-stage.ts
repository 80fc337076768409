/** Scenarios in which a connector's PostgreSQL is harmed, or the way to it. */
import { createHash } from "node:crypto";
import { connect as connectTcp, type Socket } from "node:net";
import { pipeline } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { TLSSocket } from "node:tls";
import pg from "pg";
import type { ConnectorClient } from "../../src/client/index.ts";
import type { Certificate } from "../support/certificate.ts";
import { type Fault, faultProxy } from "../support/fault-proxy.ts";
import type { OwnCluster } from "../support/postgres.ts";
import { connectorTo, rogueServer, type TestService, testService } from "../support/service.ts";
import { type Caller, type Callers, callersOf, patientMs } from "./calling.ts";
import type { ServerFault } from "./faults.ts";
import { type Outcome, type Scenario, type Stage, WrongAnswer, watch } from "./scenario.ts";

/** A service, and a server that holds what the scenarios ask for. */
export interface Backend {
  readonly service: TestService;
  /** The database's URL, as a superuser. */
  readonly url: string;
  /** For looking at the server from beside. */
  readonly admin: pg.Pool;
  /** Given when the server is one that may be frozen and killed. */
  readonly cluster: OwnCluster | undefined;
  /** For all scenarios. */
  readonly callers: Callers;
  /** The permits and places of the service that are taken or waited for, as its metrics name them. */
  held(): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** Connections that a connector may have. */
const maxConnections = 4;

export async function openBackend(url: string, cluster?: OwnCluster): Promise<Backend> {
  const service = await testService({ MAX_CONNECTIONS_PER_CONNECTOR: String(maxConnections), METRICS_PORT: "0" });
  const admin = new pg.Pool({ connectionString: url, max: 3 });
  // A killed server takes these with it.
  admin.on("error", () => {});
  await admin.query(
    `CREATE TABLE known AS SELECT i AS id, md5(i::text) AS text FROM generate_series(1, ${knownRows}) i`,
  );
  // What a service's first call loads is not the first scenario's to wait for.
  const { id } = await service.client.createConnector(connectorTo(url, "first"));
  await service.client.query(id, known);
  await service.client.deleteConnector(id);
  const callers = callersOf(service);
  return {
    ...{ service, url, admin, cluster, callers },
    async held() {
      const metrics = await (await fetch(service.metricsUrl)).text();
      const figures = metrics.split("\n").filter((line) => /^connector_(bulkhead_calls|places)\{/.test(line));
      if (figures.length === 0) throw new Error("The service does not tell its permits and places.");
      return figures.filter((line) => !line.endsWith(" 0"));
    },
    async close() {
      callers.close();
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

/**
 * A connector of the scenario's own, with a user of its own, by whom its connections are told from others'.
 *
 * @param tls the connector reaches the server over TLS, and the fault harms what is encrypted
 */
export async function openSourceStage(backend: Backend, scenario: Scenario, tls?: Certificate): Promise<Stage> {
  const { service, admin } = backend;
  const user = `fault_${crypto.randomUUID().slice(-12)}`;
  await admin.query(`CREATE ROLE ${user} LOGIN PASSWORD '${user}' IN ROLE pg_read_all_data`);
  const port = Number(new URL(backend.url).port);
  const front = tls && (await rogueServer((socket) => endTls(socket, port, tls)));
  const proxy = await faultProxy({ host: "127.0.0.1", port: front?.port ?? port });
  const { id } = await service.client.createConnector(connectorThrough(proxy.port, backend.url, user, tls));
  const caller = backend.callers.within(scenario.deadlineMs);
  const { fault } = scenario.fault;
  const server = serverControl(backend.cluster);
  const isServerFault = fault.kind === "freeze" || fault.kind === "kill";

  return {
    apply: () => (isServerFault ? server.apply(fault) : proxy.set(fault)),
    lift: () => (isServerFault ? server.lift(fault) : proxy.set(undefined)),
    ask: (deadlineMs) => askKnown(backend.callers.within(deadlineMs), id),
    unprotected: tls === undefined,
    moments: momentsOf(backend, caller, id, user),
    connections: async () => ({
      ...(await connectionsOf(admin, `usename = '${user}'`)),
      proxied: proxy.connections,
    }),
    fill: () => fillConnector(admin, user, backend.callers.within(patientMs).client, id),
    async close() {
      await server.lift(fault);
      await service.client.deleteConnector(id);
      await proxy.stop();
      await front?.stop();
      await admin.query(`DROP ROLE ${user}`);
    },
  };
}

function connectorThrough(port: number, url: string, user: string, tls: Certificate | undefined) {
  const target = connectorTo(url, user.replace("_", "-"));
  const encrypted = tls && { host: "localhost", tls: "verify_full", ca: tls.cert };
  return { ...target, config: { ...target.config, port, user, ...encrypted }, credential: { password: user } };
}

function momentsOf({ service, admin }: Backend, caller: Caller, id: string, user: string): Stage["moments"] {
  return {
    async connect(strike) {
      await strike();
      return watch(caller.deadlineMs, () => askKnown(caller, id));
    },
    async idle(strike) {
      await service.client.query(id, known);
      await strike();
      return watch(caller.deadlineMs, () => askKnown(caller, id));
    },
    mid_query: (strike) =>
      strikeInCall(
        () => watch(caller.deadlineMs, () => askSlowly(caller, id)),
        () => isThere(admin, `usename = '${user}' AND wait_event = 'PgSleep'`),
        strike,
      ),
    mid_result: (strike) => strikeInStream(caller, id, strike),
  };
}

/**
 * Lets the fault strike when the call is where it is to be met. A call that ends before,
 * since the machine was busy with something else, is made again.
 */
export async function strikeInCall(
  begin: () => Promise<Outcome>,
  isMet: () => Promise<boolean>,
  strike: () => Promise<void>,
): Promise<Outcome> {
  for (let left = 30; ; left--) {
    const call = begin();
    let ended: Outcome | undefined;
    void call.then((outcome) => {
      ended = outcome;
    });
    while (ended === undefined && !(await isMet())) await delay(5);
    if (ended === undefined) {
      await strike();
      return call;
    }
    if (left === 0) throw ended.error ?? new Error("The call is never met.");
  }
}

/** Begins a stream, and lets the fault strike when some of it has come. */
export async function strikeInStream(caller: Caller, id: string, strike: () => Promise<void>): Promise<Outcome> {
  const { promise: begun, resolve } = Promise.withResolvers<void>();
  const outcome = watch(caller.deadlineMs, () => streamSlowly(caller, id, resolve));
  // A stream that fails before has no middle.
  await Promise.race([begun, outcome]);
  await strike();
  return outcome;
}

async function askKnown({ client, options }: Caller, id: string): Promise<void> {
  const { rows } = await client.query<{ id: number; text: string }>(id, known, options());
  const whole = rows.length === knownRows && rows.every((row, index) => row.id === index + 1);
  const right = rows.every((row) => row.text === md5(row.id));
  if (!whole || !right) throw new WrongAnswer(JSON.stringify(rows.map((row) => row.toArray())));
}

async function askSlowly({ client, options }: Caller, id: string): Promise<void> {
  const { rows } = await client.query<{ answer: number }>(id, slowQuery, options());
  if (rows.length !== 1 || rows[0]?.answer !== 42) throw new WrongAnswer(`${rows.length} rows`);
}

async function streamSlowly({ client, options }: Caller, id: string, onBegun: () => void): Promise<void> {
  let rows = 0;
  for await (const row of client.stream<{ id: number; text: string }>(id, slowStream, options())) {
    if (++rows === rowsBefore) onBegun();
    if (row.id !== rows || row.text !== md5(rows).repeat(8)) throw new WrongAnswer(`row ${rows}`);
  }
  if (rows !== streamRows) throw new WrongAnswer(`${rows} rows`);
}

function md5(number: number): string {
  return createHash("md5").update(String(number)).digest("hex");
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

/** Whether there is a connection that a condition on pg_stat_activity selects. */
export async function isThere(admin: pg.Pool, condition: string): Promise<boolean> {
  return (await connectionsOf(admin, condition)).open > 0;
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
