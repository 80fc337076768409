/** Months of the audit log come ahead of time, and go when they are old enough and signed. */
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Checkpoint, parseCheckpoints } from "../../src/audit/checkpoint.ts";
import { auditKeys } from "../../src/audit/keys.ts";
import { keepMonths, monthOf } from "../../src/audit/retention.ts";
import { openStore, type Store } from "../../src/store/store.ts";
import { run } from "../service/customer.ts";
import { enterableDirectory } from "../support/directory.ts";
import { type FreshDatabase, freshStore } from "../support/postgres.ts";
import { action, auditKey, auditOf, verified } from "./events.ts";

let database: FreshDatabase;
let store: Store;
const now = new Date();

beforeEach(async () => {
  database = await freshStore();
  store = await openStore({ url: database.url });
});

afterEach(async () => {
  await store.close();
  await database.drop();
});

function keep(months: number | undefined, time: Date): Promise<void> {
  const onCheckpoint = async () => {};
  return keepMonths({ store, keys: auditKeys(auditKey), keepMonths: months, onCheckpoint }, time);
}

/** Noon of the 15th, some months from now. */
function monthsFromNow(months: number): Date {
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + months, 15, 12));
}

async function write(organization: string, count: number): Promise<void> {
  const audit = auditOf(store);
  for (let i = 0; i < count; i++) await audit.record(action(`t${i}`, organization), { outcome: "succeeded" });
  await audit.tend();
  await audit.close();
}

test("there are tables for this month and the next two, and later ones are made in time", async () => {
  const ahead = [0, 1, 2].map((later) => monthOf(now, later));
  expect(await store.audit.months()).toEqual(ahead);
  await Promise.all([keep(undefined, monthsFromNow(3)), keep(undefined, monthsFromNow(3))]);
  expect(await store.audit.months()).toEqual([...ahead, ...[3, 4, 5].map((later) => monthOf(now, later))]);
});

test("a month that is old enough goes, what is kept is whole, and so is what comes after it", async () => {
  await write("acme", 5);
  await write("globex", 2);
  await keep(1, monthsFromNow(1));
  expect(await store.audit.months()).toContain(monthOf(now));
  expect(await verified(store)).toMatchObject({ verified: 5, broken: undefined });

  await keep(1, monthsFromNow(2));
  expect(await store.audit.months()).not.toContain(monthOf(now));
  expect(await run(database.url, "SELECT count(*)::int FROM audit_event")).toEqual([[0]]);
  expect(await verified(store)).toMatchObject({ verified: 0, broken: undefined });
  // As in a later month: the chain goes on where it was.
  await store.audit.addMonth(monthOf(now));
  await write("acme", 3);
  expect(await verified(store)).toMatchObject({ verified: 3, sequence: 8n, broken: undefined });
  await run(database.url, "DELETE FROM audit_link WHERE sequence = 6");
  expect((await verified(store)).broken?.sequence).toBe(7n);
});

test("a month with an event that has no place yet, or an intent without an outcome, stays", async () => {
  const audit = auditOf(store);
  await audit.intent(action(), 3_600_000_000);
  await audit.tend();
  await audit.close();
  await keep(1, monthsFromNow(2));
  expect(await store.audit.months()).toContain(monthOf(now));
});

test("an event that was linked in the next month goes with its own, and its link stands for it", async () => {
  await write("acme", 4);
  // The links of the last two are a month later than their events.
  await run(
    database.url,
    "UPDATE audit_link SET create_time = create_time + interval '1 month' WHERE sequence > 2 AND organization_id = 'acme'",
  );
  await keep(1, monthsFromNow(2));
  expect(await run(database.url, "SELECT count(*)::int FROM audit_event")).toEqual([[0]]);
  expect(await verified(store)).toMatchObject({ verified: 2, sequence: 4n, broken: undefined });
});

test("every checkpoint is in the file, too, and a full disk is told of and stops nothing", async () => {
  const directory = await enterableDirectory();
  try {
    const file = join(directory, "checkpoints");
    const problems: unknown[] = [];
    const options = { checkpointEvery: { rows: 1, ms: 1 }, onProblem: (cause: unknown) => void problems.push(cause) };
    const audit = auditOf(store, { ...options, checkpointFile: file });
    for (let i = 0; i < 3; i++) {
      await audit.record(action(), { outcome: "succeeded" });
      await audit.tend();
    }
    await audit.close();
    const kept = parseCheckpoints(await readFile(file, "utf8")) as readonly Checkpoint[];
    expect(kept.at(-1)).toMatchObject({ organizationId: "acme", sequence: 3n });
    expect(await verified(store, "acme", kept)).toMatchObject({ verified: 3, broken: undefined });
    expect(problems).toEqual([]);

    const full = auditOf(store, { ...options, checkpointFile: "/dev/full" });
    await full.record(action(), { outcome: "succeeded" });
    await full.tend();
    await full.close();
    expect(problems).not.toEqual([]);
    expect(await verified(store)).toMatchObject({ verified: 4, broken: undefined });
  } finally {
    await rm(directory, { recursive: true });
  }
});
