/** Actions at a real PostgreSQL: all of one is done, or nothing, and what came of it is told right. */
import { describe, expect, test } from "vitest";
import { Failure } from "../../../src/failure.ts";
import type { Action } from "../../../src/providers/contract/action.ts";
import type { Comparison, Operand } from "../../../src/providers/contract.ts";
import { before, integer, is, newCity, none, refusal, text } from "../sql/acting.ts";
import { callFor } from "../sql/asking.ts";
import { acting } from "./acting.ts";

const owned = acting();
const { execute, cities, run } = owned;

describe("create", () => {
  test("inserts rows and gives back what was asked for, generated keys among it", async () => {
    const created = await execute(newCity([text("Basel"), integer(177_595n)], [text("Chur"), none]), {
      returning: ["id", "name", "big"],
    });
    expect(created).toEqual({
      affectedRows: 2,
      statement: "",
      rows: [
        ["10", "Basel", "f"],
        ["11", "Chur", null],
      ],
    });
    expect(await cities()).toEqual([...before, "10 Basel 177595", "11 Chur -"]);
  });

  test("takes more rows than one statement has parameters for, all or none", async () => {
    const rows = Array.from({ length: 10_000 }, (_, i) => [
      text(`place ${i}`),
      integer(BigInt(i)),
      none,
      integer(BigInt(1_000 + i)),
    ]);
    const many = (given: Operand[][]): Action => ({
      ...{ kind: "create", resource: "public.city", fields: ["name", "people", "area", "id"], rows: given },
    });
    const bad = [...rows.slice(0, -1), [text("Bern"), none, none, integer(99_999n)]];
    expect(await refusal(execute(many(bad)))).toMatchObject({ kind: "constraint_violated" });
    expect(await cities()).toEqual(before);
    expect(await execute(many(rows), { returning: ["id"] })).toMatchObject({ affectedRows: 10_000 });
    expect(await run("SELECT sum(people)::text AS sum FROM city WHERE id >= 1000")).toEqual([{ sum: "49995000" }]);
  });

  test.each([
    ["a unique key", [text("Bern"), none], { constraint: "city_name_key" }],
    ["a check", [text("Chur"), integer(-1n)], { constraint: "city_people_check" }],
  ])("is refused whole by %s, which is named", async (_, row, metadata) => {
    const failure = await refusal(execute(newCity([text("Basel"), none], row)));
    expect(failure).toMatchObject({ kind: "constraint_violated", metadata });
    expect(failure.message).not.toContain("Bern");
    expect(await cities()).toEqual(before);
    // The one connection is as good as before.
    expect(await execute(newCity([text("Basel"), none]))).toMatchObject({ affectedRows: 1 });
  });

  test("names the value that does not fit, before anything is sent", async () => {
    const wrong: [Action, string][] = [
      [newCity([text("Basel"), text("many")]), "create.rows[0].values[1]"],
      [newCity([text("Basel"), none], [text("Chur")]), "create.rows[1].values"],
      [newCity([none, none]), "create.rows[0].values[0]"],
      [
        { kind: "create", resource: "city", fields: ["name", "peple"], rows: [[text("Basel"), none]] },
        "create.fields[1]",
      ],
    ];
    for (const [action, field] of wrong) {
      expect((await refusal(execute(action))).fields[0]?.field).toBe(field);
    }
    expect(await cities()).toEqual(before);
  });
});

describe("update and delete", () => {
  const grow = (filter: Comparison | undefined): Action => {
    return { kind: "update", resource: "city", filter, values: [{ field: "people", value: integer(500_000n) }] };
  };

  test("touch the rows that the filter selects", async () => {
    expect(await execute(grow(is("name", "starts_with", text("Z"))), { returning: ["name", "people"] })).toEqual({
      ...{ affectedRows: 1, statement: "", rows: [["Zürich", "500000"]] },
    });
    expect(await execute({ kind: "delete", resource: "city", filter: is("people", "is_null") })).toMatchObject({
      affectedRows: 1,
    });
    expect(await cities()).toEqual(["1 Zürich 500000", "3 Bern 134794"]);
  });

  test("touch every row without one", async () => {
    expect(await execute(grow(undefined))).toMatchObject({ affectedRows: 3 });
    expect(await execute({ kind: "delete", resource: "city", filter: undefined })).toMatchObject({ affectedRows: 3 });
    expect(await cities()).toEqual([]);
  });

  test("are undone when they touch more rows than the caller allows", async () => {
    const failure = await refusal(execute(grow(undefined), { maxAffectedRows: 2 }));
    expect(failure).toMatchObject({ kind: "too_many_affected", metadata: { affected_rows: "3" } });
    expect(await cities()).toEqual(before);
    expect(await execute(grow(undefined), { maxAffectedRows: 3 })).toMatchObject({ affectedRows: 3 });
  });

  test("are undone when they would give back more than an answer holds", async () => {
    const failure = await refusal(execute(grow(undefined), { returning: ["name"], maxBytes: 10 }));
    expect(failure.kind).toBe("too_large");
    expect(await cities()).toEqual(before);
  });

  test("are refused where other rows refer to what they remove", async () => {
    await run("INSERT INTO street VALUES (1, 'Bahnhofstrasse')");
    const failure = await refusal(execute({ kind: "delete", resource: "city", filter: is("id", "eq", integer(1n)) }));
    expect(failure).toMatchObject({ kind: "constraint_violated", metadata: { constraint: "street_city_fkey" } });
    expect(await cities()).toEqual(before);
  });

  test("leave what the source makes itself to the source", async () => {
    const big = { kind: "bool", value: true } as const;
    const action: Action = {
      kind: "update",
      resource: "city",
      filter: undefined,
      values: [{ field: "big", value: big }],
    };
    expect(await refusal(execute(action))).toMatchObject({ kind: "statement_rejected", status: "428C9" });
  });
});

