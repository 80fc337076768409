/**
 * Four replicas behind the load balancer of `deploy/`: they are upgraded across a migration of the
 * schema, and killed, while calls run by gRPC, Connect and JSON over HTTP/1.1.
 */
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { json } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import {
  type CallOptions,
  type ConnectorClient,
  ConnectorError,
  createConnectorClient,
} from "../../src/client/index.ts";
import { run } from "../service/customer.ts";
import { runProgram } from "../service/process.ts";
import { type HaProxy, haproxy } from "../support/haproxy.ts";
import { type NextVersion, nextVersion } from "../support/next-version.ts";
import { patience } from "../support/patience.ts";
import { type FreshDatabase, freshDatabase } from "../support/postgres.ts";
import { openReplicas, type Replica, type SomeReplicas, until } from "../support/replicas.ts";
import { connectorTo } from "../support/service.ts";
import { isTorture, scaled } from "../torture/scale.ts";
import { connectCaller } from "./connect-caller.ts";
import { grpcCaller } from "./grpc-caller.ts";
import { http1Caller } from "./http1-caller.ts";
import { steadyLoad } from "./load.ts";

const kills = scaled({ test: 1, torture: 30 });

/** What a later version adds in a release that others still run beside: it takes nothing away. */
const expansion = [
  "ALTER TABLE connector ADD region text NOT NULL DEFAULT 'eu'",
  "ALTER TABLE connector NO FORCE ROW LEVEL SECURITY",
  "UPDATE connector SET region = 'us' WHERE name = 'customer'",
  "ALTER TABLE connector FORCE ROW LEVEL SECURITY",
  "ALTER TABLE api_key ADD region text",
  "ALTER TABLE query_record ADD region text",
];

const sourceTables = `
  CREATE TABLE effect (note text NOT NULL);
  CREATE TABLE slow (note text NOT NULL);
  CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_sleep(61); RETURN NEW; END $$;
  CREATE TRIGGER wait BEFORE INSERT ON slow FOR EACH ROW EXECUTE FUNCTION wait()`;

let store: FreshDatabase;
let source: FreshDatabase;
let next: NextVersion;
let replicas: SomeReplicas;
let front: HaProxy;
let id: string;

beforeAll(async () => {
  [store, source, next] = await Promise.all([freshDatabase(), freshDatabase(), nextVersion(expansion)]);
  await run(source.url, sourceTables);
  // All tests share a server of 200 connections. A starved balancer takes its time to see who stops.
  replicas = await openReplicas(4, store.url, {
    ...{ MIGRATE: "off", DRAIN_DELAY_SECONDS: "3", DRAIN_SECONDS: "1", MAX_CONNECTIONS_PER_CONNECTOR: "12" },
    TRUSTED_PROXIES: "127.0.0.1/32",
  });
  front = await haproxy(replicas.all.map(({ port }) => port));
  id = (await (replicas.all[0] as Replica).client.createConnector(connectorTo(source.url))).id;
});

afterAll(async () => {
  await front.stop();
  await replicas.stop();
  await Promise.all([store.drop(), source.drop(), next.remove()]);
});

const callers = () => [
  grpcCaller([front.port], replicas.token, id),
  connectCaller(front.port, replicas.token, id),
  http1Caller(front.port, replicas.token, id),
];

/** Rows that are created one after the other, each by one call without a key, until it is stopped. */
function creating(client: ConnectorClient) {
  const told: Record<"done" | "failed", string[]> = { done: [], failed: [] };
  const why = new Set<string>();
  const stopped = new AbortController();
  const lanes = Array.from({ length: 3 }, async (_, lane) => {
    for (let count = 0; !stopped.signal.aborted; count++) {
      const note = `${lane}-${count}-${crypto.randomUUID()}`;
      try {
        await client.execute(id, { create: "effect", rows: [{ note }] });
        told.done.push(note);
      } catch (error) {
        if (!(error instanceof ConnectorError)) throw error;
        why.add(`${error.code} ${error.message}`);
        told.failed.push(note);
      }
      await delay(20);
    }
  });
  return {
    told,
    async stop() {
      stopped.abort();
      await Promise.all(lanes);
      return { ...told, why: [...why] };
    },
  };
}

/** How often each note has come to be. */
async function effects(): Promise<Map<string, number>> {
  const rows = await run(source.url, "SELECT note, count(*)::int FROM effect GROUP BY note");
  return new Map(rows.map(([note, count]) => [note as string, count as number]));
}

async function underLoad(work: () => Promise<void>) {
  const all = callers();
  const client = createConnectorClient({ url: `http://127.0.0.1:${front.port}`, token: replicas.token });
  // On a busy machine half of the replicas must not be too few for them.
  const load = steadyLoad(all, 3);
  const actions = creating(client);
  await until("the load runs", async () => load.tally.answered > 50 && actions.told.done.length > 10);
  await work();
  const [tally, acted] = await Promise.all([load.stop(), actions.stop()]);
  for (const caller of all) caller.close();
  client.close();
  return { ...tally, acted };
}

