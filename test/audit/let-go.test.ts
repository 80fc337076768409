/** Where months were let go, only what was let go with them may be missing. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { entryOf, insertion, type NewEntry } from "../../src/audit/entry.ts";
import { auditKeys } from "../../src/audit/keys.ts";
import { keepMonths, monthOf } from "../../src/audit/retention.ts";
import { openStore, type Store } from "../../src/store/store.ts";
import { run } from "../service/customer.ts";
import { type FreshDatabase, freshStore } from "../support/postgres.ts";
import { action, auditKey, auditOf, verified } from "./events.ts";

const thisMonth = Date.parse(monthOf(new Date()));
const lastMonth = Date.parse(monthOf(new Date(thisMonth), -1));
let database: FreshDatabase;
let store: Store;
/** Of this test, as is the chain. */
let organization: string;

beforeAll(async () => {
  database = await freshStore();
  store = await openStore({ url: database.url });
});

beforeEach(() => {
  organization = `acme-${crypto.randomUUID().slice(0, 8)}`;
});

afterAll(async () => {
  await store.close();
  await database.drop();
});

/** An event of that instant, with an id of it. */
function eventOf(ms: number): NewEntry {
  const told = entryOf(action("public.orders", organization), { outcome: "succeeded" });
  const time = ms.toString(16).padStart(12, "0");
  const id = `${time.slice(0, 8)}-${time.slice(8)}-${told.entry.id.slice(14)}`;
  return { ...told, createMs: ms, entry: { ...told.entry, id } };
}

async function write(...times: readonly number[]): Promise<void> {
  await store.commit(organization, insertion(organization, times.map(eventOf), true));
  const audit = auditOf(store, { checkpointEvery: { rows: 1, ms: 0 } });
  await audit.tend();
  await audit.close();
}

const sql = (text: string) => run(database.url, text.replaceAll("$own", `organization_id = '${organization}'`));

/**
 * Five entries of last month, two that got their links only in this one, and five of this one;
 * last month is to go.
 */
async function twoMonths(): Promise<void> {
  await store.audit.addMonth(monthOf(new Date(lastMonth)));
  const late = [1, 2].map((n) => thisMonth - n * 1_000).toReversed();
  await write(...[1, 2, 3, 4, 5].map((n) => lastMonth + n), ...late);
  await sql("UPDATE audit_link SET create_time = event_time WHERE sequence <= 5 AND $own");
  const now = Date.now();
  await write(...[5, 4, 3, 2, 1].map((n) => now - n));
}

function letGo(): Promise<void> {
  const onCheckpoint = async () => {};
  // Also on the first day of a month, when the one before may still be written.
  const time = new Date(Math.max(Date.now(), thisMonth + 86_400_000));
  return keepMonths({ store, keys: auditKeys(auditKey), keepMonths: 0, onCheckpoint }, time);
}

const remove = (place: number) => `
  DELETE FROM audit_event WHERE id = (SELECT event_id FROM audit_link WHERE sequence = ${place} AND $own);
  UPDATE audit_link SET event_time = '${new Date(thisMonth - 1).toISOString()}' WHERE sequence = ${place} AND $own`;

test("what was linked just after its month had ended goes with it, and the rest is whole", async () => {
  await twoMonths();
  expect(await verified(store, organization)).toMatchObject({ verified: 12, broken: undefined });
  await letGo();
  expect(await sql("SELECT count(*)::int FROM audit_event WHERE $own")).toEqual([[5]]);
  expect(await verified(store, organization)).toMatchObject({ verified: 7, sequence: 12n, broken: undefined });
});

test.each([8, 10, 12])(
  "an event that is gone, and whose link says that it went with its month, is found at %i",
  async (place) => {
    await twoMonths();
    await letGo();
    await sql(remove(place));
    const problem = expect.stringContaining("entry itself is gone");
    expect((await verified(store, organization)).broken).toEqual({ sequence: BigInt(place), problem });
  },
);

test("a beginning that was cut off behind what went with its month is found", async () => {
  await twoMonths();
  await letGo();
  await sql("DELETE FROM audit_link WHERE sequence <= 7 AND $own");
  expect((await verified(store, organization)).broken).toMatchObject({ sequence: 8n });
});

test("an event that was moved into a month that goes, by whoever can write the database, is found", async () => {
  await twoMonths();
  const id = eventOf(thisMonth - 500).entry.id;
  await sql(`${remove(10)};
    INSERT INTO audit_event (organization_id, create_time, id, entry)
      SELECT organization_id, event_time, '${id}', '{"actor":"nobody","outcome":"succeeded"}' FROM audit_link WHERE sequence = 10 AND $own;
    UPDATE audit_link SET event_id = '${id}' WHERE sequence = 10 AND $own`);
  await letGo();
  expect((await verified(store, organization)).broken).toMatchObject({ sequence: 10n });
});

test("an event that was linked when all before it had gone goes with its month, whatever was signed since", async () => {
  const before = Date.parse(monthOf(new Date(thisMonth), -2));
  await store.audit.addMonth(monthOf(new Date(before)));
  await store.audit.addMonth(monthOf(new Date(lastMonth)));
  await write(before + 1, before + 2);
  await sql("UPDATE audit_link SET create_time = event_time WHERE $own");
  await write(thisMonth - 1_000);
  await write(Date.now() - 2, Date.now() - 1);
  await letGo();
  expect(await sql("SELECT count(*)::int FROM audit_event WHERE $own")).toEqual([[2]]);
  expect(await verified(store, organization)).toMatchObject({ verified: 3, sequence: 5n, broken: undefined });
});
