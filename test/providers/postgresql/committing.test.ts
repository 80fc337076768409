/** Actions that are left or lost while PostgreSQL keeps their change: what is told of them is what came of them. */
import { beforeEach, expect, test } from "vitest";
import { before, newCity, none, text } from "../sql/acting.ts";
import { callFor } from "../sql/asking.ts";
import { acting } from "./acting.ts";

const { execute, cities, run } = acting();
const basel = newCity([text("Basel"), none]);

/** COMMIT lasts until somebody wants it to stop, and is done all the same. */
const stubborn = `
  CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM pg_sleep(60); RETURN NULL; EXCEPTION WHEN query_canceled THEN RETURN NULL; END $$;
  CREATE CONSTRAINT TRIGGER dawdle AFTER INSERT ON city DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION dawdle()`;

beforeEach(() => run(stubborn));

/** The process that is at its COMMIT. */
async function committing(): Promise<number> {
  const statement =
    "SELECT pid FROM pg_stat_activity WHERE query = 'COMMIT' AND state = 'active' AND datname = current_database()";
  const find = async () => (await run(statement))[0]?.pid;
  await expect.poll(find, { timeout: 10_000 }).toBeDefined();
  return (await find()) as number;
}

test("who gives up while the source keeps the change still learns that it did", async () => {
  const controller = new AbortController();
  const acted = execute(basel, {}, { ...callFor(20_000), signal: controller.signal });
  await committing();
  controller.abort(new Error("given up"));
  expect(await acted).toMatchObject({ affectedRows: 1 });
  expect(await cities()).toEqual([...before, "10 Basel -"]);
});

test("of a source that is lost while it keeps the change nobody knows whether it did", async () => {
  const ended = expect(execute(basel)).rejects.toMatchObject({ kind: "outcome_unknown", upstream: "postgresql" });
  await run(`SELECT pg_terminate_backend(${await committing()})`);
  await ended;
  expect(await cities()).toEqual(before);
});
