/** Scenarios in which the way to an HTTP API is harmed, or the API itself. */
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "vitest";
import { ConnectorError } from "../../src/client/index.ts";
import { AuditOutcome } from "../../src/gen/connector/v1/audit_pb.js";
import { type ApiDoor, type ApiServer, apiServer } from "../support/api-server.ts";
import type { Certificate } from "../support/certificate.ts";
import { faultProxy } from "../support/fault-proxy.ts";
import { type TestService, testService } from "../support/service.ts";
import {
  askKnown,
  askSlowly,
  fillConnector,
  heldBy,
  known,
  maxConnections,
  strikeInCall,
  strikeInStream,
} from "./asking.ts";
import { type Caller, type Callers, callersOf, patientMs } from "./calling.ts";
import type { Moment } from "./faults.ts";
import { type Outcome, type Scenario, type Stage, watch } from "./scenario.ts";
import { serverControl } from "./server-control.ts";

/** A service, and an API that holds what the scenarios ask for. */
export interface ApiBackend {
  readonly service: TestService;
  readonly api: ApiServer;
  /** For all scenarios. */
  readonly callers: Callers;
  held(): Promise<readonly string[]>;
  close(): Promise<void>;
}

export async function openApiBackend(): Promise<ApiBackend> {
  const api = apiServer();
  const service = await testService({ MAX_CONNECTIONS_PER_CONNECTOR: String(maxConnections) });
  // What a service's first call loads is not the first scenario's to wait for.
  const door = await api.open();
  const { id } = await service.client.createConnector(connectorAt(`http://127.0.0.1:${door.port}`, "first"));
  await service.client.query(id, known);
  await service.client.execute(id, order("first"));
  await service.client.deleteConnector(id);
  await door.close();
  const callers = callersOf(service);
  return {
    ...{ service, api, callers },
    held: () => heldBy(service),
    async close() {
      callers.close();
      await service.stop();
      await api.stop();
    },
  };
}

const slowQuery = { resource: "slow_answer" };
const slowStream = { resource: "trickle" };
const order = (name: string) => ({ action: "orders.place", input: { order: name } });

function connectorAt(baseUrl: string, name: string, ca?: string) {
  const id = { name: "id", type: "int32" };
  const text = { name: "text", type: "string" };
  const resources = [
    { name: "known", path: "/known", fields: [id, text], order: { parameter: "sort", fields: ["id"] } },
    { name: "trickle", path: "/trickle", fields: [id, text] },
    { name: "slow_answer", path: "/slow_answer", fields: [{ name: "answer", type: "int32" }] },
  ];
  return {
    ...{ provider: "rest", name },
    config: {
      ...{ base_url: baseUrl, authentication: { type: "none" }, resources },
      actions: [{ name: "orders.place", path: "/orders" }],
      ...(ca === undefined ? {} : { ca }),
    },
    credential: { type: "none" },
  };
}

export interface ApiStageOptions {
  /** The calls of the moments `connect` and `idle`. */
  readonly calls: "queries" | "actions";
  /** The connector reaches the API over TLS, and the fault harms what is encrypted. */
  readonly tls?: Certificate;
}

/** A connector of the scenario's own, with a port of the API's of its own, by which its connections are told from others'. */
export async function openApiStage(
  { service, api, callers }: ApiBackend,
  scenario: Scenario,
  { calls, tls }: ApiStageOptions,
): Promise<Stage> {
  const door = await api.open(tls);
  const proxy = await faultProxy({ host: "127.0.0.1", port: door.port });
  const baseUrl = tls === undefined ? `http://127.0.0.1:${proxy.port}` : `https://localhost:${proxy.port}`;
  const name = `fault-${crypto.randomUUID().slice(-12)}`;
  const { id } = await service.client.createConnector(connectorAt(baseUrl, name, tls?.cert));
  const { fault } = scenario.fault;
  const patient = callers.within(patientMs);
  const server = serverControl(api);
  const isServerFault = fault.kind === "freeze" || fault.kind === "kill";
  const busy = async () => (await door.figures()).running.length;
  const orders = calls === "actions" ? ordersOf(service, id, door, isUnsent(scenario, tls)) : undefined;

  return {
    apply: () => (isServerFault ? server.apply(fault) : proxy.set(fault)),
    lift: () => (isServerFault ? server.lift(fault) : proxy.set(undefined)),
    ask: (deadlineMs) => askKnown(callers.within(deadlineMs), id),
    unprotected: tls === undefined,
    moments: momentsOf({ caller: callers.within(scenario.deadlineMs), patient }, id, door, orders),
    ...(orders === undefined ? {} : { checkTruth: orders.checkTruth }),
    connections: async () => ({
      ...{ open: (await door.figures()).open, busy: await busy() },
      proxied: proxy.connections,
    }),
    fill: () => fillConnector(patient, id, slowQuery, busy),
    async close() {
      await server.lift(fault);
      await service.client.deleteConnector(id);
      await proxy.stop();
      await door.close();
    },
  };
}

