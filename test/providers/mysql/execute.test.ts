/** Actions at a real server of MySQL's kind: all of one is done, or nothing, and what came of it is told right. */
import { describe, expect, test } from "vitest";
import { Failure } from "../../../src/failure.ts";
import type { Action } from "../../../src/providers/contract/action.ts";
import type { Comparison, Operand } from "../../../src/providers/contract.ts";
import { before, integer, is, newCity, none, refusal, text } from "../sql/acting.ts";
import { callFor } from "../sql/asking.ts";
import { acting } from "./acting.ts";

const source = acting();
const { execute, cities, run } = source;

describe("create", () => {
  test("inserts rows and gives back what was asked for, generated keys among it", async () => {
    const created = await execute(newCity([text("Basel"), integer(177_595n)], [text("Chur"), none]), {
      returning: ["id", "name", "big"],
    });
    expect(created).toEqual({
      ...{ affectedRows: 2, statement: "" },
      rows: [
        ["10", "Basel", "0"],
        ["11", "Chur", null],
      ],
    });
    expect(await cities()).toEqual([...before, "10 Basel 177595", "11 Chur -"]);
  });

  test("takes more rows than one statement has parameters for, all or none", async () => {
    const rows = Array.from({ length: 10_000 }, (_, i) => [
      ...[text(`place ${i}`), integer(BigInt(i)), none, integer(BigInt(1_000 + i))],
    ]);
    const many = (given: Operand[][]): Action => ({
      ...{ kind: "create", resource: "city", fields: ["name", "people", "area", "id"], rows: given },
    });
    const bad = [...rows.slice(0, -1), [text("Bern"), none, none, integer(99_999n)]];
    expect(await refusal(execute(many(bad)))).toMatchObject({ kind: "constraint_violated" });
    expect(await cities()).toEqual(before);
    const { affectedRows, rows: returned } = await execute(many(rows), { returning: ["id"] });
    expect([affectedRows, returned.flat()]).toEqual([10_000, rows.map((_, i) => String(1_000 + i))]);
    expect(await run("SELECT SUM(people) FROM city WHERE id >= 1000")).toEqual([["49995000"]]);
  });

  test("takes more bytes than the server takes at once, but for those of one row", async () => {
    const [[packet] = []] = await run("SELECT @@max_allowed_packet");
    const long = "x".repeat(Math.floor(Number(packet) / 6));
    await run("DROP TABLE note; CREATE TABLE note (id int PRIMARY KEY, text longtext)");
    const rows = Array.from({ length: 8 }, (_, i) => [integer(BigInt(i)), text(long)]);
    const action: Action = { kind: "create", resource: "note", fields: ["id", "text"], rows };
    expect(await execute(action)).toMatchObject({ affectedRows: 8 });
    expect(await run("SELECT COUNT(*), MIN(LENGTH(text)) FROM note")).toEqual([["8", String(long.length)]]);
    const tooLong = [integer(9n), text(long.repeat(7))];
    expect(await refusal(execute({ ...action, rows: [tooLong] }))).toMatchObject({ kind: "too_large" });
  }, 60_000);

  test("stores a zero as the key that it is", async () => {
    const action: Action = {
      ...{ kind: "create", resource: "city", fields: ["id", "name"], rows: [[integer(0n), text("Null Island")]] },
    };
    expect(await execute(action, { returning: ["id"] })).toMatchObject({ rows: [["0"]] });
  });

  const rules: [string, Operand[], object][] = [
    ["a unique key", [text("Bern"), none], { constraint: "city_name" }],
    ["a unique key, whatever the value", [text("Bern"), integer(1n)], { constraint: "city_name" }],
    ["a check", [text("Chur"), integer(-1n)], { constraint: "city_people" }],
  ];
  test.each(rules)("is refused whole by %s, which is named", async (_, row, metadata) => {
    const failure = await refusal(execute(newCity([text("Basel"), none], row)));
    expect(failure).toMatchObject({ kind: "constraint_violated", metadata });
    expect(failure.message).not.toContain("Bern");
    expect(await cities()).toEqual(before);
    // The one connection is as good as before.
    expect(await execute(newCity([text("Basel"), none]))).toMatchObject({ affectedRows: 1 });
  });

  test("names no part of a value as the rule that it breaks", async () => {
    await run(
      "ALTER TABLE city ADD UNIQUE KEY people (people); UPDATE city SET name = 'x'' for key ''secret' WHERE id = 2",
    );
    const failure = await refusal(execute(newCity([text("x' for key 'secret"), none])));
    expect(failure.metadata).toEqual({ errno: "1062", constraint: "city_name" });
  });

  test("takes no value that does not fit, and does not cut it", async () => {
    const long = await refusal(execute(newCity([text("x".repeat(101)), none])));
    expect(long).toMatchObject({ kind: "statement_rejected", metadata: { field: "name" } });
    const action: Action = {
      ...{ kind: "create", resource: "city", fields: ["name", "area"], rows: [[text("Basel"), integer(10n ** 9n)]] },
    };
    expect(await refusal(execute(action))).toMatchObject({ kind: "statement_rejected", metadata: { field: "area" } });
    expect(await cities()).toEqual(before);
  });

  test("names the value that does not fit, before anything is sent", async () => {
    const wrong: [Action, string][] = [
      [newCity([text("Basel"), text("many")]), "create.rows[0].values[1]"],
      [newCity([text("Basel"), none], [text("Chur")]), "create.rows[1].values"],
      [newCity([none, none]), "create.rows[0].values[0]"],
    ];
    for (const [action, field] of wrong) expect((await refusal(execute(action))).fields[0]?.field).toBe(field);
    const unknown = await refusal(execute(newCity([text("Basel"), none]), { returning: ["nme"] }));
    expect(unknown).toMatchObject({ kind: "unknown_field", fields: [{ field: "returning[0]" }] });
    expect(await cities()).toEqual(before);
  });

  test("gives no rows back where nothing tells which they are", async () => {
    await run("DROP TABLE note; CREATE TABLE note (id varchar(36) PRIMARY KEY DEFAULT (UUID()), text varchar(20))");
    const action: Action = { kind: "create", resource: "note", fields: ["text"], rows: [[text("new")]] };
    expect(await refusal(execute(action, { returning: ["id"] }))).toMatchObject({
      ...{ kind: "unsupported", fields: [{ field: "returning", description: expect.stringContaining("`id`") }] },
    });
    expect(await execute(action)).toMatchObject({ affectedRows: 1 });
  });

  test("gives back what triggers made of the rows, and is undone when they moved them", async () => {
    await run("CREATE TRIGGER louder BEFORE INSERT ON city FOR EACH ROW SET NEW.name = UPPER(NEW.name)");
    const returning = ["id", "name"];
    expect(await execute(newCity([text("Chur"), none]), { returning })).toMatchObject({ rows: [["10", "CHUR"]] });
    await run("DROP TRIGGER louder; CREATE TRIGGER away BEFORE INSERT ON street FOR EACH ROW SET NEW.name = 'moved'");
    const fields = ["city", "name"];
    const street: Action = { kind: "create", resource: "street", fields, rows: [[integer(1n), text("here")]] };
    expect(await refusal(execute(street, { returning: ["name"] }))).toMatchObject({ kind: "unsupported" });
    expect(await run("SELECT name FROM street")).toEqual([]);
  });
});

