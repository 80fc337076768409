/** Whatever is done to the rows of the audit log by hand is found by who verifies it. */
import fc from "fast-check";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type Checkpoint, lineOf, parseCheckpoints, readCheckpoints } from "../../src/audit/checkpoint.ts";
import { openStore, type Store } from "../../src/store/store.ts";
import { type FreshDatabase, freshStore } from "../support/postgres.ts";
import { scaled, seeded } from "../torture/scale.ts";
import { action, auditOf, breakOf, verified } from "./events.ts";

const length = 30;
let database: FreshDatabase;
let store: Store;
/** As the superuser, who may do anything. */
let admin: pg.Client;
/** As they were kept elsewhere. */
let kept: readonly Checkpoint[];

beforeAll(async () => {
  database = await freshStore();
  store = await openStore({ url: database.url });
  admin = new pg.Client({ connectionString: database.url });
  await admin.connect();
  const audit = auditOf(store, { checkpointEvery: { rows: 10, ms: 3_600_000 } });
  for (let i = 0; i < length; i++) {
    await audit.record(action(`public.table_${i}`), { outcome: "succeeded", rows: i });
    if (i % 10 === 9) await audit.tend();
  }
  await audit.close();
  kept = await store.audit.read((em) => readCheckpoints(em, "acme"));
  await admin.query("CREATE SCHEMA untouched");
  for (const table of ["audit_event", "audit_link", "audit_checkpoint"]) {
    await admin.query(`CREATE TABLE untouched.${table} AS TABLE ${table}`);
  }
});

afterAll(async () => {
  await admin.end();
  await store.close();
  await database.drop();
});

beforeEach(restore);

async function restore(): Promise<void> {
  await admin.query(`DELETE FROM audit_event; DELETE FROM audit_link; DELETE FROM audit_checkpoint;
    INSERT INTO audit_event (organization_id, create_time, id, entry)
      SELECT organization_id, create_time, id, entry FROM untouched.audit_event;
    INSERT INTO audit_link SELECT * FROM untouched.audit_link;
    INSERT INTO audit_checkpoint SELECT * FROM untouched.audit_checkpoint`);
}

const event = (n: number) => `id = (SELECT event_id FROM audit_link WHERE sequence = ${n})`;

test("a log that nobody touched is whole, also against checkpoints that were kept as a file", async () => {
  expect(await verified(store)).toMatchObject({ verified: length, sequence: BigInt(length), broken: undefined });
  const file = parseCheckpoints(kept.map(lineOf).join("")) as readonly Checkpoint[];
  expect(file).toEqual(kept);
  const checkpoints = 2 * kept.length;
  expect(await verified(store, "acme", file)).toMatchObject({ verified: length, checkpoints, broken: undefined });
});

/** What is done to the entry at a place, and where that shows: at the place itself, or the next one. */
const offences: [name: string, sql: (n: number) => string, later: 0 | 1][] = [
  ["an edited text", (n) => `UPDATE audit_event SET entry = replace(entry, 'nightly', 'weekly') WHERE ${event(n)}`, 0],
  ["an added space", (n) => `UPDATE audit_event SET entry = entry || ' ' WHERE ${event(n)}`, 0],
  ["a later time", (n) => `UPDATE audit_event SET create_time = create_time + interval '1 ms' WHERE ${event(n)}`, 0],
  [
    "a later time, of the link as well",
    (n) => `WITH moved AS (UPDATE audit_event SET create_time = create_time + interval '1 ms' WHERE ${event(n)})
      UPDATE audit_link SET event_time = event_time + interval '1 ms', create_time = create_time + interval '1 ms' WHERE sequence = ${n}`,
    0,
  ],
  ["an edited hash", (n) => `UPDATE audit_link SET hash = sha256(hash) WHERE sequence = ${n}`, 0],
  ["a deleted event", (n) => `DELETE FROM audit_event WHERE ${event(n)}`, 0],
  [
    "a deleted event, whose link says that it is older than all that is kept",
    (n) => `DELETE FROM audit_event WHERE ${event(n)};
      UPDATE audit_link SET event_time = '1969-12-31' WHERE sequence = ${n}`,
    0,
  ],
  ["a time that is none", (n) => `UPDATE audit_link SET event_time = '-infinity' WHERE sequence = ${n}`, 0],
  [
    "a hash of another length",
    (n) => `ALTER TABLE audit_link DROP CONSTRAINT IF EXISTS audit_link_hash_check;
      UPDATE audit_link SET hash = hash || '\\x00' WHERE sequence = ${n}`,
    0,
  ],
  ["a deleted link", (n) => `DELETE FROM audit_link WHERE sequence = ${n}`, 1],
  [
    "a deleted event with its link",
    (n) => `DELETE FROM audit_event WHERE ${event(n)}; DELETE FROM audit_link WHERE sequence = ${n}`,
    1,
  ],
  [
    "an inserted link",
    (
      n,
    ) => `INSERT INTO audit_link SELECT organization_id, sequence, create_time + interval '1 ms', event_time, event_id, hash
      FROM audit_link WHERE sequence = ${n}`,
    0,
  ],
];

