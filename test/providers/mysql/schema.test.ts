import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Resource } from "../../../src/providers/contract/resource.ts";
import type { TableColumn } from "../../../src/providers/mysql/catalogue-columns.ts";
import { defaultOf, isGenerated } from "../../../src/providers/mysql/defaults.ts";
import { readSchema } from "../../../src/providers/mysql/schema.ts";
import { newMysqlLogin } from "../../support/mariadb.ts";
import { isMariadb } from "../../support/mysql-server.ts";
import { scaled } from "../../torture/scale.ts";
import { connect, type Database, openDatabase, type Reader } from "./client.ts";

let database: Database;

beforeAll(async () => {
  database = await openDatabase();
});
afterAll(() => database.close());

const schemaOf = ({ run, server }: Reader): Promise<Resource[]> => readSchema(run, { database: database.name, server });

describe("a database with one of everything", () => {
  let resources: Map<string, Resource>;

  beforeAll(async () => {
    await database.execute(`
      CREATE TABLE country (code char(2) COMMENT 'ISO 3166', name varchar(80) NOT NULL UNIQUE, PRIMARY KEY (code))
        COMMENT 'A country';
      INSERT INTO country VALUES ('CH', 'Switzerland'), ('FR', 'France');
      CREATE TABLE city (
        id bigint unsigned NOT NULL AUTO_INCREMENT,
        name varchar(50) DEFAULT 'it''s \\\\',
        country char(2) REFERENCES country (code),
        price decimal(10,2) DEFAULT 1.50,
        doubled decimal(12,2) GENERATED ALWAYS AS (price * 2) STORED,
        shown varchar(60) AS (concat(name, '!')) VIRTUAL,
        hidden int INVISIBLE DEFAULT -3,
        mood enum('sad','it''s ok','a,b') NOT NULL,
        tags set('x','y'),
        facts json,
        at timestamp(3) NULL DEFAULT current_timestamp(3) ON UPDATE current_timestamp(3),
        made datetime DEFAULT now(),
        bits bit(3) DEFAULT b'101',
        sum int DEFAULT (1 + 2),
        nothing int DEFAULT NULL,
        place point NOT NULL,
        PRIMARY KEY (id),
        UNIQUE KEY by_name (country, name(10)),
        KEY cheap (price DESC, mood),
        KEY unused (mood) ${isMariadb ? "IGNORED" : "INVISIBLE"},
        FULLTEXT KEY words (name),
        SPATIAL KEY places (place),
        CONSTRAINT home FOREIGN KEY (country) REFERENCES country (code)
      );
      CREATE TABLE pair (a int, b int, c int, d int, PRIMARY KEY (b, a),
        CONSTRAINT self FOREIGN KEY (c, d) REFERENCES pair (b, a));
      CREATE VIEW cheap_city AS SELECT id, name FROM city WHERE price < 10;
      CREATE TABLE lost (a int); CREATE VIEW broken AS SELECT a FROM lost; DROP TABLE lost;
      CREATE TABLE measured (at date NOT NULL, v int) PARTITION BY RANGE (year(at))
        (PARTITION p2025 VALUES LESS THAN (2026), PARTITION rest VALUES LESS THAN MAXVALUE);
      INSERT INTO measured VALUES ('2025-01-01', 1), ('2026-01-01', 2), ('2027-01-01', 3);
      CREATE TABLE kept (id int PRIMARY KEY) ${isMariadb ? "WITH SYSTEM VERSIONING; CREATE SEQUENCE numbers" : ""};
      ANALYZE TABLE country, measured`);
    resources = new Map((await schemaOf(database)).map((resource) => [resource.localName, resource]));
  });

  test("lists tables and views by name, and neither sequences nor views of what is gone", () => {
    expect([...resources].map(([name, { kind }]) => [name, kind])).toEqual([
      ["cheap_city", "view"],
      ["city", "table"],
      ["country", "table"],
      ["kept", "table"],
      ["measured", "partitioned_table"],
      ["pair", "table"],
    ]);
    expect(resources.get("city")).toMatchObject({ name: `${database.name}.city`, namespace: database.name });
  });

  test("gives columns their exact types, nullability, defaults, labels and members", () => {
    const city = resources.get("city");
    const row = (name: string) => {
      const field = city?.fields.find((candidate) => candidate.name === name);
      return [field?.type, field?.nativeType, field?.nullable, field?.defaultExpression, field?.generated];
    };
    expect(row("id")).toEqual(["uint64", "bigint unsigned", false, "", false]);
    expect(row("name")).toEqual(["string", "varchar(50)", true, "'it''s \\\\'", false]);
    expect(row("price")).toEqual(["decimal", "decimal(10,2)", true, "1.50", false]);
    expect(row("doubled")).toEqual([
      "decimal",
      "decimal(12,2)",
      true,
      isMariadb ? "`price` * 2" : "(`price` * 2)",
      true,
    ]);
    expect(row("shown")).toEqual(["string", "varchar(60)", true, "concat(`name`,'!')", true]);
    expect(row("hidden")).toEqual(["int32", "int", true, "-3", false]);
    expect(row("facts")).toEqual(["json", "json", true, "", false]);
    expect(row("at")).toEqual(["timestamp_tz", "timestamp(3)", true, "current_timestamp(3)", false]);
    expect(row("made")).toEqual(["timestamp", "datetime", true, "current_timestamp()", false]);
    expect(row("bits")).toEqual(["other", "bit(3)", true, "b'101'", false]);
    expect(row("sum")).toEqual(["int32", "int", true, "(1 + 2)", false]);
    expect(row("nothing")).toEqual(["int32", "int", true, "", false]);
    expect(row("place")).toEqual(["bytes", "point", false, "", false]);
    const labels = (name: string) => city?.fields.find((field) => field.name === name)?.enumLabels;
    expect(labels("mood")).toEqual(["sad", "it's ok", "a,b"]);
    expect(labels("tags")).toEqual(["x", "y"]);
    expect(labels("name")).toEqual([]);
  });

  test("gives keys, indexes, references and comments", () => {
    const city = resources.get("city");
    expect(city?.primaryKey).toEqual(["id"]);
    expect(city?.uniqueKeys).toEqual([{ name: "by_name", fields: ["country", "name"] }]);
    const plain = { unique: false, method: "btree", predicate: "", ignored: false };
    expect(city?.indexes).toEqual([
      { ...plain, name: "by_name", keys: ["country", "name(10)"], unique: true },
      { ...plain, name: "cheap", keys: ["price DESC", "mood"] },
      { ...plain, name: "places", keys: ["place"], method: "spatial" },
      { ...plain, name: "PRIMARY", keys: ["id"], unique: true },
      { ...plain, name: "unused", keys: ["mood"], ignored: true },
      { ...plain, name: "words", keys: ["name"], method: "fulltext" },
    ]);
    const references = `${database.name}.country`;
    expect(city?.foreignKeys).toContainEqual({
      ...{ name: "home", fields: ["country"], references, referencedFields: ["code"] },
    });
    expect(resources.get("pair")).toMatchObject({
      primaryKey: ["b", "a"],
      foreignKeys: [
        { name: "self", fields: ["c", "d"], references: `${database.name}.pair`, referencedFields: ["b", "a"] },
      ],
    });
    expect(resources.get("country")).toMatchObject({ comment: "A country", fields: [{ comment: "ISO 3166" }, {}] });
    expect(resources.get("cheap_city")).toMatchObject({ comment: "", primaryKey: [], indexes: [] });
  });

  test("estimates rows, of all parts of a partitioned table, and of a view not at all", () => {
    const rows = (name: string) => resources.get(name)?.estimatedRows;
    expect(rows("country")).toBe(2);
    expect(rows("measured")).toBe(3);
    expect(rows("cheap_city")).toBeUndefined();
  });

  test("shows a user only what it may select, by a role, too", async () => {
    const role = `role_${crypto.randomUUID().slice(0, 8)}`;
    const login = await newMysqlLogin(database.url, "x", [
      `SELECT (name), INSERT ON ${database.name}.city`,
      `UPDATE ON ${database.name}.measured`,
    ]);
    await database.execute(`CREATE ROLE ${role}; GRANT SELECT ON country TO ${role}; GRANT ${role} TO ${login.user};
      SET DEFAULT ROLE ${role} ${isMariadb ? "FOR" : "TO"} ${login.user}`);
    const reader = await connect(login.url);
    const seen = await schemaOf(reader);
    await reader.close();
    await login.drop();
    await database.execute(`DROP ROLE ${role}`);
    expect(seen.map(({ localName, fields }) => [localName, fields.map((field) => field.name)])).toEqual([
      ["city", ["name"]],
      ["country", ["code", "name"]],
    ]);
  });
});

