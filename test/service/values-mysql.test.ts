/** Every value of MySQL and MariaDB, to the letter, through every format, and as a filter takes it. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ConnectorClient, field } from "../../src/client/index.ts";
import { Format, type StreamQueryResponse } from "../../src/gen/connector/v1/stream_pb.js";
import { type Field, FieldType } from "../../src/gen/connector/v1/value_pb.js";
import { shapes } from "../providers/mysql/shapes.ts";
import { columns, generated, tortureRows, tortureTable } from "../providers/mysql/torture.ts";
import { freshMysqlDatabase } from "../support/mariadb.ts";
import { mysqlPool } from "../support/mysql-client.ts";
import type { FreshDatabase } from "../support/postgres.ts";
import { connectorTo, type TestService, testService } from "../support/service.ts";
import type { SourceClient } from "../support/source-kind.ts";
import { canonical, doubleText, jsonValueText, packedTexts, type Texts, valueText } from "./decoding.ts";

const query = { source: { case: "resource" as const, value: "torture" }, orderBy: [{ field: "n" }] };
/** The fields in the table's order, an invisible one among them. */
const rows = tortureRows();

let service: TestService;
let database: FreshDatabase;
let source: SourceClient;
let client: ConnectorClient;
let connectorId: string;
let fields: readonly Field[];

beforeAll(async () => {
  [service, database] = await Promise.all([testService(), freshMysqlDatabase()]);
  source = mysqlPool(database.url);
  await source.run(tortureTable());
  client = service.client;
  connectorId = (await client.createConnector(connectorTo(database.url))).id;
  const stream = client.stream(connectorId, { resource: "torture", limit: 1 });
  fields = (await stream.header).fields;
  stream.cancel();
});

afterAll(async () => {
  await service?.stop();
  await source?.close();
  await database?.drop();
});

test("the header names each type and native type", () => {
  expect(fields.map(({ name, type, nullable }) => ({ name, type, nullable }))).toEqual([
    { name: "n", type: FieldType.INT32, nullable: false },
    ...[...columns, ...generated].map(({ name, fieldType }) => ({ name, type: fieldType, nullable: true })),
  ]);
  // The server's catalogue has no characters beyond the first 65,536.
  expect(fields.map(({ nativeType }) => nativeType)).toEqual([
    "int",
    ...[...columns, ...generated].map(({ nativeType }) => nativeType.replace("🦉", "?")),
  ]);
});

async function streamed(format: Format, texts: (part: StreamQueryResponse["part"]) => Texts): Promise<Texts> {
  const all: Texts = [];
  for await (const { part } of client.rpc.streamQuery({ connectorId, query, format })) {
    if (part.case !== "header" && part.case !== "trailer") all.push(...texts(part));
  }
  return all;
}

test("PACKED streams carry every value in its canonical text", async () => {
  const packed = await streamed(Format.PACKED, (part) =>
    part.case === "packed" ? packedTexts(part.value, fields.length) : [],
  );
  expect(packed).toEqual(rows);
});

test("VALUES streams carry every value", async () => {
  const values = await streamed(Format.VALUES, (part) =>
    part.case === "values" ? part.value.rows.map((row) => row.values.map(valueText)) : [],
  );
  expect(values).toEqual(canonical(rows, fields));
});

test("the pages of Query carry every value", async () => {
  const read: Texts = [];
  let pageToken = "";
  do {
    const page = await client.rpc.query({ connectorId, query, pageSize: 4, pageToken });
    expect(page.fields).toEqual(fields);
    read.push(...page.rows.map((row) => row.values.map(valueText)));
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  expect(read).toEqual(canonical(rows, fields));
});

test("JSON by a plain fetch carries every value", async () => {
  const response = await fetch(`${service.url}/connector.v1.ConnectorService/Query`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${service.token}` },
    body: JSON.stringify({ connectorId, query: { resource: "torture", orderBy: [{ field: "n" }] } }),
  });
  const answer = (await response.json()) as { rows: { values: Record<string, unknown>[] }[] };
  // JavaScript writes a zero without its sign.
  const unsigned = canonical(rows, fields).map((row) => row.map((cell) => (cell === "-0" ? "0" : cell)));
  expect(answer.rows.map((row) => row.values.map(jsonValueText))).toEqual(unsigned);
});

test("the client's rows are the same in both formats, zero dates and long times as text", async () => {
  const read = async (format: "packed" | "values") => {
    const all: unknown[][] = [];
    for await (const row of client.stream(connectorId, { resource: "torture", orderBy: ["n"] }, { format })) {
      all.push(row.toArray());
    }
    return all;
  };
  const packed = await read("packed");
  expect(packed).toEqual(await read("values"));
  expect(packed.map((row) => row.map(cellText))).toEqual(canonical(rows, fields));
});

test("a native statement gives the same", async () => {
  const names = fields.map(({ name }) => `\`${name}\``).join(", ");
  const read: unknown[][] = [];
  for await (const row of client.stream(connectorId, { native: `SELECT ${names} FROM torture ORDER BY n` })) {
    read.push(row.toArray());
  }
  expect(read.map((row) => row.map(cellText))).toEqual(canonical(rows, fields));
});

/** Types of which nothing can be asked but whether they are null. */
const incomparable = ["geometry", "point", "geometrycollection", ...shapes.map(({ type }) => type), "vector_3_"];
const comparable = [...columns].filter(({ name }) => !incomparable.includes(name));

/** For each row those whose value is equal: to the column's own collation more than one text may be. */
async function equalRows(name: string): Promise<ReadonlyMap<number, readonly number[]>> {
  const pairs = await source.run(
    `SELECT b.n, a.n FROM torture a JOIN torture b ON a.\`${name}\` = b.\`${name}\` ORDER BY b.n, a.n`,
  );
  const equal = new Map<number, number[]>();
  for (const [n, other] of pairs) equal.set(Number(n), [...(equal.get(Number(n)) ?? []), Number(other)]);
  return equal;
}

test.each(comparable)("$name: EQ with the text of a value selects its row", async ({ name, values, fieldType }) => {
  const equal = await equalRows(name);
  const filtered = values.map(async ({ sql, text }, n) => {
    // A request of a longer one is refused, by its size.
    if (text.length > 60_000) return;
    // What stands for none of an enum's labels is no value to ask for.
    if (fieldType === FieldType.ENUM && sql === "0") return;
    const found = { resource: "torture", fields: ["n"], orderBy: ["n"], filter: field(name).eq(text) };
    const page = await client.query(connectorId, found);
    expect([text, page.rows.map((row) => row.n)]).toEqual([text, equal.get(n)]);
  });
  await Promise.all(filtered);
});

/** A cell of the client. */
function cellText(cell: unknown): string | null {
  if (cell === null) return null;
  if (typeof cell === "number") return doubleText(cell);
  return cell instanceof Uint8Array ? `\\x${Buffer.from(cell).toString("hex")}` : String(cell);
}
