/** Each layer below a caller's SQL alone: what it holds when the others are gone, and what only they hold. */
import { access } from "node:fs/promises";
import path from "node:path";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createFunctionCatalogue } from "../../../src/providers/postgresql/function-catalogue.ts";
import { checkStatement } from "../../../src/providers/postgresql/statement.ts";
import type { Run } from "../../../src/providers/sql/run.ts";
import { scaled } from "../../torture/scale.ts";
import { collectedStrings, hostileInputs } from "../sql/hostile-inputs.ts";
import { besieged } from "./besieged.ts";
import { leavingStatements, tricks } from "./hostile-inputs.ts";
import { openedConnection } from "./opened.ts";

const timeoutMs = 20_000;
/** "25006": the transaction is read-only; "42601": no command of the extended protocol holds two statements. */
const readOnly = { code: "25006" };
const oneOnly = { code: "42601" };

let source: Awaited<ReturnType<typeof besieged>>;

beforeAll(async () => {
  source = await besieged();
});
afterAll(() => source.stop());

/** Runs a statement in a session of ours as if it had been allowed; undefined when the server ran it. */
async function refusal(text: string): Promise<unknown> {
  const connection = await openedConnection(source.url);
  try {
    await connection.rows({ text, parameters: [], native: true }, timeoutMs);
    return undefined;
  } catch (error) {
    return error;
  } finally {
    connection.close();
  }
}

const isThere = (file: string) =>
  access(file).then(
    () => true,
    () => false,
  );

test.each([
  ...["INSERT INTO journal VALUES ('hostile')", "UPDATE city SET name = 'hostile'", "DELETE FROM city"],
  ...["TRUNCATE city", "WITH w AS (DELETE FROM city RETURNING *) SELECT * FROM w", "SELECT * INTO copied FROM city"],
  ...["CREATE TABLE made (i int)", "DROP TABLE city", "ALTER TABLE city ADD COLUMN hostile int", "SELECT writes()"],
  ...["SELECT nextval('counter')", "GRANT ALL ON city TO PUBLIC", "DO $$ BEGIN DELETE FROM city; END $$"],
])("%s is refused by the read-only transaction, without the rules", async (text) => {
  const before = await source.state();
  expect(await refusal(text)).toMatchObject(readOnly);
  expect(await source.state()).toEqual(before);
});

test.each(leavingStatements)("after %s, without the rules, nothing can be written either", async (text) => {
  const before = await source.state();
  const connection = await openedConnection(source.url);
  const ran = await connection.rows({ text, parameters: [], native: true }, timeoutMs).catch(() => undefined);
  // A connection on which something failed is not used again.
  const next = ran === undefined ? await openedConnection(source.url) : connection;
  const inserting = next.rows({ text: "INSERT INTO journal VALUES ('x')", parameters: [], native: true }, timeoutMs);
  await expect(inserting).rejects.toMatchObject(readOnly);
  expect(await source.state()).toEqual(before);
});

test("two statements in one are refused by the extended protocol (42601), without the rules", async () => {
  const before = await source.state();
  for (const text of ["SELECT 1; DELETE FROM city", "COMMIT; DELETE FROM city", "SELECT 1;SELECT 2"]) {
    expect(await refusal(text), text).toMatchObject(oneOnly);
  }
  expect(await source.state()).toEqual(before);
});

test("a read-only transaction lets files be written and programs be run: none is, for the rules", async () => {
  const file = path.join(source.directory, "alone");
  for (const text of [`COPY city TO '${file}'`, `COPY city TO PROGRAM 'cat > ${file}'`]) {
    await expect(checkStatement(text, 0)).rejects.toMatchObject({ kind: "statement_rejected" });
  }
  expect(await isThere(file)).toBe(false);
  // Without the rules there is one.
  expect(await refusal(`COPY city TO '${file}'`)).toBeUndefined();
  expect(await isThere(file)).toBe(true);
});

/** Of a query without parameters; pg's types leave it out. */
const extended: object = { queryMode: "extended" };
const inputs = scaled({ test: 2_000, torture: 100_000 });

test(`what the rules let through of ${inputs} hostile inputs changes nothing in a session that may write`, {
  timeout: scaled({ test: 240_000, torture: 3_600_000 }),
}, async () => {
  const client = new pg.Client({ connectionString: source.url });
  await client.connect();
  await client.query("SET statement_timeout = 200");
  const ours = await openedConnection(source.url);
  const run: Run = (text, parameters) => ours.rows({ text, parameters }, timeoutMs);
  const catalogue = createFunctionCatalogue([]);
  const isAllowed = async (text: string): Promise<boolean> => {
    try {
      await catalogue.check(run, await checkStatement(text, 0));
      return true;
    } catch {
      return false;
    }
  };
  const residue = async () => (await client.query("SELECT residue()")).rows;
  const [before, pristine] = [await source.state(), await residue()];
  const texts = hostileInputs([...source.seeds, ...collectedStrings()], tricks, 6);
  let ran = 0;
  for (let i = 0; i < inputs; i++) {
    const text = texts.next().value;
    if (!(await isAllowed(text))) continue;
    ran++;
    // As a session of ours sends it, and each by itself. What the server refuses is nothing of ours.
    await client.query({ text, ...extended }).catch(() => {});
    if (ran % 100 === 0) expect(await residue(), text).toEqual(pristine);
  }
  expect(await residue()).toEqual(pristine);
  expect(await source.state()).toEqual(before);
  await client.end();
  expect(await source.leftovers()).toEqual([]);
  expect(source.notifications).toEqual([]);
  expect(ran).toBeGreaterThan(inputs / 20);
  console.log(`the rules alone: ${ran} of ${inputs} hostile inputs let through; 0 changes, notifications, residue`);
});
