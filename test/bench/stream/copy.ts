/** Reading the database directly with COPY, by pg-copy-streams. */
import type pg from "pg";
import { to as copyTo } from "pg-copy-streams";
import { tableName } from "./shape.ts";
import type { Sink } from "./sink.ts";
import { columns } from "./table.ts";

const newline = 0x0a;

/** COPY's text form: every cell becomes a string, unescaped where it has to be. */
export async function readByCopyText(client: pg.Client, sink: Sink): Promise<void> {
  const chunks: AsyncIterable<Buffer> = client.query(copyTo(`COPY ${tableName} TO STDOUT`));
  let rest = Buffer.alloc(0);
  for await (const chunk of chunks) {
    const end = chunk.lastIndexOf(newline) + 1;
    if (end === 0) {
      rest = Buffer.concat([rest, chunk]);
      continue;
    }
    const whole = rest.length === 0 ? chunk.subarray(0, end) : Buffer.concat([rest, chunk.subarray(0, end)]);
    rest = Buffer.from(chunk.subarray(end));
    sinkLines(sink, whole.toString("utf8"));
  }
}

function sinkLines(sink: Sink, text: string): void {
  let start = 0;
  for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", start)) {
    const cells = text.slice(start, end).split("\t");
    for (let column = 0; column < cells.length; column++) sink.cell(column, unescaped(cells[column] as string));
    start = end + 1;
  }
}

const escapes: Readonly<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v" };

function unescaped(cell: string): string | null {
  if (!cell.includes("\\")) return cell;
  if (cell === "\\N") return null;
  return cell.replace(/\\(.)/gs, (_, char: string) => escapes[char] ?? char);
}

/** Signature, flags and an empty extension in front; a count of -1 behind. */
const binaryHeaderSize = 19;

/** COPY's binary form: every cell becomes the value that the client of the service gives. */
export async function readByCopyBinary(client: pg.Client, sink: Sink): Promise<void> {
  const chunks: AsyncIterable<Buffer> = client.query(copyTo(`COPY ${tableName} TO STDOUT (FORMAT binary)`));
  let rest = Buffer.alloc(0);
  let start = binaryHeaderSize;
  for await (const chunk of chunks) {
    const buffer = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const end = buffer.length < start ? start : sinkTuples(sink, buffer, start);
    rest = Buffer.from(buffer.subarray(end));
    start = Math.max(0, end - buffer.length);
  }
}

/** Hands in the tuples that are there as a whole, and says where the next one begins. */
function sinkTuples(sink: Sink, buffer: Buffer, from: number): number {
  let start = from;
  for (;;) {
    const end = endOfTuple(buffer, start);
    if (end === undefined) return start;
    let at = start + 2;
    for (let column = 0; column < columns.length; column++) {
      const size = buffer.readInt32BE(at);
      at += 4;
      sink.cell(column, size < 0 ? null : binaryCell(columns[column]?.type as string, buffer, at, at + size));
      if (size > 0) at += size;
    }
    start = end;
  }
}

function endOfTuple(buffer: Buffer, start: number): number | undefined {
  if (start + 2 > buffer.length || buffer.readInt16BE(start) < 0) return undefined;
  let at = start + 2;
  for (let column = 0; column < columns.length; column++) {
    if (at + 4 > buffer.length) return undefined;
    at += 4 + Math.max(0, buffer.readInt32BE(at));
  }
  return at > buffer.length ? undefined : at;
}

function binaryCell(type: string, buffer: Buffer, start: number, end: number): unknown {
  switch (type) {
    case "int4":
      return buffer.readInt32BE(start);
    case "int8":
      return buffer.readBigInt64BE(start);
    case "float8":
      return buffer.readDoubleBE(start);
    case "bool":
      return buffer[start] === 1;
    case "numeric(12,2)":
      return numeric(buffer, start);
    case "timestamptz":
      return timestamp(buffer.readBigInt64BE(start));
    case "date":
      return new Date(epoch + buffer.readInt32BE(start) * dayMs).toISOString().slice(0, 10);
    case "uuid":
      return uuid(buffer.toString("hex", start, end));
    case "jsonb":
      // A version byte comes first.
      return buffer.toString("utf8", start + 1, end);
    default:
      return buffer.toString("utf8", start, end);
  }
}

/** 2000-01-01, from which PostgreSQL counts. */
const epoch = Date.UTC(2000, 0, 1);
const dayMs = 86_400_000;

function timestamp(microseconds: bigint): string {
  const milliseconds = Number(microseconds / 1_000n);
  const iso = new Date(epoch + milliseconds).toISOString();
  const fraction = `${iso.slice(20, 23)}${String(microseconds % 1_000n).padStart(3, "0")}`.replace(/0+$/, "");
  return `${iso.slice(0, 10)} ${iso.slice(11, 19)}${fraction && `.${fraction}`}+00`;
}

function uuid(hex: string): string {
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** Groups of four decimal digits; see numeric_send of PostgreSQL. */
function numeric(buffer: Buffer, start: number): string {
  const groups = buffer.readUInt16BE(start);
  const weight = buffer.readInt16BE(start + 2);
  const sign = buffer.readUInt16BE(start + 4) === 0 ? "" : "-";
  const scale = buffer.readUInt16BE(start + 6);
  const group = (index: number) => (index < groups ? buffer.readUInt16BE(start + 8 + 2 * index) : 0);
  let whole = "";
  for (let i = 0; i <= weight; i++) whole += i === 0 ? String(group(i)) : String(group(i)).padStart(4, "0");
  let fraction = "";
  for (let i = weight + 1; fraction.length < scale; i++) fraction += i < 0 ? "0000" : String(group(i)).padStart(4, "0");
  return `${sign}${whole || "0"}${scale > 0 ? `.${fraction.slice(0, scale)}` : ""}`;
}
