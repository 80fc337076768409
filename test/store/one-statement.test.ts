/** Statements in one round trip: bound to their organization as all others, undone as a whole, and rows as bytes. */
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { copyOut } from "../../src/store/copy-out.ts";
import { openStore, type Store } from "../../src/store/store.ts";
import { run } from "../service/customer.ts";
import { type FreshDatabase, freshStore } from "../support/postgres.ts";

let database: FreshDatabase;
let store: Store;
let pool: pg.Pool;

beforeAll(async () => {
  database = await freshStore();
  store = await openStore({ url: database.url, poolSize: 2 });
  // One connection: whoever comes next gets what was left of it.
  pool = new pg.Pool({ connectionString: database.url, max: 1 });
  pool.on("error", () => {}).on("connect", (client) => client.on("error", () => {}));
});

afterAll(async () => {
  await pool.end();
  await store.close();
  await database.drop();
});

const noting = `INSERT INTO audit_task (organization_id, kind, event_id, event_time, due_time)
  VALUES (?, 'link', gen_random_uuid(), now(), now())`;
const noted = () => run(database.url, "SELECT organization_id FROM audit_task");

test("what is committed is the organization's own, whatever its name", async () => {
  const name = "o'brien\\'; --?";
  await store.commit(name, { text: noting, parameters: [name] });
  expect(await noted()).toEqual([[name]]);
  const foreign = store.commit("acme", { text: noting, parameters: ["globex"] });
  await expect(foreign).rejects.toThrow("row-level security");
  const deleting = { text: "DELETE FROM audit_task", parameters: [] };
  await store.commit("acme", deleting);
  expect(await noted()).toEqual([[name]]);
  await store.commit(name, deleting);
  expect(await noted()).toEqual([]);
});

test("what fails leaves nothing, neither rows nor settings", async () => {
  const failing = store.commit("acme", { text: `${noting}; SELECT 1 / 0`, parameters: ["acme"] });
  await expect(failing).rejects.toThrow("division by zero");
  expect(await noted()).toEqual([]);
  const settings = "SELECT current_setting('role'), coalesce(current_setting('app.organization_id', true), '')";
  const left = await store.audit.read((em) => em.execute("SELECT current_setting('app.organization_id', true) AS id"));
  expect(left).not.toMatchObject([{ id: "acme" }]);
  expect(await run(database.url, settings)).toEqual([["none", ""]]);
});

test("rows come as bytes, in their order, under the settings, which end with them", async () => {
  const rows: [number, string][] = [];
  const query = "SELECT n::int8, repeat('ä', n) || current_setting('app.note') FROM generate_series(1, 5000) AS n";
  await copyOut(pool, { "app.note": "it's" }, query, (row) => {
    rows.push([row.readInt16BE(0), row.toString("utf8", 18)]);
    return true;
  });
  expect(rows).toEqual(Array.from({ length: 5_000 }, (_, i) => [2, `${"ä".repeat(i + 1)}it's`]));
  const { rows: left } = await pool.query("SELECT coalesce(current_setting('app.note', true), '') AS note");
  expect(left).toEqual([{ note: "" }]);
});

test("who wants no more rows, or stumbles over one, is not sent the rest, and the next one is served", async () => {
  const endless = "SELECT generate_series(1, 9000000000000000)";
  let seen = 0;
  await copyOut(pool, { role: "none" }, endless, () => ++seen < 3);
  expect(seen).toBe(3);
  const stumbling = copyOut(pool, { role: "none" }, endless, () => {
    throw new Error("stumbled");
  });
  await expect(stumbling).rejects.toThrow("stumbled");
  await expect(copyOut(pool, { role: "none" }, "SELECT 1 / 0", () => true)).rejects.toMatchObject({ code: "22012" });
  expect((await pool.query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
});