/** Whether the moment's call can't have sent anything: it got no connection, or nobody encrypted at its other end. */
function isUnsent({ moment, blip = false, fault: { fault } }: Scenario, tls: Certificate | undefined): boolean {
  const isReset = fault.kind === "reset_peer" && fault.afterMs === undefined;
  const isMute = isReset || ["timeout", "blackhole", "half_open"].includes(fault.kind);
  return moment === "connect" && !blip && (fault.kind === "down" || (tls !== undefined && isMute));
}

/** @param orders when calls that meet the fault at their begin are actions */
function momentsOf(
  { caller, patient }: { readonly caller: Caller; readonly patient: Caller },
  id: string,
  door: ApiDoor,
  orders: Orders | undefined,
): Stage["moments"] {
  const call = () => watch(caller.deadlineMs, () => orders?.place(caller) ?? askKnown(caller, id));
  const isRunning = (path: string) => async () => (await door.figures()).running.includes(path);
  const reading: Stage["moments"] = {
    mid_query: (strike) =>
      strikeInCall(
        () => watch(caller.deadlineMs, () => askSlowly(caller, id, slowQuery)),
        isRunning("/slow_answer"),
        strike,
      ),
    mid_result: (strike) => strikeInStream(caller, id, slowStream, strike, isRunning("/trickle")),
  };
  return {
    async connect(strike) {
      await strike();
      return call();
    },
    async idle(strike) {
      await askKnown(patient, id);
      await strike();
      return call();
    },
    ...(orders === undefined ? reading : { commit: (strike) => strikeInCall(call, isRunning("/orders"), strike) }),
  };
}

interface Orders {
  place(caller: Caller): Promise<void>;
  checkTruth(call: Outcome): Promise<void>;
}

/** Places orders, and holds what is said of them against what the API has got. */
function ordersOf({ client }: TestService, connectorId: string, { orders }: ApiDoor, unsent: boolean): Orders {
  let last = "";
  return {
    async place({ client, options }) {
      last = crypto.randomUUID();
      const { output } = await client.execute(connectorId, order(last), options());
      expect(output).toEqual({ placed: last });
    },
    async checkTruth({ error }) {
      for (const count of orders.values()) expect(count, "an order is placed once").toBe(1);
      const reason = error instanceof ConnectorError ? error.reason : undefined;
      const saysNothing = reason === "OUTCOME_UNKNOWN" || reason === "DEADLINE_EXCEEDED";
      if (!saysNothing)
        expect(orders.has(last), `the order was placed (${reason ?? "answered"})`).toBe(error === undefined);
      const { succeeded, unknown } = await audited(client, connectorId);
      if (unsent)
        expect({ reason, unknown }).toMatchObject({ reason: expect.not.stringMatching("OUTCOME_UNKNOWN"), unknown: 0 });
      expect(orders.size, "orders, and those that the audit log knows of").toBeGreaterThanOrEqual(succeeded);
      expect(orders.size, "orders, and those that the audit log knows of").toBeLessThanOrEqual(succeeded + unknown);
    },
  };
}

/** How many actions have ended in each way, when all have. */
async function audited(client: TestService["client"], connectorId: string) {
  for (;;) {
    const { auditLogs } = await client.rpc.listAuditLogs({ filter: { connectorId }, pageSize: 500 });
    const count = (outcome: AuditOutcome) =>
      auditLogs.filter((entry) => entry.event === "action.named" && entry.outcome === outcome).length;
    const [succeeded, unknown] = [count(AuditOutcome.SUCCEEDED), count(AuditOutcome.UNKNOWN)];
    if (count(AuditOutcome.INTENDED) === succeeded + unknown + count(AuditOutcome.FAILED))
      return { succeeded, unknown };
    await delay(20);
  }
}

export const readingMoments: readonly Moment[] = ["connect", "idle", "mid_query", "mid_result"];
export const actingMoments: readonly Moment[] = ["connect", "idle", "commit"];
