/** Scenarios in which the way to the service's own database is harmed. */
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { inject, vi } from "vitest";
import { faultProxy } from "../support/fault-proxy.ts";
import { patience } from "../support/patience.ts";
import { connectionsOf, isThere, postgresqlKind } from "../support/postgresql-kind.ts";
import { connectorTo, type TestService, testService } from "../support/service.ts";
import type { SourceClient } from "../support/source-kind.ts";
import { strikeInCall, strikeInStream } from "./asking.ts";
import { type Caller, callersOf, patientMs } from "./calling.ts";
import type { Moment } from "./faults.ts";
import { type Scenario, type Stage, WrongAnswer, watch } from "./scenario.ts";

/** As many calls at once as the store has connections, and some more. */
const manyCalls = 20;
/** Holds every commit that adds a connector for a moment. */
const slowCommit = `
  CREATE FUNCTION hold_commit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.3); RETURN NULL; END $$;
  CREATE CONSTRAINT TRIGGER hold_commit AFTER INSERT ON connector DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION hold_commit()`;
/** At the connector's source. */
const slowStream = {
  native: `SELECT i AS id, repeat(md5(i::text), 8) AS text, pg_sleep(0.001)::text AS pause
    FROM generate_series(1, 200) AS i`,
};
/** The service's connections to its database; the condition is on pg_stat_activity. */
const ours = "datname = current_database() AND application_name <> 'the test'";

/** Who has begun to read needs the store no more. */
export const unaffected: readonly Moment[] = ["mid_result"];

/** A service with a store of the scenario's own, and a connector whose source is unharmed. */
export async function openStoreStage(scenario: Scenario): Promise<Stage> {
  const { fault } = scenario.fault;
  if (fault.kind === "freeze" || fault.kind === "kill") throw new Error("Only the way to the store is harmed.");
  const server = new URL(inject("postgresUrl"));
  const proxy = await faultProxy({ host: server.hostname, port: Number(server.port) });
  const service = await testService({}, (storeUrl) => {
    const url = new URL(storeUrl);
    url.port = String(proxy.port);
    return url.href;
  });
  const { id } = await service.client.createConnector(connectorTo(server.href, connectorName));
  // What a service's first call loads is not the scenario's to wait for.
  await service.client.query(id, { native: "SELECT 1" });
  const admin = postgresqlKind.client(service.storeUrl);
  await admin.run(slowCommit);
  const callers = callersOf(service);
  const caller = callers.within(scenario.deadlineMs);
  // Nor is the way from the callers to the service.
  for (const each of [caller, callers.within(scenario.besideMs)]) await vi.waitFor(() => ask(each, id), patience);

  return {
    apply: () => proxy.set(fault),
    lift: () => proxy.set(undefined),
    ask: (deadlineMs) => ask(callers.within(deadlineMs), id),
    unprotected: true,
    own: true,
    unaffected,
    moments: momentsOf(service, admin, caller, id),
    connections: async () => ({ ...(await connectionsOf(admin, ours)), proxied: proxy.connections }),
    async fill() {
      await Promise.all(Array.from({ length: manyCalls }, () => ask(callers.within(patientMs), id)));
    },
    async close() {
      await proxy.set(undefined);
      callers.close();
      await admin.close();
      await service.stop();
      await proxy.stop();
    },
  };
}

const connectorName = "first";

async function ask({ client, options }: Caller, id: string): Promise<void> {
  const { name } = await client.getConnector(id, options());
  if (name !== connectorName) throw new WrongAnswer(name);
}

async function create({ client, options }: Caller, service: TestService): Promise<void> {
  await client.createConnector(connectorTo(service.storeUrl, `c-${crypto.randomUUID()}`), options());
}

function momentsOf(service: TestService, admin: SourceClient, caller: Caller, id: string): Stage["moments"] {
  return {
    async connect(strike) {
      // The listener for changes connects again at once, and is nothing that a call waits for.
      await admin.run(`SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE ${ours}`);
      await delay(20); // The pool hears of it a moment later.
      await strike();
      return watch(caller.deadlineMs, () => ask(caller, id));
    },
    async idle(strike) {
      await service.client.getConnector(id);
      await strike();
      return watch(caller.deadlineMs, () => ask(caller, id));
    },
    async mid_query(strike) {
      const holder = new pg.Client({ connectionString: service.storeUrl, application_name: "the test" });
      await holder.connect();
      try {
        await holder.query("BEGIN; LOCK TABLE connector");
        return await strikeInCall(
          () => watch(caller.deadlineMs, () => ask(caller, id)),
          () => isThere(admin, `${ours} AND wait_event_type = 'Lock'`),
          async () => {
            await strike();
            await holder.query("COMMIT");
          },
        );
      } finally {
        await holder.end();
      }
    },
    commit: (strike) =>
      strikeInCall(
        () => watch(caller.deadlineMs, () => create(caller, service)),
        () => isThere(admin, `${ours} AND wait_event = 'PgSleep'`),
        strike,
      ),
    mid_result: (strike) => strikeInStream(caller, id, slowStream, strike),
  };
}
