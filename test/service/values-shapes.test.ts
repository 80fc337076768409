/** Results of unusual shapes: no fields, no rows, very many of either, very large ones. */
import { Metadata, type ServiceError } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Format } from "../../src/gen/connector/v1/stream_pb.js";
import { grpcClient } from "../server/grpc-js.ts";
import { type Source, serviceWithSource } from "./source.ts";

const wideColumns = 1_600;
const formats = ["packed", "values"] as const;

let source: Source;

beforeAll(async () => {
  const wide = Array.from({ length: wideColumns }, (_, i) => `c${i} int2`).join(", ");
  const values = Array.from({ length: wideColumns }, (_, i) => (i % 3 === 0 ? "NULL" : `n * ${i % 100}`)).join(", ");
  const ones = Array.from({ length: 60 }, (_, i) => `c${i} float8 NOT NULL DEFAULT 1`).join(", ");
  source = await serviceWithSource(`
    CREATE TABLE no_fields ();
    INSERT INTO no_fields SELECT FROM generate_series(1, 300);
    CREATE TABLE wide (${wide});
    INSERT INTO wide SELECT ${values} FROM generate_series(1, 50) n;
    CREATE TABLE ones (id int4 PRIMARY KEY, ${ones});
    INSERT INTO ones SELECT i FROM generate_series(1, 10000) i`);
});

afterAll(() => source.stop());

describe.each(formats)("%s", (format) => {
  test("rows without fields are counted", async () => {
    const { client, connectorId } = source;
    for (const query of [{ resource: "no_fields" }, { native: "SELECT FROM no_fields" }]) {
      const stream = client.stream(connectorId, query, { format });
      let rows = 0;
      for await (const row of stream) {
        expect(row.toArray()).toEqual([]);
        rows++;
      }
      expect([rows, (await stream.trailer).rows]).toEqual([300, 300n]);
    }
  });

  test("a result without rows is a header and a trailer", async () => {
    const { client, connectorId } = source;
    const parts: unknown[] = [];
    const query = { source: { case: "resource" as const, value: "ones" }, where: { id: -1 } };
    const request = { connectorId, query, format: format === "packed" ? Format.PACKED : Format.VALUES };
    for await (const { part } of client.rpc.streamQuery(request)) parts.push(part);
    expect(parts).toMatchObject([
      { case: "header", value: { fields: { length: 61 } } },
      { case: "trailer", value: { rows: 0n, bytes: 0n, attempts: 1 } },
    ]);
  });

  test("fields of a native statement may share a name", async () => {
    const { client, connectorId } = source;
    const stream = client.stream(connectorId, { native: `SELECT 1 AS a, 'x' AS a, NULL AS b, 2 AS "A"` }, { format });
    const { fields } = await stream.header;
    expect(fields.map(({ name }) => name)).toEqual(["a", "a", "b", "A"]);
    for await (const row of stream) expect(row.toArray()).toEqual([1, "x", null, 2]);
  });

  test("1,600 columns come in their order", async () => {
    const { client, connectorId } = source;
    let n = 0;
    for await (const row of client.stream(connectorId, { resource: "wide" }, { format })) {
      n++;
      const expected = Array.from({ length: wideColumns }, (_, i) => (i % 3 === 0 ? null : n * (i % 100)));
      expect(row.toArray()).toEqual(expected);
    }
    expect(n).toBe(50);
  });

  test("a row of 20 MB comes whole, between small ones", async () => {
    const { client, connectorId } = source;
    const native = `SELECT i, CASE i WHEN 2 THEN repeat('Ü🦉.', 20000000 / 7) ELSE 'small' END AS text FROM generate_series(1, 3) i`;
    const rows: [unknown, string][] = [];
    for await (const row of client.stream(connectorId, { native }, { format })) {
      rows.push([row.i, row.text as string]);
    }
    expect(rows.map(([i, text]) => [i, text.length])).toEqual([
      [1, 5],
      [2, 4 * Math.floor(20_000_000 / 7)],
      [3, 5],
    ]);
    expect(rows[1]?.[1] === "Ü🦉.".repeat(20_000_000 / 7)).toBe(true);
  });

  test("200,000 rows of one byte come, every one", async () => {
    const { client, connectorId } = source;
    const native = "SELECT (i % 10)::int2 AS d FROM generate_series(1, 200000) i";
    let n = 0;
    let wrong = 0;
    for await (const batch of client.stream<{ d: number }>(connectorId, { native }, { format }).batches()) {
      for (const row of batch) if (row.d !== ++n % 10) wrong++;
    }
    expect([n, wrong]).toEqual([200_000, 0]);
  });
});

test("pages of rows without fields are counted", async () => {
  const { client, connectorId } = source;
  const sizes: number[] = [];
  for await (const page of client.queryAll(connectorId, { resource: "no_fields" }, { pageSize: 120 })) {
    sizes.push(page.rows.length);
  }
  expect(sizes).toEqual([120, 120, 60]);
  const native = await client.query(connectorId, { native: "SELECT FROM no_fields" }, { pageSize: 120 });
  expect([native.rows.length, native.truncated]).toEqual([120, true]);
});

test("the largest page is one that a client of grpc-js takes by default", async () => {
  const { service, connectorId } = source;
  const port = Number(new URL(service.url).port);
  const client = grpcClient(port, "connector.v1.ConnectorService", "connector/v1/service.proto");
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${service.token}`);
  const pageAfter = (page_token: string) =>
    new Promise<{ rows?: unknown[]; next_page_token?: string }>((resolve, reject) => {
      const request = { connector_id: connectorId, query: { resource: "ones" }, page_size: 10_000, page_token };
      (client as unknown as { Query: UnaryCall }).Query(request, metadata, (error, answer) =>
        error ? reject(error) : resolve(answer),
      );
    });
  let rows = 0;
  let token = "";
  do {
    const page = await pageAfter(token);
    rows += page.rows?.length ?? 0;
    token = page.next_page_token ?? "";
  } while (token !== "");
  expect(rows).toBe(10_000);
});

type UnaryCall = (
  request: object,
  metadata: Metadata,
  callback: (error: ServiceError | null, answer: { rows?: unknown[]; next_page_token?: string }) => void,
) => void;
