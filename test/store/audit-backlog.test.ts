import { afterAll, beforeAll, expect, test } from "vitest";
import { openStore, type Store } from "../../src/store/store.ts";
import { run } from "../service/customer.ts";
import { type FreshDatabase, freshDatabase } from "../support/postgres.ts";

let database: FreshDatabase;
let store: Store;

beforeAll(async () => {
  database = await freshDatabase();
  store = await openStore({ url: database.url, poolSize: 2 });
});

afterAll(async () => {
  await store?.close();
  await database?.drop();
});

/** As if entries had been written so many seconds ago; intents are due as long after as is said. */
const wait = (organization: string, kind: "link" | "settle", ageSeconds: number, dueSeconds = 0) =>
  run(
    database.url,
    `INSERT INTO audit_task (organization_id, kind, event_id, event_time, due_time)
     VALUES ('${organization}', '${kind}', gen_random_uuid(), now() - interval '${ageSeconds} s',
       now() - interval '${ageSeconds - dueSeconds} s')`,
  );

test("what waits in the audit log of all organizations is counted, with the age of the oldest", async () => {
  expect(await store.audit.backlog()).toEqual({ link: 0, settle: 0, lagSeconds: 0 });
  await wait("acme", "link", 3_600);
  await wait("globex", "link", 60);
  await wait("globex", "settle", 7_200);
  // This one has its time still before it.
  await wait("globex", "settle", 30, 300);
  const { lagSeconds, ...counts } = await store.audit.backlog();
  expect(counts).toEqual({ link: 2, settle: 1 });
  expect(lagSeconds).toBeGreaterThanOrEqual(3_600);
  expect(lagSeconds).toBeLessThan(4_200);
  await run(database.url, "DELETE FROM audit_task");
});

test("a chain that stands still for long is not counted to its end at each look", async () => {
  await run(
    database.url,
    `INSERT INTO audit_task (organization_id, kind, event_id, event_time, due_time)
     SELECT 'acme', 'link', gen_random_uuid(), now() - interval '1 h', now() FROM generate_series(1, 12000)`,
  );
  const { link, lagSeconds } = await store.audit.backlog();
  expect(link).toBe(10_000);
  expect(lagSeconds).toBeGreaterThanOrEqual(3_600);
});
