import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { builtinElements, builtinTypes, formatBuiltin } from "../../../src/providers/postgresql/builtin-types.ts";
import { lookUpResource } from "../../../src/providers/postgresql/catalogue.ts";
import { readSchema } from "../../../src/providers/postgresql/schema.ts";
import { createTypeCatalogue } from "../../../src/providers/postgresql/types.ts";
import { connect, type Database, openDatabase } from "./client.ts";

let database: Database;

beforeAll(async () => {
  database = await openDatabase();
});
afterAll(() => database.close());

const lookUp = (name: string) => lookUpResource(database.run, name, createTypeCatalogue());

describe("names", () => {
  beforeAll(() =>
    database.execute(`
      CREATE SCHEMA sales; CREATE SCHEMA "a.b"; CREATE SCHEMA "Ünï ""q""";
      CREATE TABLE cities (public_one int); CREATE TABLE sales.cities (sales_one int); CREATE TABLE sales.orders (x int);
      CREATE TABLE "Cities" (x int); CREATE TABLE "a.b"."c.d" (x int); CREATE TABLE "Ünï ""q"""."t ""; DROP" (x int)`),
  );

  test("go from GetSchema to a lookup and back", async () => {
    const resources = await readSchema(database.run);
    expect(resources.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["public.Cities", '"a.b"."c.d"', '"Ünï ""q"""."t ""; DROP"']),
    );
    for (const { name, namespace, localName, fields } of resources) {
      const found = await lookUp(name);
      expect(found.name).toBe(name);
      expect(found.fields.map((field) => field.name)).toEqual(fields.map((field) => field.name));
      const [row] = await database.run(
        "SELECT nspname, relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE c.oid = $1::oid",
        [String(found.oid)],
      );
      expect(row).toEqual([namespace, localName]);
      await database.run(`SELECT * FROM ${found.sqlName}`, []);
    }
  });

  test("without a namespace follow the search path", async () => {
    expect((await lookUp("cities")).name).toBe("public.cities");
    const other = await connect(database.url);
    await other.execute("SET search_path = sales, public");
    expect((await lookUpResource(other.run, "cities", createTypeCatalogue())).name).toBe("sales.cities");
    await other.close();
  });

  test.each([
    ["citties", "public.cities"],
    ["CITIES", "public.Cities"],
    ["publc.cities", "public.cities"],
    ["public.orders", "sales.orders"],
    ["order", "sales.orders"],
  ])("%s is unknown, and %s is offered", async (asked, offered) => {
    await expect(lookUp(asked)).rejects.toMatchObject({
      kind: "unknown_resource",
      message: expect.stringContaining(`\`${offered}\``),
      fields: [{ field: "query.resource" }],
    });
  });

  test.each([
    "",
    ".",
    "a.",
    ".a",
    "a.b.c",
    '"a',
    'a"b',
    '"',
    "cities; DROP TABLE cities",
    "x' OR '1'='1",
    "a\0b",
    "x".repeat(512),
  ])("%j is unknown, too", async (name) => {
    await expect(lookUp(name)).rejects.toMatchObject({ kind: "unknown_resource" });
  });

  test("what is there and may not be read is said to be", async () => {
    const role = `reader_${crypto.randomUUID().slice(0, 8)}`;
    await database.execute(
      `CREATE ROLE ${role}; CREATE TABLE part (a int PRIMARY KEY, b int); GRANT SELECT (b) ON part TO ${role}`,
    );
    const reader = await connect(database.url);
    await reader.execute(`SET ROLE ${role}`);
    await expect(lookUpResource(reader.run, "cities", createTypeCatalogue())).rejects.toMatchObject({
      kind: "upstream_permission_denied",
    });
    const part = await lookUpResource(reader.run, "part", createTypeCatalogue());
    expect(part).toMatchObject({ fields: [{ name: "b" }], primaryKey: ["a"], keys: [] });
    await reader.close();
    await database.execute(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  });
});

