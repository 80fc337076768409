import { setTimeout as delay } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { parseSigningKey } from "../../src/auth/signing-key.ts";
import { ConnectorError, createConnectorClient } from "../../src/client/index.ts";
import { createApiKey } from "../../src/development.ts";
import { type AuditLog, AuditOutcome } from "../../src/gen/connector/v1/audit_pb.js";
import { freePort } from "../../src/store/embedded/cluster.ts";
import { openStore } from "../../src/store/store.ts";
import { encryptionKey, signingKey } from "../support/keys.ts";
import { ownCluster } from "../support/postgres.ts";
import { until } from "../support/replicas.ts";
import { connectorTo, sharedServer } from "../support/service.ts";
import { scaled } from "../torture/scale.ts";
import { run } from "./customer.ts";
import { runProgram, type ServiceProcess } from "./process.ts";

const kills = scaled({ test: 20, torture: 500 });
/** Of so many kills one is PostgreSQL's. */
const databaseEvery = 5;
const lanes = 6;
const timeoutMs = 5_000;

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

test("of actions that are killed none is done unintended, none with a key is done twice, and each has an end in the log", {
  timeout: 120_000 + kills * 30_000,
}, async () => {
  const stage = await setStage();
  const load = startLoad(stage);
  for (let kill = 1; kill <= kills; kill++) {
    await load.goesOn();
    await delay(Math.random() * 350);
    await (kill % databaseEvery === 0 ? stage.killDatabase() : stage.killService());
  }
  const told = await load.stop();
  expect(told.done.length).toBeGreaterThan(0);
  await stage.settleNow();

  const effects = await stage.effects();
  const log = await stage.auditLog();
  const intents = log.filter(({ outcome }) => outcome === AuditOutcome.INTENDED);
  const ends = Map.groupBy(
    log.filter(({ outcome }) => outcome !== AuditOutcome.INTENDED),
    ({ details }) => String(details?.intent),
  );
  // Each lane has a table of its own and makes one call at a time.
  for (let lane = 0; lane < lanes; lane++) {
    const times = intents.filter(({ details }) => details?.resource === tableOf(lane)).map(millisecondsOf);
    const done = effects.filter((effect) => effect.lane === lane);
    for (const [before, { time }] of done.entries()) {
      expect(times.filter((intended) => intended <= time).length).toBeGreaterThan(before);
    }
  }
  const counts = Map.groupBy(effects, ({ note }) => note);
  for (const note of counts.keys()) {
    if (note.startsWith("keyed")) expect({ note, times: counts.get(note)?.length }).toEqual({ note, times: 1 });
  }
  for (const note of told.done) expect({ note, times: counts.get(note)?.length }).toEqual({ note, times: 1 });
  for (const note of told.undone) expect({ note, times: counts.get(note)?.length ?? 0 }).toEqual({ note, times: 0 });
  for (const { details } of intents) {
    const told = ends.get(String(details?.id)) ?? [];
    expect(told.length).toBeGreaterThan(0);
    // What was hurried here may still end after it was given up: then both are told.
    expect(told.filter(({ outcome }) => outcome !== AuditOutcome.UNKNOWN).length).toBeLessThanOrEqual(1);
  }
  const unknown = log.filter(({ outcome }) => outcome === AuditOutcome.UNKNOWN).length;
  console.info(
    `${kills} kills: ${intents.length} actions, ${effects.length} effects, ${unknown} ends that nobody knows`,
  );
});

const tableOf = (lane: number) => `effect_${lane}`;

function millisecondsOf({ createTime }: AuditLog): number {
  return Number(createTime?.seconds) * 1_000 + (createTime?.nanos ?? 0) / 1e6;
}

type Stage = Awaited<ReturnType<typeof setStage>>;