describe("update and delete", () => {
  const grow = (filter: Comparison | undefined): Action => {
    return { kind: "update", resource: "city", filter, values: [{ field: "people", value: integer(500_000n) }] };
  };
  const returning = ["name", "people"];

  test("touch the rows that the filter selects, and give them back", async () => {
    const zurich = grow(is("name", "starts_with", text("Z")));
    const updated = { affectedRows: 1, statement: "", rows: [["Zürich", "500000"]] };
    expect(await execute(zurich, { returning })).toEqual(updated);
    const empty: Action = { kind: "delete", resource: "city", filter: is("people", "is_null") };
    expect(await execute(empty, { returning })).toMatchObject({ affectedRows: 1, rows: [["Genève", null]] });
    expect(await cities()).toEqual(["1 Zürich 500000", "3 Bern 134794"]);
  });

  test("count the rows that they find, also those that have the value already", async () => {
    expect(await execute(grow(undefined))).toMatchObject({ affectedRows: 3 });
    expect(await execute(grow(undefined))).toMatchObject({ affectedRows: 3 });
    expect(await refusal(execute(grow(undefined), { maxAffectedRows: 2 }))).toMatchObject({
      ...{ kind: "too_many_affected", metadata: { affected_rows: "3" } },
    });
    expect(await execute({ kind: "delete", resource: "city", filter: undefined })).toMatchObject({ affectedRows: 3 });
    expect(await cities()).toEqual([]);
  });

  test("give rows back by the keys that they were given", async () => {
    const id = integer(77n);
    const move: Action = {
      ...{
        kind: "update",
        resource: "city",
        filter: is("name", "eq", text("Bern")),
        values: [{ field: "id", value: id }],
      },
    };
    expect(await execute(move, { returning: ["id", "name"] })).toMatchObject({ rows: [["77", "Bern"]] });
    await run("INSERT INTO street VALUES (1, 'a', 1), (1, 'b', 2), (2, 'a', 3)");
    const streets: Action = {
      ...{ kind: "update", resource: "street", filter: is("city", "eq", integer(1n)) },
      values: [{ field: "city", value: id }],
    };
    const moved = await execute(streets, { returning: ["city", "name", "length"] });
    expect(moved).toMatchObject({
      rows: [
        ["77", "a", "1"],
        ["77", "b", "2"],
      ],
    });
  });

  test.each([[[]], [["name"]]])(
    "are undone when they touch more rows than the caller allows, giving back %j",
    async (fields) => {
      const options = { maxAffectedRows: 2, returning: fields };
      for (const action of [grow(undefined), { kind: "delete", resource: "city", filter: undefined } as const]) {
        const failure = await refusal(execute(action, options));
        expect(failure).toMatchObject({ kind: "too_many_affected", metadata: { affected_rows: "3" } });
        expect(await cities()).toEqual(before);
      }
      expect(await execute(grow(undefined), { ...options, maxAffectedRows: 3 })).toMatchObject({ affectedRows: 3 });
    },
  );

  test("are undone when they would give back more than an answer holds", async () => {
    const failure = await refusal(execute(grow(undefined), { returning: ["name"], maxBytes: 25 }));
    expect(failure.kind).toBe("too_large");
    expect(await cities()).toEqual(before);
    expect(await execute(grow(undefined))).toMatchObject({ affectedRows: 3 });
  });

  test("are refused where other rows refer to what they remove", async () => {
    await run("INSERT INTO street VALUES (1, 'Bahnhofstrasse', 1)");
    const failure = await refusal(execute({ kind: "delete", resource: "city", filter: is("id", "eq", integer(1n)) }));
    expect(failure).toMatchObject({ kind: "constraint_violated", metadata: { constraint: "street_city" } });
    expect(await cities()).toEqual(before);
  });

  test("leave what the source makes itself to the source", async () => {
    const values = [{ field: "big", value: { kind: "integer", value: 1n } as const }];
    const action: Action = { kind: "update", resource: "city", filter: undefined, values };
    expect(await refusal(execute(action))).toMatchObject({ kind: "statement_rejected", metadata: { field: "big" } });
  });
});

