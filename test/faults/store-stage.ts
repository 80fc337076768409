/** Scenarios in which the service's own database is harmed, or the way to it. */

import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { inject } from "vitest";
import { faultProxy } from "../support/fault-proxy.ts";
import { connectorTo, testService } from "../support/service.ts";
import { callerOf } from "./calling.ts";
import { type Scenario, type Stage, WrongAnswer, watch } from "./scenario.ts";
import { connectionsOf, streamSlowly } from "./source-stage.ts";

/** As many calls at once as the store has connections, and some more. */
const manyCalls = 20;
/** Holds every commit that adds a connector for a moment. */
const slowCommit = `
  CREATE FUNCTION hold_commit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.3); RETURN NULL; END $$;
  CREATE CONSTRAINT TRIGGER hold_commit AFTER INSERT ON connector DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION hold_commit()`;

export async function openStoreStage(scenario: Scenario): Promise<Stage> {
  const source = new URL(inject("postgresUrl"));
  const proxy = await faultProxy({ host: source.hostname, port: Number(source.port) });
  const service = await testService({}, (storeUrl) => {
    const url = new URL(storeUrl);
    url.port = String(proxy.port);
    return url.href;
  });
  const { id } = await service.client.createConnector(connectorTo(source.href, "first"));
  // What a service's first call loads is not the scenario's to wait for.
  await service.client.query(id, { native: "SELECT 1" });
  const admin = new pg.Pool({ connectionString: service.storeUrl, max: 3, application_name: "the test" });
  // Dropped with the database.
  admin.on("error", () => {});
  await admin.query(slowCommit);
  const caller = callerOf(service, scenario.deadlineMs);
  const { client, options } = caller;
  const ours = "datname = current_database() AND application_name <> 'the test' AND pid <> pg_backend_pid()";
  const { fault } = scenario.fault;
  if (fault.kind === "freeze" || fault.kind === "kill") throw new Error("Only the way to the store is harmed.");

  const ask = async () => {
    const { name } = await client.getConnector(id, options());
    if (name !== "first") throw new WrongAnswer(name);
  };
  const add = async () => {
    const { name } = await client.createConnector(connectorTo(source.href, "second"), options());
    if (name !== "second") throw new WrongAnswer(name);
  };

  return {
    apply: () => proxy.set(fault),
    lift: () => proxy.set(undefined),
    ask,
    unprotected: true,
    unaffected: ["mid_result"],
    moments: {
      async connect(strike) {
        await admin.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE ${ours}`);
        // A pool learns that its connections are gone a moment later.
        while (proxy.connections > 0) await delay(5);
        await delay(20);
        await strike();
        return watch(ask);
      },
      async idle(strike) {
        await ask();
        await strike();
        return watch(ask);
      },
      async mid_query(strike) {
        const holder = await admin.connect();
        try {
          await holder.query("BEGIN; LOCK TABLE connector");
          const outcome = watch(ask);
          await untilWaiting(admin, `${ours} AND wait_event_type = 'Lock'`);
          await strike();
          // It goes on when nothing holds it up any more, if it can.
          await holder.query("COMMIT");
          return await outcome;
        } finally {
          holder.release();
        }
      },
      async commit(strike) {
        const outcome = watch(add);
        await untilWaiting(admin, `${ours} AND wait_event = 'PgSleep'`);
        await strike();
        return outcome;
      },
      async mid_result(strike) {
        const { promise: begun, resolve } = Promise.withResolvers<void>();
        const outcome = watch(() => streamSlowly(caller, id, resolve));
        await Promise.race([begun, outcome]);
        await strike();
        return outcome;
      },
    },
    connections: async () => ({ ...(await connectionsOf(admin, ours)), proxied: proxy.connections }),
    async fill() {
      await Promise.all(Array.from({ length: manyCalls }, ask));
    },
    async close() {
      await proxy.set(undefined);
      caller.client.close();
      await admin.end();
      await service.stop();
      await proxy.stop();
    },
  };
}

async function untilWaiting(admin: pg.Pool, condition: string): Promise<void> {
  for (const end = performance.now() + 3_000; performance.now() < end; await delay(5)) {
    if ((await connectionsOf(admin, condition)).open > 0) return;
  }
  throw new Error("the statement does not wait");
}
