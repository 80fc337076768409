/**
 * What it takes to make packed rows of bodies, against what Node code mostly does: to wait for
 * all of it and `JSON.parse` it. CPU time, since the cases wait for nothing.
 */
import type { HttpField, HttpFieldType, RowFormat } from "../../src/providers/http/body/format.ts";
import { rowReader } from "../../src/providers/http/body/rows.ts";
import { batchBytes, type PackedBatch, PackedWriter } from "../../src/rows/packed.ts";
import { textRows } from "../../src/rows/page.ts";
import { type BenchOptions, type BenchResult, median } from "./support/bench.ts";

/** One row of the source, of which ten fields are read. */
const rowOf = (i: number) => ({
  ...{ id: i + 1, name: `Customer number ${i}`, email: `user${i}@example.com`, active: i % 3 === 0 },
  ...{ uuid: `6f9619ff-8b86-4011-b42d-${String(i).padStart(12, "0")}`, balance: Math.round(i * 137) / 100 },
  created_at: new Date(1.7e12 + i * 1_000).toISOString(),
  address: { city: "Zürich", street: "Bahnhofstrasse 1", zip: "8001" },
  tags: ["a", "b", "c"],
  note: i % 5 === 0 ? null : 'some "quoted" text\nof two lines',
  links: { self: "https://api.example.com/customers", all: [1, 2, 3] },
});

type Row = ReturnType<typeof rowOf>;

const field = (name: string, type: HttpFieldType, path = `/${name}`): HttpField => {
  return { name, type, path, nullable: true, nativeType: type };
};

const fields = [
  ...[field("id", "int64"), field("uuid", "uuid"), field("name", "string"), field("email", "string")],
  ...[field("active", "bool"), field("balance", "double"), field("created_at", "timestamp_tz")],
  ...[field("city", "string", "/address/city"), field("tags", "json"), field("note", "string")],
];

/** Bytes of a chunk, as sockets give them. */
const chunkBytes = 65_536;
const pageRows = 10;

type Batches = (body: readonly Uint8Array[], each: (batch: PackedBatch) => void) => Promise<void>;

export default async function bodies({ rounds, rows: wanted, progress }: BenchOptions): Promise<BenchResult> {
  const rows = Math.min(wanted, 200_000);
  const all = Array.from({ length: rows }, (_, i) => rowOf(i));
  const json = cut(JSON.stringify({ data: all, next: "abc" }));
  const lines = cut(all.map((row) => JSON.stringify(row)).join("\n"));
  const page = [Buffer.from(JSON.stringify({ data: all.slice(0, pageRows), next: "abc" }))];
  const reader = readerOf({ kind: "json", rows: "/data" });
  const pages = Math.ceil(rows / pageRows);
  const repeated = (batches: Batches) => async () => {
    for (let i = 0; i < pages; i++) await batches(page, (batch) => batch.release());
  };
  const once = (batches: Batches, body: readonly Uint8Array[]) => () => batches(body, (batch) => batch.release());
  await agree(page, reader);
  const cases: Readonly<Record<string, () => Promise<void>>> = {
    "the service's reader": once(reader, json),
    "the service's reader, NDJSON": once(readerOf({ kind: "ndjson" }), lines),
    "JSON.parse": async () => void parsed(json),
    "JSON.parse, packed": once(parsedAndPacked, json),
    "the service's reader, pages of ten rows": repeated(reader),
    "JSON.parse, packed, pages of ten rows": repeated(parsedAndPacked),
  };
  const took = await measured(cases, rounds, progress);
  const bytes = json.reduce((sum, chunk) => sum + chunk.length, 0);
  const cpu = (name: string) => median(took.get(name) ?? []);
  return {
    figures: {
      ...{ rows, megabytes: Math.round(bytes / 1e6) },
      rows_per_cpu_second: Math.round((rows / cpu("the service's reader")) * 1_000),
      cpu_vs_json_parse: ratio(cpu("the service's reader"), cpu("JSON.parse")),
      cpu_vs_json_parse_packed: ratio(cpu("the service's reader"), cpu("JSON.parse, packed")),
      small_pages_cpu_vs_json_parse_packed: ratio(
        cpu("the service's reader, pages of ten rows"),
        cpu("JSON.parse, packed, pages of ten rows"),
      ),
    },
    table: {
      columns: ["case", "CPU in ms", "rows per CPU second"],
      rows: [...took.keys()].map((name) => [
        name,
        cpu(name).toFixed(0),
        Math.round((rows / cpu(name)) * 1_000).toString(),
      ]),
    },
  };
}

/** Milliseconds of CPU that each case took in each round, but for the first round, which warms up. */
async function measured(
  cases: Readonly<Record<string, () => Promise<void>>>,
  rounds: number,
  progress: BenchOptions["progress"],
): Promise<ReadonlyMap<string, number[]>> {
  const took = new Map<string, number[]>(Object.keys(cases).map((name) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const [name, run] of Object.entries(cases)) {
      const before = process.cpuUsage();
      await run();
      const { user, system } = process.cpuUsage(before);
      if (round > 0) took.get(name)?.push((user + system) / 1_000);
    }
    progress(`Round ${round} of ${rounds}.`);
  }
  return took;
}

const ratio = (a: number, b: number) => Math.round((a / b) * 100) / 100;

function cut(text: string): Buffer[] {
  const bytes = Buffer.from(text);
  return Array.from({ length: Math.ceil(bytes.length / chunkBytes) }, (_, i) =>
    bytes.subarray(i * chunkBytes, (i + 1) * chunkBytes),
  );
}

async function* chunks(body: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* body;
}

function readerOf(format: RowFormat): Batches {
  const read = rowReader({ resource: "customers", format, fields });
  return async (body, each) => {
    for await (const batch of read(chunks(body)).batches) each(batch);
  };
}

const parsed = (body: readonly Uint8Array[]) =>
  (JSON.parse(Buffer.concat(body).toString()) as { readonly data: readonly Row[] }).data;

const parsedAndPacked: Batches = async (body, each) => {
  const writer = new PackedWriter();
  for (const row of parsed(body)) {
    const { id, uuid, name, email, active, balance, created_at, address, tags, note } = row;
    const instant = `${created_at.slice(0, 10)} ${created_at.slice(11, -1).replace(/\.?0+$/, "")}+00`;
    for (const text of [String(id), uuid, name, email, active ? "t" : "f", String(balance), instant, address.city]) {
      writer.text(text);
    }
    writer.text(JSON.stringify(tags));
    if (note === null) writer.null();
    else writer.text(note);
    writer.endRow();
    if (writer.size >= batchBytes) each(writer.take() as PackedBatch);
  }
  const last = writer.take();
  if (last !== undefined) each(last);
};

/** @throws when the two don't give the same cells */
async function agree(page: readonly Uint8Array[], reader: Batches): Promise<void> {
  const cells: unknown[][] = [[], []];
  await reader(page, (batch) => cells[0]?.push(...textRows(batch, fields.length)));
  await parsedAndPacked(page, (batch) => cells[1]?.push(...textRows(batch, fields.length)));
  if (JSON.stringify(cells[0]) !== JSON.stringify(cells[1]))
    throw new Error("The reader's cells are not those of JSON.parse.");
}