describe("upsert", () => {
  const upsert = (key: readonly string[], ...rows: Operand[][]): Action => {
    return { kind: "upsert", resource: "city", fields: ["id", "name", "people"], rows, key };
  };

  test("changes the rows that are there by their key and inserts the others", async () => {
    const rows = [
      [integer(4n), text("Chur"), none],
      [integer(1n), text("Zürich"), integer(450_000n)],
    ];
    expect(await execute(upsert([], ...rows), { returning: ["id"] })).toMatchObject({
      ...{ affectedRows: 2, rows: [["4"], ["1"]] },
    });
    expect(await execute(upsert(["name"], [integer(3n), text("Bern"), none]))).toMatchObject({ affectedRows: 1 });
    expect(await cities()).toEqual(["1 Zürich 450000", "2 Genève -", "3 Bern -", "4 Chur -"]);
  });

  test("never changes a row by another key than the one that is meant", async () => {
    const failure = await refusal(execute(upsert([], [integer(9n), text("Bern"), none])));
    expect(failure).toMatchObject({ kind: "constraint_violated", metadata: { constraint: "city_name" } });
    const other = await refusal(execute(upsert(["name"], [integer(3n), text("Chur"), none])));
    expect(other).toMatchObject({ kind: "constraint_violated", metadata: { constraint: "PRIMARY" } });
    expect(await cities()).toEqual(before);
  });

  test("knows a row that has nothing but its key, and counts each once", async () => {
    await run("INSERT INTO street VALUES (1, 'Bahnhofstrasse', 7)");
    const rows = [
      [integer(1n), text("Bahnhofstrasse")],
      [integer(2n), text("Quai du Mont-Blanc")],
    ];
    const action: Action = {
      ...{ kind: "upsert", resource: "street", fields: ["city", "name"], rows, key: ["name", "city"] },
    };
    const returning = ["name", "length"];
    expect(await execute(action, { maxAffectedRows: 2, returning })).toMatchObject({
      affectedRows: 2,
      rows: [
        ["Bahnhofstrasse", "7"],
        ["Quai du Mont-Blanc", null],
      ],
    });
    const longer = { ...action, fields: ["city", "name", "length"], rows: rows.map((row) => [...row, integer(9n)]) };
    expect(await execute(longer, { maxAffectedRows: 2 })).toMatchObject({ affectedRows: 2 });
    expect(await run("SELECT SUM(length) FROM street")).toEqual([["18"]]);
    expect(await refusal(execute(longer, { maxAffectedRows: 1 }))).toMatchObject({ kind: "too_many_affected" });
  });

  test("is refused by what is no unique key, without its fields, or with a row twice", async () => {
    expect((await refusal(execute(upsert(["people"], [integer(1n), text("Zürich"), none])))).fields[0]).toMatchObject({
      ...{ field: "upsert.key", description: expect.stringContaining("has no such unique key; it has (id), (name)") },
    });
    const keyless: Action = { kind: "upsert", resource: "city", fields: ["name"], rows: [[text("Bern")]], key: [] };
    expect((await refusal(execute(keyless))).fields[0]?.field).toBe("upsert.fields");
    const twice = upsert([], [integer(1n), text("a"), none], [text("1"), text("b"), none]);
    expect((await refusal(execute(twice))).fields[0]?.field).toBe("upsert.rows[1]");
    expect(await cities()).toEqual(before);
  });
});