describe("upsert", () => {
  const upsert = (key: readonly string[], ...rows: Operand[][]): Action => {
    return { kind: "upsert", resource: "city", fields: ["id", "name", "people"], rows, key };
  };

  test("changes the rows that are there by their key and inserts the others", async () => {
    const rows = [
      [integer(1n), text("Zürich"), integer(450_000n)],
      [integer(4n), text("Chur"), none],
    ];
    expect(await execute(upsert([], ...rows), { returning: ["id"] })).toMatchObject({
      affectedRows: 2,
      rows: [["1"], ["4"]],
    });
    expect(await execute(upsert(["name"], [integer(3n), text("Bern"), none]))).toMatchObject({ affectedRows: 1 });
    expect(await cities()).toEqual(["1 Zürich 450000", "2 Genève -", "3 Bern -", "4 Chur -"]);
  });

  test("knows a row that has nothing but its key", async () => {
    await run("INSERT INTO street VALUES (1, 'Bahnhofstrasse')");
    const rows = [
      [integer(1n), text("Bahnhofstrasse")],
      [integer(2n), text("Quai du Mont-Blanc")],
    ];
    const action: Action = {
      kind: "upsert",
      resource: "street",
      fields: ["city", "name"],
      rows,
      key: ["name", "city"],
    };
    expect(await execute(action)).toMatchObject({ affectedRows: 2 });
  });

  test("is refused by what is no unique key, or without its fields", async () => {
    expect((await refusal(execute(upsert(["people"], [integer(1n), text("Zürich"), none])))).fields[0]).toEqual({
      ...{ field: "upsert.key", description: "`public.city` has no such unique key; it has (id), (name)" },
    });
    const keyless: Action = { kind: "upsert", resource: "city", fields: ["name"], rows: [[text("Bern")]], key: [] };
    expect((await refusal(execute(keyless))).fields[0]?.field).toBe("upsert.fields");
  });
});

test("a dry run says what would be sent and how many rows it would touch, and changes nothing", async () => {
  const dryRun = true;
  const update: Action = {
    ...{ kind: "update", resource: "city" },
    filter: is("id", "gt", integer(1n)),
    values: [{ field: "area", value: none }],
  };
  expect(await execute(update, { dryRun })).toEqual({
    affectedRows: 2,
    statement: 'UPDATE "public"."city" SET "area" = NULL::numeric WHERE "id" > $1::int4',
    rows: [],
  });
  expect(await execute(newCity([text("Basel"), none], [text("Chur"), none]), { dryRun })).toMatchObject({
    affectedRows: 2,
  });
  expect(await cities()).toEqual(before);
});

test("an action that is given up changes nothing, also when it ends at the source", async () => {
  await run(`
    CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(60); RETURN NEW; END $$;
    CREATE TRIGGER dawdle BEFORE INSERT ON city FOR EACH ROW EXECUTE FUNCTION dawdle()`);
  const failure = await refusal(execute(newCity([text("Basel"), none]), {}, callFor(300)));
  expect(failure).not.toBeInstanceOf(Failure);
  expect(failure).toMatchObject({ name: "TimeoutError" });
  const waiting =
    "SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
  await expect.poll(() => run(waiting)).toEqual([{ n: 0 }]);
  expect(await cities()).toEqual(before);
});

test("what a trigger leaves in the session does not meet the next call", async () => {
  await run(`
    CREATE FUNCTION litter() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      PERFORM set_config('my.secret', 'left behind', false);
      PERFORM pg_advisory_lock(42);
      CREATE TEMPORARY TABLE IF NOT EXISTS rubbish (a int);
      RETURN NEW;
    END $$;
    CREATE TRIGGER litter BEFORE INSERT ON city FOR EACH ROW EXECUTE FUNCTION litter()`);
  const backend = async () =>
    (await execute(newCity([text(crypto.randomUUID()), none]), { returning: ["id"] })).affectedRows;
  expect([await backend(), await backend()]).toEqual([1, 1]);
  // The next call takes the same connection when what was left is gone.
  await execute({ kind: "delete", resource: "city", filter: is("id", "gt", integer(3n)) });
  const locks =
    "SELECT count(*)::int AS n FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
  await expect.poll(() => run(locks)).toEqual([{ n: 0 }]);
  const temporary = "SELECT count(*)::int AS n FROM pg_class WHERE relname = 'rubbish'";
  await expect.poll(() => run(temporary)).toEqual([{ n: 0 }]);
});

test("a source that takes no changes says so", async () => {
  await run(`ALTER DATABASE ${owned.name} SET default_transaction_read_only = on`);
  expect(await refusal(execute(newCity([text("Basel"), none])))).toMatchObject({
    ...{ kind: "configuration_rejected", message: expect.stringContaining("takes no changes") },
  });
  await run(`ALTER DATABASE ${owned.name} RESET default_transaction_read_only`);
});
