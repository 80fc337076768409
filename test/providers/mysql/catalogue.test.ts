import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { lookUpResource, type MysqlResource } from "../../../src/providers/mysql/catalogue.ts";
import { readSchema } from "../../../src/providers/mysql/schema.ts";
import { newMysqlLogin } from "../../support/mariadb.ts";
import { isMariadb } from "../../support/mysql-server.ts";
import { connect, type Database, openDatabase, type Reader } from "./client.ts";

let database: Database;

beforeAll(async () => {
  database = await openDatabase();
});
afterAll(() => database.close());

const lookUp = (name: string, { run, server }: Reader = database): Promise<MysqlResource> =>
  lookUpResource(run, name, { database: database.name, server });

/** 64 characters, and whatever a name may hold. */
const longest = "ß".repeat(64);
const oddNames = ["a.b", 'q"uote', "back`tick", "it's", "sp ace", "日本", "per%cent_", "se;mi -- colon", longest];
const quoted = (name: string) => `\`${name.replaceAll("`", "``")}\``;

describe("names", () => {
  beforeAll(() =>
    database.execute(`
      CREATE TABLE cities (id int); CREATE TABLE Cities (other int); CREATE TABLE countries (id int);
      CREATE VIEW big_cities AS SELECT id FROM cities; ${isMariadb ? "CREATE SEQUENCE numbers;" : ""}
      ${oddNames.map((name) => `CREATE TABLE ${quoted(name)} (${quoted(name)} int);`).join("")}`),
  );

  test("go from GetSchema to a lookup and back, whatever they hold", async () => {
    const resources = await readSchema(database.run, { database: database.name, server: database.server });
    expect(resources.map(({ localName }) => localName)).toEqual(expect.arrayContaining(oddNames));
    for (const { name, localName, fields } of resources) {
      const found = await lookUp(name);
      expect(found.name).toBe(name);
      expect(found.fields.map((field) => field.name)).toEqual(fields.map((field) => field.name));
      if (oddNames.includes(localName)) expect(fields.map((field) => field.name)).toEqual([localName]);
      await database.run(`SELECT ${quoted(fields[0]?.name ?? "")} FROM ${found.sqlName}`, []);
    }
  });

  test("without a database are those of the connector's, and capitals count", async () => {
    expect(await lookUp("cities")).toMatchObject({ name: `${database.name}.cities`, fields: [{ name: "id" }] });
    expect(await lookUp("Cities")).toMatchObject({ name: `${database.name}.Cities`, fields: [{ name: "other" }] });
    expect(await lookUp("big_cities")).toMatchObject({ kind: "view", keys: [] });
  });

  test.each([
    ["citties", "cities"],
    ["CITIES", "Cities"],
    ["countris", "countries"],
    ["shop.cities", "cities"],
    ["number", undefined],
  ])("%s is unknown, and %s is offered", async (asked, offered) => {
    await expect(lookUp(asked)).rejects.toMatchObject({
      kind: "unknown_resource",
      message:
        offered === undefined
          ? expect.not.stringContaining("Did you mean")
          : expect.stringContaining(`\`${database.name}.${offered}\``),
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
    "`cities`",
    "cities ",
    "çities",
    "cities; DROP TABLE cities",
    "x' OR '1'='1",
    "a\0b",
    "%",
    "c_ties",
    "cities😀",
    "information_schema.tables",
    "mysql.user",
    "numbers",
    "x".repeat(512),
  ])("%j is unknown, too", async (name) => {
    await expect(lookUp(name)).rejects.toMatchObject({ kind: "unknown_resource" });
  });

  test("in a database of the server's own there are none", async () => {
    const { run, server } = database;
    for (const own of ["mysql", "information_schema", "performance_schema", "sys"]) {
      expect(await readSchema(run, { database: own, server })).toEqual([]);
      await expect(lookUpResource(run, "user", { database: own, server })).rejects.toMatchObject({
        kind: "statement_rejected",
      });
    }
  });
});

describe("what the user may not read", () => {
  test("is said to be there; of a table it may read in part, that part is known, and no key of it", async () => {
    await database.execute(`
      CREATE TABLE part (a int PRIMARY KEY, b int NOT NULL, c int NOT NULL, UNIQUE KEY (b, c), UNIQUE KEY (b));
      CREATE TABLE closed (a int);
      CREATE TABLE lost (a int); CREATE VIEW broken AS SELECT a FROM lost; DROP TABLE lost`);
    const login = await newMysqlLogin(database.url, "x", [
      `SELECT (b) ON ${database.name}.part`,
      `INSERT ON ${database.name}.closed`,
    ]);
    const reader = await connect(login.url);
    await expect(lookUp("closed", reader)).rejects.toMatchObject({ kind: "upstream_permission_denied" });
    expect(await lookUp("part", reader)).toMatchObject({ fields: [{ name: "b" }], keys: [["b"]] });
    await reader.close();
    await login.drop();
    await expect(lookUp("broken")).rejects.toMatchObject({
      kind: "upstream_permission_denied",
      message: expect.stringContaining("not there any more"),
    });
  });
});

test("only keys that hold for every row, whole and in order, serve paging", async () => {
  await database.execute(`
    CREATE TABLE keyed (
      a int PRIMARY KEY, b int NOT NULL, c int UNIQUE, d varchar(20) NOT NULL, e text NOT NULL, f int NOT NULL,
      g point NOT NULL, h char(4) NOT NULL UNIQUE,
      UNIQUE KEY pair (f, b), UNIQUE KEY prefix (d(5)), UNIQUE KEY partly (b, d(5)), UNIQUE KEY nullable (b, c),
      ${isMariadb ? "UNIQUE KEY hashed (e)" : "UNIQUE KEY expressed ((a + b))"}
    );
    CREATE TABLE parts (id int, at date, PRIMARY KEY (at, id)) PARTITION BY HASH (id) PARTITIONS 3;
    CREATE TABLE kept (id int PRIMARY KEY) ${isMariadb ? "WITH SYSTEM VERSIONING" : ""};
    CREATE TABLE m1 (id int PRIMARY KEY) ENGINE = MyISAM; CREATE TABLE m2 (id int PRIMARY KEY) ENGINE = MyISAM;
    CREATE TABLE merged (id int PRIMARY KEY) ENGINE = MERGE UNION = (m1, m2);
    CREATE VIEW keyed_view AS SELECT * FROM keyed`);
  const keysOf = async (name: string) => (await lookUp(name)).keys;
  expect(await keysOf("keyed")).toEqual([["a"], ["h"], ["f", "b"]]);
  expect(await keysOf("parts")).toEqual([["at", "id"]]);
  expect(await keysOf("kept")).toEqual([["id"]]);
  expect(await keysOf("merged")).toEqual([]);
  expect(await keysOf("keyed_view")).toEqual([]);
  expect(await lookUp("parts")).toMatchObject({ kind: "partitioned_table", primaryKey: ["at", "id"] });
  expect((await lookUp("merged")).primaryKey).toEqual(["id"]);
});

test("invisible and generated columns are fields, and what a check holds to JSON is JSON", async () => {
  await database.execute(`
    CREATE TABLE columned (
      a int, b int INVISIBLE DEFAULT 1, c int AS (a + 1) VIRTUAL, d int AS (a + 2) STORED, j json,
      k varchar(50) CHECK (json_valid(k)), l text CHECK (json_valid(l) AND l <> ''), m text, \`n\`\`n\` json
    )`);
  const { fields } = await lookUp("columned");
  expect(fields.map(({ name, type }) => `${name} ${type}`)).toEqual([
    "a int32",
    "b int32",
    "c int32",
    "d int32",
    "j json",
    // MySQL has a type for it.
    isMariadb ? "k json" : "k string",
    "l string",
    "m string",
    "n`n json",
  ]);
});
