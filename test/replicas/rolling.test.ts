/** Replicas are restarted one after the other while calls run: no call notices. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { run } from "../service/customer.ts";
import { type Balancer, balancer } from "../support/balancer.ts";
import { type FreshDatabase, freshDatabase, freshStore } from "../support/postgres.ts";
import { type Drained, type Replica, type Replicas, twoReplicas, until } from "../support/replicas.ts";
import { connectorTo } from "../support/service.ts";
import { scaled } from "../torture/scale.ts";
import { connectCaller } from "./connect-caller.ts";
import { grpcCaller } from "./grpc-caller.ts";
import { steadyLoad } from "./load.ts";

const restarts = scaled({ test: 5, torture: 100 });
const drainSeconds = 3;
/** What a replica may take beyond it, on a busy machine: to tell its clients, and to close what it holds. */
const closingMs = 3_000;

let store: FreshDatabase;
let source: FreshDatabase;
let replicas: Replicas;
let front: Balancer;
let id: string;

beforeAll(async () => {
  [store, source] = await Promise.all([freshStore(), freshDatabase()]);
  // One replica has to carry all of the load while the other is away.
  const environment = { MAX_CONNECTIONS_PER_CONNECTOR: "30", DRAIN_SECONDS: String(drainSeconds) };
  replicas = await twoReplicas(store.url, environment);
  front = await balancer(replicas.both.map(({ port }) => port));
  id = (await replicas.first.client.createConnector(connectorTo(source.url))).id;
});

afterAll(async () => {
  await front.close();
  await replicas.stop();
  await Promise.all([store, source].map((database) => database.drop()));
});

test(`over ${restarts} restarts no call fails, and every stream is whole or says that it is not`, {
  timeout: 120_000 + restarts * 20_000,
}, async () => {
  const ports = replicas.both.map(({ port }) => port);
  const callers = [
    ...Array.from({ length: 2 }, () => grpcCaller(ports, replicas.token, id)),
    ...Array.from({ length: 2 }, () => connectCaller(front.port, replicas.token, id)),
  ];
  const load = steadyLoad(callers);
  await until("the load runs", async () => load.tally.answered > 100);

  const drains: Drained[] = [];
  for (let count = 0; count < restarts; count++) {
    const replica = replicas.both[count % 2] as Replica;
    drains.push(await replica.stop());
    await replica.start();
  }

  const { failed, broken, unavailable, whole, answered } = await load.stop();
  for (const caller of callers) caller.close();
  expect({ failed, broken }).toEqual({ failed: {}, broken: {} });
  for (const message of Object.keys(unavailable)) expect(message).toMatch(/^The service is stopping\./);
  expect(answered).toBeGreaterThan(restarts * 50);
  expect(whole).toBeGreaterThan(restarts * 2);
  for (const { status, tookMs } of drains) {
    expect(status).toBe(0);
    expect(tookMs).toBeLessThan(drainSeconds * 1_000 + closingMs);
  }

  await replicas.stop();
  const left = "SELECT count(*)::int - 1 FROM pg_stat_activity WHERE datname = current_database()";
  await until("no connection is left at the source", async () => (await run(source.url, left))[0]?.[0] === 0, 1_000);
});
