/** Each layer below a caller's SQL alone: what it holds when the others are gone, and what only they hold. */
import { access, readFile } from "node:fs/promises";
import path from "node:path";
import mysql from "mysql2/promise";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sessionSettings } from "../../../src/providers/mysql/dialect.ts";
import type { Server } from "../../../src/providers/mysql/functions.ts";
import { checkStatement } from "../../../src/providers/mysql/statement.ts";
import { isMariadb, versionNumbers } from "../../support/mysql-server.ts";
import { scaled } from "../../torture/scale.ts";
import { collectedStrings, hostileInputs } from "../sql/hostile-inputs.ts";
import { besieged } from "./besieged.ts";
import { intoFiles, leavingStatements, tricks, writingStatements } from "./hostile-inputs.ts";
import { open, timeoutMs } from "./opened.ts";

describe(`at ${isMariadb ? "MariaDB" : "MySQL"}`, () => {
  let source: Awaited<ReturnType<typeof besieged>>;

  beforeAll(async () => {
    source = await besieged();
  });
  afterAll(() => source.stop());

  /** Runs a statement in a session of ours as if it had been allowed; undefined when the server ran it. */
  async function refusal(text: string): Promise<unknown> {
    const connection = await open(source.url);
    try {
      await connection.rows({ text, parameters: [], native: true }, timeoutMs);
      return undefined;
    } catch (error) {
      return error;
    } finally {
      connection.close();
    }
  }

  const [major = 0, minor = 0, patch = 0] = versionNumbers;
  const server: Server = { isMariaDb: isMariadb, version: [major, minor, patch] };

  function isAllowed(text: string): boolean {
    try {
      checkStatement(text, 0, { server, database: "shop", functions: [] });
      return true;
    } catch {
      return false;
    }
  }

  const isThere = (file: string) =>
    access(file).then(
      () => true,
      () => false,
    );

  test("DDL and what else writes, in a session of ours without the rules: checksums unchanged", async () => {
    const before = await source.state();
    const ran: string[] = [];
    for (const text of writingStatements) if ((await refusal(text)) === undefined) ran.push(text);
    expect(ran).toEqual([]);
    expect(await source.state()).toEqual(before);
  });

  test.each(leavingStatements)("after %s, without the rules, nothing can be written either", async (text) => {
    const before = await source.state();
    const connection = await open(source.url);
    await connection.rows({ text, parameters: [], native: true }, timeoutMs).catch(() => {});
    const inserting = async () => {
      const same = connection.isOpen ? connection : await open(source.url);
      await same.rows({ text: "INSERT INTO journal VALUES ('hostile')", parameters: [], native: true }, timeoutMs);
    };
    await expect(inserting()).rejects.toThrow();
    expect(await source.state()).toEqual(before);
  });

  test("two statements in one are refused by the server, without the rules", async () => {
    const before = await source.state();
    for (const text of ["SELECT 1; DELETE FROM city", "SELECT 1;SELECT 2", "SELECT 1; -- \n SELECT 2"]) {
      expect(await refusal(text), text).toMatchObject({ errno: 1064 });
    }
    expect(await source.state()).toEqual(before);
  });

  test("INTO OUTFILE passes a session that only reads: no file appears, for the rules", async () => {
    const files = intoFiles(source.directory);
    for (const text of files) expect(isAllowed(text), text).toBe(false);
    // Without the rules there is one.
    const file = path.join(source.directory, "alone");
    expect(await isThere(file)).toBe(false);
    expect(await refusal(`SELECT 'x' INTO DUMPFILE '${file}'`)).toBeUndefined();
    expect(await readFile(file, "latin1")).toBe("x");
  });

  const inputs = scaled({ test: 2_000, torture: 100_000 });

  test(`what the rules let through of ${inputs} hostile inputs changes nothing in a session that may write`, {
    timeout: scaled({ test: 240_000, torture: 3_600_000 }),
  }, async () => {
    const connection = await mysql.createConnection({ uri: source.url, charset: "utf8mb4_bin", rowsAsArray: true });
    const limit = isMariadb ? "max_statement_time = 1" : "max_execution_time = 1000";
    await connection.query(`SET SESSION sql_mode = ${sessionSettings.sql_mode}, ${limit}`);
    // Itself it may take its time, on a busy machine.
    const telling = isMariadb
      ? "SET STATEMENT max_statement_time = 0 FOR SELECT residue()"
      : "SELECT /*+ SET_VAR(max_execution_time = 0) */ residue()";
    const residue = async () => JSON.stringify((await connection.query(telling))[0]);
    const [before, pristine] = [await source.state(), await residue()];
    const texts = hostileInputs([...source.seeds, ...collectedStrings()], tricks, 6);
    let ran = 0;
    for (let i = 0; i < inputs; i++) {
      const text = texts.next().value;
      // What a view does, no rule can tell: that it can't write is the session's part.
      if (!isAllowed(text) || /writing/i.test(text)) continue;
      ran++;
      // As a session of ours sends it: prepared, and each by itself. What the server refuses is nothing of ours.
      const statement = await connection.prepare(text).catch(() => undefined);
      await statement?.execute([]).catch(() => {});
      await statement?.close();
      if (ran % 100 === 0) expect(await residue(), text).toBe(pristine);
    }
    expect(await residue()).toBe(pristine);
    expect(await source.state()).toEqual(before);
    expect(await source.leftovers()).toEqual([]);
    expect(ran).toBeGreaterThan(inputs / 10);
    console.log(`the rules alone: ${ran} of ${inputs} hostile inputs let through; 0 changes, residue`);
    await connection.end();
  });
});