test("a dry run says what would be sent and how many rows it would touch, and changes nothing", async () => {
  const dryRun = true;
  const values = [{ field: "area", value: integer(1n) }];
  const update: Action = { kind: "update", resource: "city", filter: is("id", "gt", integer(1n)), values };
  const { affectedRows, statement } = await execute(update, { dryRun });
  expect(affectedRows).toBe(2);
  expect(statement).toMatch(
    /^UPDATE `\w+`.`city` SET `area` = CAST\(\? AS DECIMAL\(65,0\)\) WHERE `id` > CAST\((?:\?|CONVERT\(\? USING utf8mb4\)) AS SIGNED\)$/,
  );
  expect(await execute(newCity([text("Basel"), none], [text("Chur"), none]), { dryRun })).toMatchObject({
    affectedRows: 2,
  });
  expect(await cities()).toEqual(before);
});

test("what can't be undone is not begun", async () => {
  const note: Action = { kind: "create", resource: "note", fields: ["text"], rows: [[text("new")]] };
  for (const dryRun of [true, false]) {
    const failure = await refusal(execute(note, { dryRun }));
    expect(failure).toMatchObject({ kind: "unsupported", message: expect.stringContaining("MyISAM") });
  }
  await run("CREATE OR REPLACE VIEW towns AS SELECT id, name FROM city");
  const view: Action = { kind: "delete", resource: "towns", filter: undefined };
  expect(await refusal(execute(view))).toMatchObject({ kind: "unsupported", message: expect.stringContaining("view") });
  expect([await cities(), await run("SELECT * FROM note")]).toEqual([before, []]);
});

test("what a trigger wrote without a transaction, and was kept, is told", async () => {
  await run("CREATE TRIGGER noted BEFORE INSERT ON city FOR EACH ROW INSERT INTO note VALUES (NEW.name)");
  const failure = await refusal(execute(newCity([text("Basel"), none], [text("Bern"), none])));
  expect(failure.kind).toBe("outcome_unknown");
  expect(await cities()).toEqual(before);
});

test("an action that is given up changes nothing, also when it ends at the source", async () => {
  await run("CREATE TRIGGER dawdle BEFORE INSERT ON city FOR EACH ROW SET @slept = SLEEP(60)");
  const failure = await refusal(execute(newCity([text("Basel"), none]), {}, callFor(300)));
  expect(failure).not.toBeInstanceOf(Failure);
  expect(failure).toMatchObject({ name: "TimeoutError" });
  await expect.poll(source.connected, { timeout: 10_000 }).toBe(0);
  expect(await cities()).toEqual(before);
});

test("what a trigger leaves in the session does not meet the next call", async () => {
  await run(`CREATE TRIGGER litter BEFORE INSERT ON city FOR EACH ROW
    SET NEW.people = IF(@rubbish IS NULL, 0, 1), @rubbish = GET_LOCK('${new URL(source.url).pathname}', 0)`);
  await execute(newCity([text("Basel"), none], [text("Chur"), none]));
  await execute(newCity([text("Biel"), none]));
  expect((await cities()).slice(3)).toEqual(["10 Basel 0", "11 Chur 1", "12 Biel 0"]);
  await execute({ kind: "delete", resource: "city", filter: is("id", "gt", integer(3n)) });
  const free = `SELECT IS_FREE_LOCK('${new URL(source.url).pathname}')`;
  await expect.poll(() => run(free), { timeout: 10_000 }).toEqual([["1"]]);
});
