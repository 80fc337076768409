/** Makes every trouble that a dashboard shows, again and again. */
import { setTimeout as delay } from "node:timers/promises";
import type { Stage } from "./stage.ts";

type Work = () => Promise<unknown>;

/** What comes of it is what metrics say. */
const attempted = (work: Work): Promise<unknown> => work().catch(() => undefined);
const times = (count: number, work: Work): Work[] => Array.from({ length: count }, () => work);

/** One round; settles when its calls are over. */
export async function makeTrouble(stage: Stage): Promise<void> {
  const { connectors, service, dead, reader } = stage;
  const { client } = service;
  const query = (id: string, resource: string) => () => client.query(id, { resource }, { timeoutMs: 8_000 });
  const together = [
    ...times(4, query(connectors.quota, "orders")),
    ...times(40, query(connectors.crowded, "slow")),
    ...times(12, query(connectors.broken, "broken")),
    ...times(3, query(connectors.limited, "numbers")),
    ...times(2, () => client.query(connectors.cached, { resource: "orders" }, { maxAgeMs: 60_000 })),
    ...dead.flatMap((id) => times(4, query(id, "none"))),
    () => probe(stage),
    query(connectors.sealed, "numbers"),
    query(connectors.tampered, "numbers"),
    query(connectors.untoken, "orders"),
    query(connectors.revoked, "orders"),
    ...times(150, () => reader.query(connectors.quota, { resource: "orders" })),
    () => leaveUnread(stage),
    () => loseAudit(stage),
    // One replica has all of its permits given out, and the others' calls in line.
    ...times(12, () => client.query(connectors.sleepy, { native: "SELECT pg_sleep(0.7)" }, { timeoutMs: 8_000 })),
    ...times(5, query(connectors.quota, "orders")),
  ];
  await Promise.all([...together.map(attempted), holdEventLoop(5, 150)]);
  await Promise.all([useRetryBudget(stage), takeMoreThanShare(stage)]);
  await waitForConnections(stage);
}

/** With nothing else beside them, which would wait for permits first. */
async function waitForConnections({ service, connectors }: Stage): Promise<void> {
  const sleep = () => service.client.query(connectors.sleepy, { native: "SELECT pg_sleep(1)" }, { timeoutMs: 8_000 });
  await Promise.all(times(8, sleep).map(attempted));
}

/** One after the other: those that come together share one look. */
async function probe({ service, connectors }: Stage): Promise<void> {
  for (let i = 0; i < 15; i++) await attempted(() => service.client.testConnector(connectors.forbidden));
}

/** Of its calls a third fails: too few for the breaker, and too many for all of them to be repeated. */
async function useRetryBudget({ service, connectors }: Stage): Promise<void> {
  const lane = async () => {
    for (let i = 0; i < 40; i++) await attempted(() => service.client.query(connectors.shaky, { resource: "shaky" }));
  };
  await Promise.all([lane(), lane(), lane()]);
}

/** One organization makes hundreds of calls at a late event loop, and another one two. */
async function takeMoreThanShare({ service, connectors, neighbour }: Stage): Promise<void> {
  const loud = times(300, () => service.client.getConnector(connectors.quota));
  const quiet = times(2, () => neighbour.listProviders());
  await Promise.all([...[...quiet, ...loud].map(attempted), holdEventLoop(3, 150)]);
}

/** A reader that takes the first batch, and then nothing until its stream has ended. */
async function leaveUnread({ service, connectors }: Stage): Promise<void> {
  const batches = service.client.stream(connectors.limited, { resource: "numbers" }).batches()[Symbol.asyncIterator]();
  await batches.next();
  await delay(2_000);
  await batches.return?.();
}

/** Entries wait that no replica can link or settle, since what they are about is not there. */
async function loseAudit({ admin }: Stage): Promise<void> {
  const lost = "now() - interval '5 min', now() - interval '4 min'";
  for (const kind of ["link", "settle"]) {
    const values = `('lost', '${kind}', gen_random_uuid(), ${lost})`;
    await admin.query(
      `INSERT INTO audit_task (organization_id, kind, event_id, event_time, due_time) VALUES ${values}`,
    );
  }
}

/** So many times, as something that takes long in the middle of calls. */
async function holdEventLoop(count: number, ms: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    await delay(50);
    const endMs = performance.now() + ms;
    while (performance.now() < endMs);
  }
}

/** Nothing can be written into the audit log and the history, while actions are asked for, and one is under way. */
export async function loseLogs(stage: Stage, ms: number): Promise<void> {
  const { admin, service, connectors } = stage;
  const tables = ["audit_event", "query_record"];
  const late = attempted(() => service.client.execute(connectors.sleepy, { create: "late", rows: [{ id: 0 }] }));
  await acting(stage, late);
  for (const table of tables) {
    await admin.query(`ALTER TABLE ${table} ADD CONSTRAINT nothing CHECK (false) NOT VALID`);
  }
  await Promise.all([late, actFor(service, connectors.sleepy, ms)]);
  for (const table of tables) await admin.query(`ALTER TABLE ${table} DROP CONSTRAINT nothing`);
}

/** Settles when an action is at its source, so that its intent is noted, or is over. */
async function acting({ admin, customer }: Stage, action: Promise<unknown>): Promise<void> {
  const over = action.then(() => true);
  const asleep = "SELECT FROM pg_stat_activity WHERE datname = $1 AND wait_event = 'PgSleep' AND query LIKE '%late%'";
  while ((await admin.query(asleep, [customer])).rowCount === 0) {
    if (await Promise.race([over, delay(20, false)])) return;
  }
}

/** The service's own database is away for some time, while actions are asked for. */
export async function loseStore({ store, service, connectors }: Stage, ms: number): Promise<void> {
  await store.set({ kind: "down" });
  await actFor(service, connectors.sleepy, ms);
  await store.set(undefined);
}

async function actFor({ client }: Stage["service"], id: string, ms: number): Promise<void> {
  const act = () => client.execute(id, { create: "numbers", rows: [{ id: 0 }] }, { timeoutMs: 2_000 });
  const endMs = performance.now() + ms;
  while (performance.now() < endMs) await Promise.all([attempted(act), delay(200)]);
}
