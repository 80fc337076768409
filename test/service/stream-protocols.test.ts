/** The same rows by every protocol and format: sums of whole columns, since a count does not show overwritten rows. */
import { createHash } from "node:crypto";
import { createClient } from "@connectrpc/connect";
import { Metadata } from "@grpc/grpc-js";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ConnectorService } from "../../src/gen/connector/v1/service_pb.js";
import { Format } from "../../src/gen/connector/v1/stream_pb.js";
import { grpcClient } from "../server/grpc-js.ts";
import { transports } from "../server/serving.ts";
import { type LoadedValue, loadedValueText, packedTexts, type Texts, valueText } from "./decoding.ts";
import { type Source, serviceWithSource } from "./source.ts";

const large = 200_000;
const small = 20_000;
const columns = ["id", "serial", "price", "note", "made", "uid", "raw"];

let source: Source;
let sumsOfLarge: readonly (string | null)[];
let sumsOfSmall: readonly (string | null)[];

beforeAll(async () => {
  source = await serviceWithSource(`
    CREATE TABLE measurement AS SELECT i AS id, i * 7919000003::int8 * (i % 2 * 2 - 1) AS serial,
      (i * 7919 % 1000007) / 100.0 AS price,
      CASE WHEN i % 17 = 0 THEN NULL WHEN i % 100 = 0 THEN 'Züri, 東京 🦉' || i ELSE repeat('note ', i % 30) || i END AS note,
      timestamptz '2020-01-01 00:00:00+00' + i * interval '1.234567 seconds' AS made, md5(i::text)::uuid AS uid,
      decode(md5(i::text), 'hex') AS raw
      FROM generate_series(1, ${large}) i;
    ALTER TABLE measurement ADD PRIMARY KEY (id);
    ANALYZE measurement`);
  const sums = async (rows: number) => {
    const sum = (name: string) => `md5(string_agg(coalesce(${name}::text, '∅'), ',' ORDER BY id) || ',')`;
    const text = `SET TimeZone = 'UTC'; SELECT ${columns.map(sum).join(", ")} FROM measurement WHERE id <= ${rows}`;
    return (await source.run(text))[0] ?? [];
  };
  sumsOfLarge = await sums(large);
  sumsOfSmall = await sums(small);
});

afterAll(() => source.stop());

class Sums {
  readonly #hashes = columns.map(() => createHash("md5"));

  add(rows: Texts): void {
    for (const [i, hash] of this.#hashes.entries()) hash.update(rows.map((row) => `${row[i] ?? "∅"},`).join(""));
  }

  all(): string[] {
    return this.#hashes.map((hash) => hash.digest("hex"));
  }
}

const ordered = (limit: number) => ({
  source: { case: "resource" as const, value: "measurement" },
  orderBy: [{ field: "id" }],
  limit: BigInt(limit),
});

test("streams of both formats at once give every cell of 200,000 rows", async () => {
  const { client, connectorId } = source;
  const read = async (format: "packed" | "values") => {
    const sums = new Sums();
    for await (const batch of client
      .stream(connectorId, { resource: "measurement", orderBy: ["id"] }, { format })
      .batches()) {
      sums.add(Array.from(batch, (row) => row.toArray().map(textOf)));
    }
    return sums.all();
  };
  const all = await Promise.all([read("packed"), read("values")]);
  expect(all).toEqual([sumsOfLarge, sumsOfLarge]);
});

test.each(Object.keys(transports("http://localhost")) as (keyof ReturnType<typeof transports>)[])(
  "%s gives every cell in both formats",
  async (name) => {
    const { service, connectorId } = source;
    const client = createClient(ConnectorService, transports(service.url)[name]);
    const headers = { authorization: `Bearer ${service.token}` };
    for (const format of [Format.PACKED, Format.VALUES]) {
      const sums = new Sums();
      for await (const { part } of client.streamQuery({ connectorId, query: ordered(small), format }, { headers })) {
        if (part.case === "packed") sums.add(packedTexts(part.value, columns.length));
        if (part.case === "values") sums.add(part.value.rows.map(({ values }) => values.map(valueText)));
      }
      expect([format, sums.all()]).toEqual([format, sumsOfSmall]);
    }
  },
);

test("grpc-js gives every cell of 200,000 rows, also when it reads slowly", async () => {
  const { service, connectorId } = source;
  const port = Number(new URL(service.url).port);
  const client = grpcClient(port, "connector.v1.ConnectorService", "connector/v1/service.proto");
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${service.token}`);
  const request = { connector_id: connectorId, query: { resource: "measurement", order_by: [{ field: "id" }] } };
  const sums = new Sums();
  for await (const { values } of (client as unknown as Streaming).StreamQuery(request, metadata)) {
    if (values) sums.add(values.rows.map((row) => row.values.map(loadedValueText)));
    await new Promise(setImmediate);
  }
  expect(sums.all()).toEqual(sumsOfLarge);
});

interface Streaming {
  StreamQuery(
    request: object,
    metadata: Metadata,
  ): AsyncIterable<{
    readonly values?: { readonly rows: readonly { readonly values: readonly LoadedValue[] }[] } | null;
  }>;
}

/** A cell of the client as PostgreSQL writes it; there are no numbers of floating point. */
function textOf(cell: unknown): string | null {
  if (cell instanceof Uint8Array) return `\\x${Buffer.from(cell).toString("hex")}`;
  return cell === null ? null : String(cell);
}
