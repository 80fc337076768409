/** Scenarios in which a connector's source is harmed, or the way to it. */
import type { Certificate } from "../support/certificate.ts";
import { faultProxy } from "../support/fault-proxy.ts";
import { connectorTo, rogueServer, type TestService, testService } from "../support/service.ts";
import type { OwnServer, SourceClient, SourceKind } from "../support/source-kind.ts";
import {
  askKnown,
  askSlowly,
  fillConnector,
  heldBy,
  known,
  knownRows,
  maxConnections,
  streamRows,
  strikeInCall,
  strikeInStream,
} from "./asking.ts";
import { type Caller, type Callers, callersOf, patientMs } from "./calling.ts";
import { type Scenario, type Stage, watch } from "./scenario.ts";
import { serverControl } from "./server-control.ts";

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
    held: () => heldBy(service),
    async close() {
      callers.close();
      await admin.close();
      await service.stop();
    },
  };
}

/** Trickles, so that there is a middle: nothing on the way could hold it all back and give it out at once. */
const slowStream = { native: "SELECT id, text, pause FROM trickle" };
const slowQuery = { native: "SELECT answer, pause FROM slow_answer" };

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
    fill: () =>
      fillConnector(backend.callers.within(patientMs), id, slowQuery, async () => {
        return (await kind.connections(admin, user)).busy;
      }),
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
        () => watch(caller.deadlineMs, () => askSlowly(caller, id, slowQuery)),
        () => kind.isAsleep(admin, user),
        strike,
      ),
    mid_result: (strike) =>
      strikeInStream(caller, id, slowStream, strike, async () => (await kind.running(admin, user)).length > 0),
  };
}