/** Store and target are databases of one server. */
async function setStage() {
  const cluster = await ownCluster();
  cleanups.push(() => cluster.stop());
  const database = (name: string) => Object.assign(new URL(cluster.url), { pathname: `/${name}` }).href;
  const [storeUrl, targetUrl] = [database("store"), database("target")];
  for (const name of ["store", "target"]) await run(cluster.url, `CREATE DATABASE ${name}`);
  for (let lane = 0; lane < lanes; lane++) {
    await run(
      targetUrl,
      `CREATE TABLE ${tableOf(lane)} (note text, lane int DEFAULT ${lane}, time timestamptz DEFAULT clock_timestamp())`,
    );
  }
  const token = await tokenOf(storeUrl, signingKey);
  const port = await freePort();
  const environment = {
    ...{ DATABASE_URL: storeUrl, SIGNING_KEY: signingKey, ENCRYPTION_KEYS: `test:${encryptionKey}` },
    ...{ PORT: String(port), EGRESS_ALLOW: `127.0.0.0/8,${sharedServer(storeUrl)}`, LOG_LEVEL: "info" },
  };
  let service: ServiceProcess;
  const startService = async () => {
    service = runProgram("main.ts", environment);
    await service.url;
  };
  await startService();
  cleanups.push(async () => {
    service.child.kill("SIGTERM");
    await service.ended;
  });
  const address = { url: `http://127.0.0.1:${port}`, token };
  const newClient = () => createConnectorClient({ ...address, timeoutMs });
  // Nothing is killed while it calls: it waits for a busy machine.
  const client = createConnectorClient(address);
  cleanups.push(() => client.close());
  const { id: connectorId } = await client.createConnector(connectorTo(targetUrl));
  return {
    ...{ connectorId, newClient },
    async killService() {
      service.child.kill("SIGKILL");
      await service.ended;
      await startService();
    },
    async killDatabase() {
      await cluster.kill("SIGKILL");
      await cluster.restart();
    },
    /** As if much time had passed: nobody is at work any more. */
    async settleNow() {
      await run(storeUrl, "UPDATE audit_task SET due_time = now() - interval '1 hour' WHERE kind = 'settle'");
      await until("every intent has its end", async () => {
        const [row] = await run(storeUrl, "SELECT count(*)::int FROM audit_task WHERE kind = 'settle'");
        return row?.[0] === 0;
      });
    },
    async effects() {
      const each = Array.from({ length: lanes }, (_, lane) => `SELECT note, lane, time FROM ${tableOf(lane)}`);
      const rows = await run(targetUrl, `${each.join(" UNION ALL ")} ORDER BY time`);
      return rows.map(([note, lane, time]) => ({ note: String(note), lane, time: Number(time as Date) + 1 }));
    },
    async auditLog() {
      const logs: AuditLog[] = [];
      for (let pageToken = ""; ; ) {
        const page = await client.rpc.listAuditLogs({ pageSize: 500, pageToken });
        logs.push(...page.auditLogs.filter(({ event }) => event.startsWith("action.")));
        pageToken = page.nextPageToken;
        if (pageToken === "") return logs;
      }
    },
  };
}

async function tokenOf(storeUrl: string, signingKey: string): Promise<string> {
  const store = await openStore({ url: storeUrl, poolSize: 2 });
  try {
    const key = { organizationId: "acme", principal: "tester", scopes: ["connector.admin"] };
    return await createApiKey(store, parseSigningKey(signingKey), key);
  } finally {
    await store.close();
  }
}

/** What the callers were told: notes that were done, and those that certainly were not. */
interface Told {
  readonly done: string[];
  readonly undone: string[];
}

/** Actions one after the other in each lane, every other one with a key and repeated until its end is known. */
function startLoad({ connectorId, newClient }: Stage) {
  const told: Told = { done: [], undone: [] };
  let stopping = false;
  const lane = async (number: number) => {
    const client = newClient();
    for (let i = 0; !stopping; i++) {
      const keyed = i % 2 === 0;
      const note = `${keyed ? "keyed" : "plain"}-${number}-${i}`;
      await act(client, number, note, keyed ? note : "");
    }
    client.close();
  };
  const act = async (client: ReturnType<typeof newClient>, number: number, note: string, idempotencyKey: string) => {
    for (;;) {
      try {
        await client.execute(connectorId, { create: tableOf(number), rows: [{ note }] }, { idempotencyKey });
        told.done.push(note);
        return;
      } catch (error) {
        if (!(error instanceof ConnectorError)) throw error;
        // What the service itself refuses to begin, or says was undone, was not done.
        const refused = error.reason === "BREAKER_OPEN" || error.reason === "SHUTTING_DOWN";
        if (refused && idempotencyKey === "") told.undone.push(note);
        const repeat = idempotencyKey !== "" && error.reason !== "OUTCOME_UNKNOWN" && error.reason !== "CONFLICT";
        if (!repeat || stopping) return;
        await delay(20);
      }
    }
  };
  const running = Promise.all(Array.from({ length: lanes }, (_, number) => lane(number)));
  return {
    /** Waits until one more action was done since it was asked, or for some seconds. */
    async goesOn(): Promise<void> {
      const before = told.done.length;
      for (let waits = 0; told.done.length === before && waits < 1_000; waits++) await delay(5);
    },
    async stop(): Promise<Told> {
      stopping = true;
      await running;
      return told;
    },
  };
}