test.each(offences)("%s is found where it is, wherever that is", async (_, sql, later) => {
  const places = fc.integer({ min: 1, max: length - 1 });
  await fc.assert(
    fc
      .asyncProperty(places, async (n) => {
        await admin.query(sql(n));
        expect((await breakOf(store))?.sequence).toBe(BigInt(n + later));
      })
      .afterEach(restore),
    { ...seeded, numRuns: scaled({ test: 3, torture: 200 }) },
  );
});

test("two entries that changed their places, or their texts, are found at the first of them", async () => {
  const two = fc.uniqueArray(fc.integer({ min: 1, max: length }), { minLength: 2, maxLength: 2 });
  const swaps = [
    (a: number, b: number) => `UPDATE audit_link AS one SET event_id = other.event_id, event_time = other.event_time,
        create_time = greatest(one.create_time, other.create_time)
      FROM audit_link AS other WHERE one.sequence IN (${a}, ${b}) AND other.sequence = ${a} + ${b} - one.sequence`,
    (a: number, b: number) => `UPDATE audit_event AS one SET entry = other.entry FROM audit_event AS other
      WHERE one.id IN (SELECT event_id FROM audit_link WHERE sequence IN (${a}, ${b}))
        AND other.id IN (SELECT event_id FROM audit_link WHERE sequence IN (${a}, ${b})) AND one.id <> other.id`,
  ];
  await fc.assert(
    fc
      .asyncProperty(two, fc.constantFrom(...swaps), async ([a = 0, b = 0], swap) => {
        await admin.query(swap(a, b));
        expect((await breakOf(store))?.sequence).toBe(BigInt(Math.min(a, b)));
      })
      .afterEach(restore),
    { ...seeded, numRuns: scaled({ test: 4, torture: 200 }) },
  );
});

test("an event that was put in past the service is found, though nothing leads to it", async () => {
  await admin.query(`INSERT INTO audit_event (organization_id, create_time, id, entry)
    SELECT organization_id, date_trunc('month', create_time), gen_random_uuid(), entry FROM audit_event LIMIT 1`);
  expect(await breakOf(store)).toMatchObject({
    sequence: undefined,
    problem: expect.stringContaining("past the service"),
  });
});

test("a place far behind the end is found, and what is missing before it is told", async () => {
  await admin.query(`UPDATE audit_link SET sequence = 9000000000000 WHERE sequence = ${length}`);
  expect(await breakOf(store)).toMatchObject({
    sequence: 9000000000000n,
    problem: expect.stringMatching(/^entries 30 to 8999999999999 are missing/i),
  });
});

test("a chain that was computed anew after a change is found by its next checkpoint", async () => {
  await admin.query(`UPDATE audit_event SET entry = replace(entry, 'nightly', 'weekly') WHERE ${event(12)}`);
  await admin.query(`
    WITH RECURSIVE anew AS (
      SELECT sequence, hash FROM audit_link WHERE sequence = 11
      UNION ALL
      SELECT link.sequence, sha256(anew.hash || int8send(link.sequence)
        || int8send((date_part('epoch', link.event_time) * 1000)::bigint) || convert_to(event.entry, 'UTF8'))
      FROM anew JOIN audit_link AS link ON link.sequence = anew.sequence + 1 JOIN audit_event AS event ON event.id = link.event_id
    )
    UPDATE audit_link SET hash = anew.hash FROM anew WHERE audit_link.sequence = anew.sequence AND anew.sequence > 11`);
  const next = kept.find(({ sequence }) => sequence >= 12n)?.sequence;
  expect(await breakOf(store)).toMatchObject({ sequence: next, problem: expect.stringContaining("computed anew") });
  await admin.query("DELETE FROM audit_checkpoint");
  expect(await breakOf(store)).toBeUndefined();
  expect(await breakOf(store, kept)).toMatchObject({ sequence: next });
});

test("an end that was cut off is found by a checkpoint, of the database or of a file", async () => {
  await admin.query(`DELETE FROM audit_event WHERE id IN (SELECT event_id FROM audit_link WHERE sequence > 25);
    DELETE FROM audit_link WHERE sequence > 25`);
  const cut = { sequence: 26n, problem: expect.stringContaining("went on to 30") };
  expect(await breakOf(store)).toMatchObject(cut);
  await admin.query("DELETE FROM audit_checkpoint WHERE sequence > 25");
  expect(await breakOf(store)).toBeUndefined();
  expect(await breakOf(store, kept)).toMatchObject(cut);
});

test("a log that is gone as a whole, or from its beginning, is found", async () => {
  await admin.query("DELETE FROM audit_link WHERE sequence <= 20");
  expect(await breakOf(store)).toMatchObject({ sequence: 21n, problem: expect.stringContaining("entries 1 to 20") });
  await admin.query("TRUNCATE audit_event, audit_link, audit_checkpoint");
  expect(await breakOf(store, kept)).toMatchObject({ sequence: 1n });
});

test("a checkpoint that nobody with the key has signed is found", async () => {
  await admin.query(`UPDATE audit_checkpoint SET kept_from = now() WHERE sequence = ${length};
    DELETE FROM audit_link WHERE sequence <= ${length}`);
  expect(await breakOf(store)).toMatchObject({ sequence: 30n, problem: expect.stringContaining("signature") });
  await restore();
  await admin.query("UPDATE audit_checkpoint SET key_id = 'another'");
  const problem = expect.stringContaining("the key another");
  expect(await breakOf(store)).toMatchObject({ sequence: kept[0]?.sequence, problem });
});
