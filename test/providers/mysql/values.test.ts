/** Every value of MySQL and MariaDB, to the letter, out of the binary protocol. */
import { beforeAll, expect, test } from "vitest";
import { FieldType } from "../../../src/gen/connector/v1/value_pb.js";
import { readCheckedAsJson, readColumns } from "../../../src/providers/mysql/catalogue-columns.ts";
import { fieldOf } from "../../../src/providers/mysql/types.ts";
import { valueTypeOf } from "../../../src/providers/mysql/value-type.ts";
import { freshMysqlDatabase } from "../../support/mariadb.ts";
import { runMysql } from "../../support/mysql-client.ts";
import { isMariadb, numbersUpTo } from "../../support/mysql-server.ts";
import type { FreshDatabase } from "../../support/postgres.ts";
import { open, rest, timeoutMs } from "./opened.ts";
import { columns, generated, tortureRows, tortureTable } from "./torture.ts";

let database: FreshDatabase;

beforeAll(async () => {
  database = await freshMysqlDatabase();
  await runMysql(database.url, tortureTable());
  return () => database.drop();
});

async function read(text: string, ...parameters: string[]) {
  const connection = await open(database.url);
  const reading = connection.read({ text, parameters }, timeoutMs);
  const { rows, error } = await rest(reading);
  expect(error).toBeUndefined();
  return { rows, fields: (await reading.described).map(fieldOf) };
}

const shape = isMariadb ? "$&" : "geometry";
const vector = isMariadb ? "varbinary(12)" : "vector";
const names = ["n", ...columns.map(({ name }) => name), ...generated.map(({ name }) => name)];
const all = `SELECT ${names.map((name) => `\`${name}\``).join(", ")} FROM torture ORDER BY n`;

test("every cell is what was written", async () => {
  const { rows } = await read(all);
  const expected = tortureRows();
  for (const [i, name] of names.entries()) {
    expect([name, ...rows.map((row) => row[i])]).toEqual([name, ...expected.map((row) => row[i])]);
  }
});

test("every field tells the contract's type, and the source's own words for it", async () => {
  const { fields } = await read(all);
  const expected = [
    { name: "n", type: "int32", nativeType: "int" },
    ...[...columns, ...generated].map(({ name, fieldType, nativeType }) => ({
      name,
      type: FieldType[fieldType].toLowerCase(),
      // A result tells neither labels nor members, and MySQL's not which geometry it is.
      nativeType: nativeType
        .replace(/^(enum|set)\(.*$/, "$1")
        .replace(/^(?:\w*point|\w*linestring|\w*polygon|geom\w*)$/, shape)
        .replace("vector(3)", vector),
    })),
  ];
  expect(fields).toEqual(expected.map((field) => ({ ...field, nullable: true })));
});

test("the catalogue tells the same types as a result", async () => {
  const connection = await open(database.url);
  const run = (text: string, parameters: readonly (string | null)[]) =>
    connection.rows({ text, parameters: [...parameters] }, timeoutMs);
  const inTable = new URL(database.url).pathname.slice(1);
  const found = await readColumns(run, "c.table_schema = ? AND c.table_name = 'torture'", [inTable]);
  const checked = isMariadb ? await readCheckedAsJson(run, "k.table_name = 'torture'", [inTable]) : undefined;
  const types = found.map((column) => ({
    ...column,
    ...valueTypeOf({ ...column, isJson: checked?.has(column) ?? false, isMariaDb: isMariadb }),
  }));
  const described = new Map(types.map(({ name, type, nativeType }) => [name, [type, nativeType]]));
  for (const { name, fieldType, nativeType } of [...columns, ...generated]) {
    const shown = nativeType.replace("🦉", "?");
    expect([name, ...(described.get(name) ?? [])]).toEqual([name, FieldType[fieldType].toLowerCase(), shown]);
  }
});

test("expressions have the types of their values", async () => {
  // Whole numbers of expressions are large ones at MySQL, and what comes first is the latitude.
  const integer = isMariadb ? "int32" : "int64";
  const [one, other] = ["000000000000f03f", "00000000000004c0"];
  const place = isMariadb ? `${one}${other}` : `${other}${one}`;
  const { rows, fields } = await read(
    `SELECT 1 AS one, 18446744073709551615 AS most, 1.50 AS exact, 1e0 AS double_,
    CAST(0.1 AS FLOAT) AS single, TRUE AS yes, NULL AS nothing, 'ü' AS text, X'00ff' AS bytes, ? AS given,
    CONCAT('a', 1) AS joined, JSON_OBJECT('a', 1) AS document, NOW(6) > '2000-01-01' AS later, TIME'10:00:00.5' AS at,
    AVG(n) AS mean, ST_GeomFromText('POINT(1 -2.5)', 4326) AS place FROM torture WHERE n < 4`,
    "🦉",
  );
  expect(fields.map(({ name, type }, i) => [name, type, rows[0]?.[i]])).toEqual([
    ["one", integer, "1"],
    ["most", "uint64", "18446744073709551615"],
    ["exact", "decimal", "1.50"],
    ["double_", "double", "1"],
    ["single", "float", "0.1"],
    ["yes", integer, "1"],
    ["nothing", "string", null],
    ["text", "string", "ü"],
    ["bytes", "bytes", "\\x00ff"],
    ["given", "string", "🦉"],
    ["joined", "string", "a1"],
    ["document", "json", '{"a": 1}'],
    ["later", integer, "1"],
    ["at", "time", "10:00:00.5"],
    ["mean", "decimal", "1.5000"],
    ["place", "bytes", `\\x0101000020e6100000${place}`],
  ]);
});

test("a row larger than a packet of the protocol comes whole, between small ones", async () => {
  const { rows } = await read(`SELECT 0 + seq, IF(seq = 2, REPEAT('Ü', 5000000), 'small') AS a,
    IF(seq = 2, REPEAT('🦉', 2500000), 'small') AS b, IF(seq = 2, REPEAT(X'c3', 100000), '') AS c FROM ${numbersUpTo(3)} ORDER BY 1`);
  expect(rows.map((row) => row.map((cell) => cell?.length))).toEqual([
    [1, 5, 5, 2],
    [1, 5_000_000, 5_000_000, 200_002],
    [1, 5, 5, 2],
  ]);
  expect(rows[1]?.[1] === "Ü".repeat(5_000_000) && rows[1]?.[2] === "🦉".repeat(2_500_000)).toBe(true);
});
