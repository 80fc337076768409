/** Every value of PostgreSQL, to the letter, through every format and protocol. */
import { Metadata } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { field } from "../../src/client/index.ts";
import { Format, type StreamQueryResponse } from "../../src/gen/connector/v1/stream_pb.js";
import { type Field, FieldType } from "../../src/gen/connector/v1/value_pb.js";
import { grpcClient } from "../server/grpc-js.ts";
import type { FreshDatabase } from "../support/postgres.ts";
import { type Login, newLogin, run } from "./customer.ts";
import {
  canonical,
  doubleText,
  jsonValueText,
  type LoadedValue,
  loadedValueText,
  packedTexts,
  type Texts,
  valueText,
} from "./decoding.ts";
import { type Source, serviceWithSource, type TextRow } from "./source.ts";
import { columns, hostileSettings, scalarColumns, tortureTable } from "./torture.ts";

const contractSettings = `SET DateStyle = 'ISO, YMD'; SET TimeZone = 'UTC'; SET IntervalStyle = 'iso_8601';
  SET bytea_output = 'hex'; SET extra_float_digits = 1`;
const query = { source: { case: "resource" as const, value: "torture" }, orderBy: [{ field: "n" }] };

describe.each([
  ["a server as it comes", undefined],
  ["a server with settings of its own", hostileSettings],
] as const)("%s", (_, settings) => {
  let source: Source;
  let login: Login | undefined;
  let rows: readonly TextRow[];
  let fields: readonly Field[];

  const withSettings = async (database: FreshDatabase): Promise<string> => {
    if (settings === undefined) return database.url;
    login = await newLogin(database.url, "pa55word");
    await run(database.url, `GRANT pg_read_all_data TO ${login.user}`);
    for (const [name, value] of Object.entries(settings)) {
      await run(database.url, `ALTER ROLE ${login.user} SET ${name} = '${value}'`);
    }
    return login.url;
  };

  beforeAll(async () => {
    source = await serviceWithSource(tortureTable(), {}, withSettings);
    rows = await source.run(`${contractSettings}; SELECT * FROM torture ORDER BY n`);
    const stream = source.client.stream(source.connectorId, { resource: "torture", limit: 1 });
    fields = (await stream.header).fields;
    stream.cancel();
  });

  afterAll(async () => {
    await source.stop();
    await login?.drop();
  });

  test("the table holds what was written into it", () => {
    for (const [i, { name, values }] of scalarColumns.entries()) {
      expect([name, ...rows.map((row) => row[i + 1])]).toEqual([
        name,
        ...values,
        ...Array(rows.length - values.length).fill(null),
      ]);
    }
  });

  test("the header names each type, element type and native type", async () => {
    const native = await source.run(`SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
      WHERE attrelid = 'torture'::regclass AND attnum > 0 ORDER BY attnum`);
    const expected = columns.map(({ name, fieldType }) => ({ name, type: fieldType, nullable: true }));
    expect(fields.map(({ name, nativeType }) => [name, nativeType])).toEqual(native);
    expect(fields.map(({ name, type, nullable }) => ({ name, type, nullable }))).toEqual([
      { name: "n", type: FieldType.INT32, nullable: false },
      ...expected,
    ]);
    const elements = fields.filter(({ name }) => name.endsWith("_array"));
    expect(elements.map(({ name, elementType }) => [name, elementType])).toEqual(
      elements.map(({ name }) => [name, fields.find((field) => `${field.name}_array` === name)?.type]),
    );
  });

  async function streamed(format: Format, texts: (part: StreamQueryResponse["part"]) => Texts): Promise<Texts> {
    const request = { connectorId: source.connectorId, query, format };
    const all: Texts = [];
    for await (const { part } of source.client.rpc.streamQuery(request)) {
      if (part.case !== "header" && part.case !== "trailer") all.push(...texts(part));
    }
    return all;
  }

  test("PACKED streams carry PostgreSQL's own text", async () => {
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

  test("a client of grpc-js, which nobody here wrote, reads every value", async () => {
    const client = grpcClient(
      Number(new URL(source.service.url).port),
      "connector.v1.ConnectorService",
      "connector/v1/service.proto",
    );
    const metadata = new Metadata();
    metadata.set("authorization", `Bearer ${source.service.token}`);
    const call = (
      client as unknown as Record<string, (request: object, metadata: Metadata) => AsyncIterable<LoadedPart>>
    ).StreamQuery?.(
      { connector_id: source.connectorId, query: { resource: "torture", order_by: [{ field: "n" }] } },
      metadata,
    );
    const read: Texts = [];
    for await (const { values } of call ?? []) {
      if (values) read.push(...values.rows.map((row) => row.values.map(loadedValueText)));
    }
    expect(read).toEqual(canonical(rows, fields));
  });

  test("the pages of Query carry every value", async () => {
    const read: Texts = [];
    let pageToken = "";
    do {
      const page = await source.client.rpc.query({ connectorId: source.connectorId, query, pageSize: 4, pageToken });
      expect(page.fields).toEqual(fields);
      read.push(...page.rows.map((row) => row.values.map(valueText)));
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    expect(read).toEqual(canonical(rows, fields));
  });

  test("JSON by a plain fetch carries every value, but for the sign of zero", async () => {
    const response = await fetch(`${source.service.url}/connector.v1.ConnectorService/Query`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${source.service.token}` },
      body: JSON.stringify({
        connectorId: source.connectorId,
        query: { resource: "torture", orderBy: [{ field: "n" }] },
      }),
    });
    const answer = (await response.json()) as { rows: { values: Record<string, unknown>[] }[] };
    const unsigned = (texts: Texts) => texts.map((row) => row.map((cell) => (cell === "-0" ? doubleText(0) : cell)));
    expect(answer.rows.map((row) => row.values.map(jsonValueText))).toEqual(unsigned(canonical(rows, fields)));
  });

  test("the client's rows are the same in both formats", async () => {
    const read = async (format: "packed" | "values") => {
      const all: unknown[][] = [];
      for await (const row of source.client.stream(
        source.connectorId,
        { resource: "torture", orderBy: ["n"] },
        { format },
      ))
        all.push(row.toArray());
      return all;
    };
    const packed = await read("packed");
    expect(packed).toEqual(await read("values"));
    expect(
      packed.map((row) => row.map((cell, i) => (Array.isArray(cell) ? rows[row[0] as number]?.[i] : cellText(cell)))),
    ).toEqual(canonical(rows, fields));
  });

  test("a native statement gives the same, its types from the server's own description", async () => {
    const stream = source.client.stream(
      source.connectorId,
      { native: "SELECT * FROM torture ORDER BY n" },
      { format: "values" },
    );
    const described = (await stream.header).fields;
    // Of a domain the server tells what it is made of.
    const base: Record<string, string> = { positive: "integer", at_noon: "time with time zone", numbers: "integer[]" };
    expect(described).toEqual(
      fields.map((field) => ({ ...field, nullable: true, nativeType: base[field.nativeType] ?? field.nativeType })),
    );
    const read: unknown[][] = [];
    for await (const row of stream) read.push(row.toArray());
    const scalars = (row: readonly unknown[]) => row.filter((_, i) => fields[i]?.type !== FieldType.ARRAY);
    expect(read.map((row) => scalars(row).map(cellText))).toEqual(canonical(rows, fields).map(scalars));
  });

  test("literals of a native statement, and filters, mean what they mean everywhere", async () => {
    const { client, connectorId } = source;
    const native = "SELECT 'a\\' AS one, '\\x' AS two, $1 AS three";
    const page = await client.query(connectorId, { native, parameters: ["\\"] });
    expect(page.rows.map((row) => row.toArray())).toEqual([["a\\", "\\x", "\\"]]);
    for (const name of ["text_array", "int4_array", "timestamptz", "interval", "date", "bytea", "money", "float8"]) {
      const at = fields.findIndex((field) => field.name === name);
      const filter = field(name).eq(rows[0]?.[at] as string);
      const found = await client.query(connectorId, { resource: "torture", fields: ["n"], filter });
      expect([name, found.rows.map((row) => row.n)]).toEqual([name, [0]]);
    }
  });
});

interface LoadedPart {
  readonly values?: { readonly rows: readonly { readonly values: readonly LoadedValue[] }[] } | null;
}

/** A cell of the client, but for arrays. */
function cellText(cell: unknown): string | null {
  if (cell === null) return null;
  if (typeof cell === "boolean") return cell ? "t" : "f";
  if (typeof cell === "number") return doubleText(cell);
  return cell instanceof Uint8Array ? `\\x${Buffer.from(cell).toString("hex")}` : String(cell);
}