describe("defaults as MySQL tells them", () => {
  const column: TableColumn = {
    ...{ table: "t", name: "c", dataType: "varchar", columnType: "varchar(9)", nullable: true },
    ...{ characterSet: "utf8mb4", collation: null, defaultText: null, generation: "", extra: "", comment: "" },
  };

  test.each<[string, Partial<TableColumn>, string]>([
    ["none", {}, ""],
    ["a text", { defaultText: "it's \\" }, "'it''s \\\\'"],
    ["a text that looks like a number", { defaultText: "1" }, "'1'"],
    ["a text that looks like a function", { defaultText: "CURRENT_TIMESTAMP" }, "'CURRENT_TIMESTAMP'"],
    ["an empty text", { defaultText: "" }, "''"],
    ["a number", { dataType: "decimal", defaultText: "1.50" }, "1.50"],
    ["bits", { dataType: "bit", defaultText: "b'101'" }, "b'101'"],
    ["bytes", { dataType: "binary", defaultText: "0x6100" }, "0x6100"],
    ["a date", { dataType: "date", defaultText: "2020-01-01" }, "'2020-01-01'"],
    ["a label", { dataType: "enum", defaultText: "sad" }, "'sad'"],
    [
      "the time",
      { dataType: "timestamp", defaultText: "CURRENT_TIMESTAMP(3)", extra: "DEFAULT_GENERATED" },
      "current_timestamp(3)",
    ],
    ["the time as it was told once", { dataType: "datetime", defaultText: "CURRENT_TIMESTAMP" }, "current_timestamp()"],
    ["an expression", { defaultText: "concat(_utf8mb4\\'a\\',`b`)", extra: "DEFAULT_GENERATED" }, "concat('a',`b`)"],
    [
      "what is generated",
      { generation: "concat(`a`,_utf8mb4\\'\\\\\\\\\\')", extra: "STORED GENERATED" },
      "concat(`a`,'\\\\')",
    ],
  ])("have one form: %s", (_, told, expected) => {
    expect(defaultOf({ ...column, ...told }, false)).toBe(expected);
  });

  test("are not what generates a column", () => {
    expect(isGenerated({ ...column, extra: "DEFAULT_GENERATED on update CURRENT_TIMESTAMP" })).toBe(false);
    expect(isGenerated({ ...column, extra: "auto_increment" })).toBe(false);
    expect(isGenerated({ ...column, extra: "VIRTUAL GENERATED INVISIBLE" })).toBe(true);
  });
});

// Each is a file of its own, which a server waits for.
const tables = scaled({ test: 100, torture: 1_000 });

test(`${tables} tables take no more statements than one`, async () => {
  const other = await openDatabase();
  const statementsFor = async () => {
    const before = other.statements();
    const resources = await readSchema(other.run, { database: other.name, server: other.server });
    return { resources: resources.length, statements: other.statements() - before };
  };
  try {
    await other.execute("CREATE TABLE t0 (id int PRIMARY KEY, v text)");
    const one = await statementsFor();
    const more = Array.from({ length: tables - 1 }, (_, i) => `CREATE TABLE t${i + 1} (id int PRIMARY KEY, v json)`);
    await other.execute(more.join(";"));
    expect(await statementsFor()).toEqual({ resources: tables, statements: one.statements });
    expect(one).toEqual({ resources: 1, statements: other.server.isMariaDb ? 5 : 4 });
  } finally {
    await other.close();
  }
});