test("only keys that hold for every row at every moment serve paging", async () => {
  await database.execute(`
    CREATE TABLE keyed (
      a int PRIMARY KEY, b int NOT NULL, c int UNIQUE, d int NOT NULL UNIQUE DEFERRABLE, e text NOT NULL,
      f int NOT NULL, g json, h text NOT NULL UNIQUE, UNIQUE (b, f)
    );
    CREATE UNIQUE INDEX ON keyed (b) WHERE f > 0;
    CREATE UNIQUE INDEX ON keyed (lower(e));
    CREATE UNIQUE INDEX ON keyed (e COLLATE "POSIX");
    CREATE UNIQUE INDEX ON keyed (f) INCLUDE (b);
    CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE child () INHERITS (parent);
    CREATE TABLE deferred (id int PRIMARY KEY DEFERRABLE);
    CREATE TABLE parts (id int, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
    CREATE VIEW keyed_view AS SELECT * FROM keyed`);
  const keysOf = async (name: string) => (await lookUp(name)).keys;
  expect(await keysOf("keyed")).toEqual([["a"], ["h"], ["f"], ["b", "f"]]);
  expect(await keysOf("parent")).toEqual([]);
  expect(await keysOf("deferred")).toEqual([]);
  expect(await keysOf("parts")).toEqual([["id", "at"]]);
  expect(await keysOf("keyed_view")).toEqual([]);
  expect((await lookUp("deferred")).primaryKey).toEqual(["id"]);
});

describe("types", () => {
  test("that are built in are known as the server knows them", async () => {
    const rows = await database.run(
      "SELECT oid, typarray, format_type(oid, NULL), format_type(typarray, NULL) FROM pg_type WHERE oid = ANY($1::oid[])",
      [`{${[...builtinTypes.keys()].join(",")}}`],
    );
    expect(rows).toHaveLength(builtinTypes.size);
    for (const [oid, array, name, arrayName] of rows) {
      expect(builtinElements.get(Number(array))).toBe(Number(oid));
      expect(name?.replace(/^character$/, "bpchar").replace(/^bit$/, '"bit"')).toBe(formatBuiltin(Number(oid), -1));
      expect(arrayName?.replace(/^character\[/, "bpchar[").replace(/^bit\[/, '"bit"[')).toBe(
        formatBuiltin(Number(array), -1),
      );
    }
  });

  test("have the server's names, with modifiers", async () => {
    const types = [
      "numeric(10,2)",
      "numeric(3,-5)",
      "varchar(7)",
      "char(3)",
      "bit(4)",
      "bit varying(4)",
      "timestamp(0)",
      "timestamptz(3)",
      "time(6)",
      "timetz(1)",
      "interval(2)",
      "interval day to second(3)",
      "numeric(5,2)[]",
      "char(3)[]",
      "bpchar",
      "text[]",
      "oidvector",
    ];
    await database.execute(`CREATE TABLE modified (${types.map((type, i) => `c${i} ${type}`).join(", ")})`);
    const rows = await database.run(
      "SELECT atttypid, atttypmod, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'modified'::regclass AND attnum > 0 ORDER BY attnum",
      [],
    );
    const columns = rows.map(([oid, typmod]) => ({ typeOid: Number(oid), typmod: Number(typmod) }));
    const described = await createTypeCatalogue().describe(database.run, columns);
    expect(described.map(({ nativeType }) => nativeType)).toEqual(rows.map(([, , name]) => name));
  });

  test("of a user's own are looked up once", async () => {
    await database.execute(`
      CREATE TYPE mood AS ENUM ('a'); CREATE DOMAIN few AS mood[]; CREATE DOMAIN fewer AS few;
      CREATE TYPE pair AS (a int); CREATE TYPE span AS RANGE (subtype = float8);
      CREATE TABLE own (m mood, ms mood[], f fewer, fs few[], p pair, ps pair[], s span, ss span_multirange[], i int[])`);
    const rows = await database.run(
      "SELECT atttypid FROM pg_attribute WHERE attrelid = 'own'::regclass AND attnum > 0 ORDER BY attnum",
      [],
    );
    const columns = rows.map(([oid]) => ({ typeOid: Number(oid), typmod: -1 }));
    const types = createTypeCatalogue();
    const found = await types.describe(database.run, columns);
    expect(found.map(({ type, elementType, nativeType }) => [nativeType, type, elementType])).toEqual([
      ["mood", "enum", undefined],
      ["mood[]", "array", "enum"],
      ["fewer", "array", "enum"],
      ["few[]", "array", "array"],
      ["pair", "struct", undefined],
      ["pair[]", "array", "struct"],
      ["span", "other", undefined],
      ["span_multirange[]", "array", "other"],
      ["integer[]", "array", "int32"],
    ]);
    const before = database.statements();
    await types.describe(database.run, columns);
    expect(database.statements()).toBe(before);
  });
});
