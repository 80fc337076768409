/** Actions that are left or lost while PostgreSQL keeps their change: what is told of them is what came of them. */
import pg from "pg";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { ActionRequest } from "../../../src/providers/contract/action.ts";
import type { Call, Session } from "../../../src/providers/contract.ts";
import { type FreshDatabase, freshDatabase } from "../../support/postgres.ts";
import { callFor } from "../sql/asking.ts";
import { openedSession } from "./opened.ts";

let database: FreshDatabase;
let owner: pg.Client;
let session: Required<Session>;

beforeAll(async () => {
  database = await freshDatabase();
  owner = new pg.Client({ connectionString: database.url });
  await owner.connect();
  session = openedSession(database.url, { maxConnections: 1 });
});

afterAll(async () => {
  await session.close();
  await owner.end();
  await database.drop();
});

/** COMMIT lasts until somebody wants it to stop, and is done all the same. */
const stubborn = `
  CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM pg_sleep(60); RETURN NULL; EXCEPTION WHEN query_canceled THEN RETURN NULL; END $$;
  CREATE CONSTRAINT TRIGGER dawdle AFTER INSERT ON city DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION dawdle()`;

beforeEach(async () => {
  await owner.query(`DROP SCHEMA public CASCADE; CREATE SCHEMA public; CREATE TABLE city (name text); ${stubborn}`);
});

const newCity: ActionRequest = {
  action: { kind: "create", resource: "city", fields: ["name"], rows: [[{ kind: "text", value: "Basel" }]] },
  ...{ dryRun: false, maxAffectedRows: undefined, returning: [], maxBytes: 1_000 },
};

const cities = async () => (await owner.query("SELECT name FROM city")).rows.map(({ name }) => name);

/** The process that is at its COMMIT. */
async function committing(): Promise<number> {
  const statement =
    "SELECT pid FROM pg_stat_activity WHERE query = 'COMMIT' AND state = 'active' AND datname = current_database()";
  const find = async () => (await owner.query<{ pid: number }>(statement)).rows[0]?.pid;
  await expect.poll(find, { timeout: 10_000 }).toBeDefined();
  return (await find()) as number;
}

test("who gives up while the source keeps the change still learns that it did", async () => {
  const controller = new AbortController();
  const call: Call = { ...callFor(20_000), signal: controller.signal };
  const acting = session.execute(newCity, call);
  await committing();
  controller.abort(new Error("given up"));
  expect(await acting).toMatchObject({ affectedRows: 1 });
  expect(await cities()).toEqual(["Basel"]);
});

test("of a source that is lost while it keeps the change nobody knows whether it did", async () => {
  const acting = session.execute(newCity, callFor(20_000));
  const ended = expect(acting).rejects.toMatchObject({ kind: "outcome_unknown", upstream: "postgresql" });
  await owner.query("SELECT pg_terminate_backend($1)", [await committing()]);
  await ended;
  expect(await cities()).toEqual([]);
});
