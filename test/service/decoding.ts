/** Rows of every protocol as text, decoded from the contract alone and without the client's own decoder. */
import type { PackedBatch } from "../../src/gen/connector/v1/stream_pb.js";
import { type Field, FieldType, type Value } from "../../src/gen/connector/v1/value_pb.js";

export type Texts = (string | null)[][];

/** The cells of a packed batch. */
export function packedTexts({ rows, cells, lengths }: PackedBatch, fieldCount: number): Texts {
  const bytes = Buffer.from(cells);
  let at = 0;
  const texts = lengths.map((length) => {
    if (length === 0) return null;
    const text = bytes.toString("utf8", at, at + length - 1);
    at += length - 1;
    return text;
  });
  if (at !== cells.length || texts.length !== rows * fieldCount) throw new Error("The batch does not fit its lengths.");
  return Array.from({ length: rows }, (_, row) => texts.slice(row * fieldCount, (row + 1) * fieldCount));
}

/** A message of protobuf-es. */
export function valueText({ kind }: Value): string | null {
  switch (kind.case) {
    case "null":
      return null;
    case "bool":
      return kind.value ? "t" : "f";
    case "double":
      return doubleText(kind.value);
    case "bytes":
      return `\\x${Buffer.from(kind.value).toString("hex")}`;
    case undefined:
      throw new Error("A value is of no kind.");
    default:
      return String(kind.value);
  }
}

/** A message as @grpc/proto-loader makes it with `longs: String`: its only property is the case that is set. */
export type LoadedValue = Readonly<Record<string, unknown>>;

export function loadedValueText(value: LoadedValue): string | null {
  const [[kind, content] = []] = Object.entries(value);
  return kind === "bytes" ? `\\x${(content as Buffer).toString("hex")}` : jsonValueText(value);
}

/** A Value in the JSON of Protobuf. */
export function jsonValueText(value: Readonly<Record<string, unknown>>): string | null {
  const [[kind, content] = []] = Object.entries(value);
  if (kind === "null") return null;
  if (kind === "bool") return content ? "t" : "f";
  if (kind === "double") return doubleText(Number(content));
  return kind === "bytes" ? `\\x${Buffer.from(content as string, "base64").toString("hex")}` : String(content);
}

/** One of several texts that stand for the same number. */
export function doubleText(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value);
}

/** PostgreSQL's cells as the functions above write them: numbers of floating point have one text. */
export function canonical(rows: readonly (readonly (string | null)[])[], fields: readonly Field[]): Texts {
  const float = fields.map(({ type }) => type === FieldType.FLOAT || type === FieldType.DOUBLE);
  return rows.map((row) => row.map((cell, i) => (cell !== null && float[i] ? doubleText(Number(cell)) : cell)));
}
