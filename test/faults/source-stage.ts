/** Scenarios in which a connector's source is harmed, or the way to it. */
import { createHash } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { QueryInput } from "../../src/client/index.ts";
import type { Certificate } from "../support/certificate.ts";
import { type Fault, faultProxy } from "../support/fault-proxy.ts";
import { connectorTo, rogueServer, type TestService, testService } from "../support/service.ts";
import type { OwnServer, SourceClient, SourceKind } from "../support/source-kind.ts";
import { type Caller, type Callers, callersOf, patientMs } from "./calling.ts";
import type { ServerFault } from "./faults.ts";
import { type Outcome, type Scenario, type Stage, WrongAnswer, watch } from "./scenario.ts";

/** A service, and a server that holds what the scenarios ask for. */
export interface Backend {
  readonly kind: SourceKind;
  readonly service: TestService;
  /** The database's URL, as its administrator. */
  readonly url: string;
  /** For looking at the server from beside. */
  readonly admin: SourceClient;
  /** Given when the server is one that may be frozen and killed. */
  readonly ownServer: OwnServer | undefined;
  /** For all scenarios. */
  readonly callers: Callers;
  /** The permits and places of the service that are taken or waited for, as its metrics name them. */
  held(): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** Connections that a connector may have. */
const maxConnections = 4;

export async function openBackend(kind: SourceKind, url: string, ownServer?: OwnServer): Promise<Backend> {
  const service = await testService({ MAX_CONNECTIONS_PER_CONNECTOR: String(maxConnections), METRICS_PORT: "0" });
  const admin = kind.client(url);
  await admin.run(kind.slowResources({ known: knownRows, trickle: streamRows }));
  // What a service's first call loads is not the first scenario's to wait for.
  const { id } = await service.client.createConnector(connectorTo(url, "first"));
  await service.client.query(id, known);
  await service.client.deleteConnector(id);
  const callers = callersOf(service);
  return {
    ...{ kind, service, url, admin, ownServer, callers },
    async held() {
      const metrics = await (await fetch(service.metricsUrl)).text();
      const figures = metrics.split("\n").filter((line) => /^connector_(bulkhead_calls|places)\{/.test(line));
      if (figures.length === 0) throw new Error("The service does not tell its permits and places.");
      return figures.filter((line) => !line.endsWith(" 0"));
    },
    async close() {
      callers.close();
      await admin.close();
      await service.stop();
    },
  };
}

const streamRows = 200;
/** Trickles, so that there is a middle: nothing on the way could hold it all back and give it out at once. */
const slowStream = { native: "SELECT id, text, pause FROM trickle" };
const rowsBefore = 30;
const slowQuery = { native: "SELECT answer, pause FROM slow_answer" };
const known = { resource: "known", orderBy: ["id"] };
const knownRows = 20;

/**
 * A connector of the scenario's own, with a user of its own, by whom its connections are told from others'.
 *
 * @param tls the connector reaches the server over TLS, and the fault harms what is encrypted
 */
export async function openSourceStage(backend: Backend, scenario: Scenario, tls?: Certificate): Promise<Stage> {
  const { kind, service, admin } = backend;
  const user = `fault_${crypto.randomUUID().slice(-12)}`;
  await kind.createReader(admin, user);
  const port = Number(new URL(backend.url).port);
  const front = tls && (await rogueServer((socket) => kind.endTls(socket, port, tls)));
  const proxy = await faultProxy({ host: "127.0.0.1", port: front?.port ?? port });
  const { id } = await service.client.createConnector(connectorThrough(proxy.port, backend.url, user, tls));
  const caller = backend.callers.within(scenario.deadlineMs);
  const { fault } = scenario.fault;
  const server = serverControl(backend.ownServer);
  const isServerFault = fault.kind === "freeze" || fault.kind === "kill";

  return {
    apply: () => (isServerFault ? server.apply(fault) : proxy.set(fault)),
    lift: () => (isServerFault ? server.lift(fault) : proxy.set(undefined)),
    ask: (deadlineMs) => askKnown(backend.callers.within(deadlineMs), id),
    unprotected: tls === undefined,
    moments: momentsOf(backend, caller, id, user),
    connections: async () => ({
      ...(await kind.connections(admin, user)),
      proxied: proxy.connections,
    }),
    fill: () => fillConnector(backend, user, id),
    async close() {
      await server.lift(fault);
      await service.client.deleteConnector(id);
      await proxy.stop();
      await front?.stop();
      await kind.dropReader(admin, user);
    },
  };
}

function connectorThrough(port: number, url: string, user: string, tls: Certificate | undefined) {
  const target = connectorTo(url, user.replace("_", "-"));
  const encrypted = tls && { host: "localhost", tls: "verify_full", ca: tls.cert };
  return { ...target, config: { ...target.config, port, user, ...encrypted }, credential: { password: user } };
}

function momentsOf({ kind, service, admin }: Backend, caller: Caller, id: string, user: string): Stage["moments"] {
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
        () => kind.isAsleep(admin, user),
        strike,
      ),
    mid_result: (strike) =>
      strikeInStream(caller, id, slowStream, strike, async () => (await kind.running(admin, user)).length > 0),
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

/**
 * Begins a stream, and lets the fault strike when some of it has come. Where the machine has
 * stalled for so long that the source has given all of it, it is begun again.
 *
 * @param query whose rows are those of `trickle` (source-kind.ts), 200 of them
 * @param isGiving whether the source has more to give
 */
export async function strikeInStream(
  caller: Caller,
  id: string,
  query: QueryInput,
  strike: () => Promise<void>,
  isGiving: () => Promise<boolean> = async () => true,
): Promise<Outcome> {
  for (let left = 30; ; left--) {
    const { promise: begun, resolve } = Promise.withResolvers<void>();
    const outcome = watch(caller.deadlineMs, () => streamSlowly(caller, id, query, resolve));
    // A stream that fails before has no middle.
    await Promise.race([begun, outcome]);
    if (left > 0 && !(await isGiving()) && (await outcome).error === undefined) continue;
    await strike();
    return outcome;
  }
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

async function streamSlowly(
  { client, options }: Caller,
  id: string,
  query: QueryInput,
  onBegun: () => void,
): Promise<void> {
  let rows = 0;
  for await (const row of client.stream<{ id: number; text: string }>(id, query, options())) {
    if (++rows === rowsBefore) onBegun();
    if (row.id !== rows || row.text !== md5(rows).repeat(8)) throw new WrongAnswer(`row ${rows}`);
  }
  if (rows !== streamRows) throw new WrongAnswer(`${rows} rows`);
}

function md5(number: number): string {
  return createHash("md5").update(String(number)).digest("hex");
}

/** Freezes or kills the server, once, and undoes it, once. */
function serverControl(server: OwnServer | undefined) {
  let struck = false;
  return {
    async apply({ kind }: ServerFault) {
      struck = true;
      await server?.kill(kind === "freeze" ? "SIGSTOP" : "SIGKILL");
    },
    async lift({ kind }: Fault | ServerFault) {
      if (!struck) return;
      struck = false;
      if (kind === "freeze") await server?.kill("SIGCONT");
      else await server?.restart();
    },
  };
}

/** All the connections that a connector may have can be used at once, by one call each. */
async function fillConnector({ kind, admin, callers }: Backend, user: string, id: string): Promise<void> {
  const { client } = callers.within(patientMs);
  const calls = Promise.allSettled(Array.from({ length: maxConnections }, () => client.query(id, slowQuery)));
  let settled = false;
  void calls.then(() => {
    settled = true;
  });
  let most = 0;
  while (!settled && most < maxConnections) {
    most = Math.max(most, (await kind.connections(admin, user)).busy);
    await delay(10);
  }
  const failed = (await calls).find((call) => call.status === "rejected");
  if (failed !== undefined) throw failed.reason;
  if (most < maxConnections) throw new Error(`${most} calls at once instead of ${maxConnections}`);
}
