/** A chain that is read in several parts is verified as one. */
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { entryOf, insertEntries } from "../../src/audit/entry.ts";
import { openStore, type Store } from "../../src/store/store.ts";
import { type FreshDatabase, freshStore } from "../support/postgres.ts";
import { action, auditOf, breakOf, verified } from "./events.ts";

/** More than two parts; the last one has but some places. */
const length = 8_003;
let database: FreshDatabase;
let store: Store;
let admin: pg.Client;

beforeAll(async () => {
  database = await freshStore();
  store = await openStore({ url: database.url });
  admin = new pg.Client({ connectionString: database.url });
  await admin.connect();
  const entries = Array.from({ length }, (_, i) => entryOf(action(`Täbelle ${i} \u{1f9ff}`), { outcome: "succeeded" }));
  await store.withOrganization("acme", (em) => insertEntries(em, "acme", entries));
  // Another one's events lie between: they are none of this chain.
  const others = entries.map(() => entryOf(action("other", "other"), { outcome: "succeeded" }));
  await store.withOrganization("other", (em) => insertEntries(em, "other", others));
  const audit = auditOf(store);
  await audit.tend();
  await audit.close();
});

afterAll(async () => {
  await admin.end();
  await store.close();
  await database.drop();
});

/** Does something to the rows, looks what is found, and undoes it. */
async function foundAfter(sql: string) {
  await admin.query(`CREATE TABLE link_before AS TABLE audit_link; ${sql}`);
  try {
    return await breakOf(store);
  } finally {
    await admin.query("TRUNCATE audit_link; INSERT INTO audit_link TABLE link_before; DROP TABLE link_before");
  }
}

const hashes = (place: number) => `UPDATE audit_link SET hash = sha256(hash)
  WHERE organization_id = 'acme' AND sequence = ${place}`;
const removed = (from: number, to: number) => `DELETE FROM audit_link
  WHERE organization_id = 'acme' AND sequence BETWEEN ${from} AND ${to}`;

test("a long chain that nobody touched is whole to its last place", async () => {
  const whole = { verified: length, sequence: BigInt(length), broken: undefined };
  expect(await verified(store)).toMatchObject(whole);
  expect(await verified(store, "other")).toMatchObject(whole);
});

test("a change is found at the first place, at the last one, and on both sides of where parts meet", async () => {
  for (const place of [1, 4_000, 4_001, 8_000, 8_001, length]) {
    expect((await foundAfter(hashes(place)))?.sequence).toBe(BigInt(place));
  }
});

test("a gap is found behind it, be it a place or all of a part and more", async () => {
  for (const [from, to] of [
    [4_000, 4_000],
    [4_001, 4_001],
    [4_001, 8_000],
    [3_900, 8_002],
  ] as const) {
    const problem = expect.stringContaining(
      from === to ? `entry ${from} is missing` : `entries ${from} to ${to} are missing`,
    );
    expect(await foundAfter(removed(from, to))).toMatchObject({ sequence: BigInt(to + 1), problem });
  }
});

test("of more entries at one place than a part has, the second one is found", async () => {
  const copies = `INSERT INTO audit_link SELECT organization_id, sequence, create_time + n * interval '1 ms', event_time, event_id, hash
    FROM audit_link, generate_series(1, 5000) AS n WHERE organization_id = 'acme' AND sequence = 4100`;
  expect(await foundAfter(copies)).toMatchObject({ sequence: 4_100n, problem: expect.stringContaining("two entries") });
});