test("an upgrade of all of them across a migration fails no call", async () => {
  const { failed, broken, unavailable, whole, acted } = await underLoad(async () => {
    const job = runProgram(next.program("cli/migrate.ts"), { DATABASE_URL: store.url });
    const { status, stdout, stderr } = await job.ended;
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: `Done: ${next.migration}.\n`, stderr: "" });
    const turns = isTorture ? replicas.all.map((each) => [each]) : [replicas.all.slice(0, 2), replicas.all.slice(2)];
    for (const turn of turns) {
      await Promise.all(
        turn.map(async (replica) => {
          expect((await replica.stop()).status).toBe(0);
          await replica.start(next.program("main.ts"));
        }),
      );
    }
  });
  expect({ failed, broken, refused: acted.why }).toEqual({ failed: {}, broken: {}, refused: [] });
  // What a drain does not wait for says so.
  for (const message of Object.keys(unavailable)) expect(message).toMatch(/^The service is stopping\./);
  expect(whole).toBeGreaterThan(0);
  const done = await effects();
  expect(acted.done.filter((note) => done.get(note) !== 1)).toEqual([]);
}, 600_000);

/** What grpc-js says of an answer that broke off after its head: nobody can ask for the rest, and the balancer not anew. */
const begun = /^grpc-js: 13 .*\(Call ended without gRPC status\)$/;

test("when half of them are killed no read fails before its answer, no action is done twice, and every stream is whole or says that it is not", async () => {
  const { failed, broken, whole, acted } = await underLoad(async () => {
    for (let count = 0; count < kills; count++) {
      const victims = [0, 1].map((offset) => replicas.all[(2 * count + offset) % 4] as Replica);
      await Promise.all(victims.map((replica) => replica.kill()));
      await Promise.all(victims.map((replica) => replica.start(next.program("main.ts"))));
    }
  });
  expect(Object.keys(failed).filter((what) => !begun.test(what))).toEqual([]);
  expect(Object.keys(broken).filter((what) => what.includes(" rows, and a trailer of "))).toEqual([]);
  expect(whole).toBeGreaterThan(0);
  const done = await effects();
  expect(acted.done.filter((note) => done.get(note) !== 1)).toEqual([]);
  expect(acted.failed.filter((note) => (done.get(note) ?? 0) > 1)).toEqual([]);
}, 600_000);

test.each<[string, string, (client: ConnectorClient, options: CallOptions) => Promise<unknown>]>([
  ["query", "pg_sleep(61)", (client, options) => client.query(id, { native: "SELECT pg_sleep(61)::text" }, options)],
  ["action", "slow", (client, options) => client.execute(id, { create: "slow", rows: [{ note: "n" }] }, options)],
])("a caller's leave stops the statement of its %s at the source, through the balancer too", async (_, text, ask) => {
  const running = `SELECT count(*)::int FROM pg_stat_activity
    WHERE wait_event = 'PgSleep' AND query LIKE '%${text}%' AND pid <> pg_backend_pid()`;
  const count = async () => (await run(source.url, running))[0]?.[0];
  const client = createConnectorClient({ url: `http://127.0.0.1:${front.port}`, token: replicas.token });
  const leaving = new AbortController();
  const left = ask(client, { signal: leaving.signal, timeoutMs: 60_000 });
  left.catch(() => {});
  await vi.waitUntil(async () => (await count()) === 1, patience);
  leaving.abort();
  await vi.waitUntil(async () => (await count()) === 0, patience);
  client.close();
});

test("the audit log has the address of who has called the balancer, whatever that one says of itself", async () => {
  const create = { resource: "effect", fields: ["note"], rows: [{ values: [{ string: "from afar" }] }] };
  const headers = { authorization: `Bearer ${replicas.token}`, "content-type": "application/json" };
  const call = request({
    ...{ host: "127.0.0.1", port: front.port, localAddress: "127.0.0.2", method: "POST" },
    ...{ path: `/api/connectors/${id}/execute`, headers: { ...headers, "x-forwarded-for": "203.0.113.9" } },
  }).end(JSON.stringify({ create }));
  const [answer] = (await once(call, "response")) as [IncomingMessage];
  expect({ status: answer.statusCode, answer: await json(answer) }).toMatchObject({ status: 200 });
  const client = createConnectorClient({ url: `http://127.0.0.1:${front.port}`, token: replicas.token });
  const { auditLogs } = await client.rpc.listAuditLogs({ pageSize: 1 });
  client.close();
  expect(auditLogs).toMatchObject([{ event: "action.create", details: { client_address: "127.0.0.2" } }]);
});
