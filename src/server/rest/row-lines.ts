/**
 * Rows as lines of JSON, made of packed batches without an object for each row.
 *
 * A value is as protobuf's JSON mapping would have it: integers of 64 bits and decimals are
 * texts, so that no reader rounds them; bytes are Base64; what is no number in JSON (`NaN`) is
 * a text; every other type is its canonical text, documents of JSON among them, which tells a
 * null in them from none.
 */
import { Failure } from "../../failure.ts";
import type { PackedBatch } from "../../gen/connector/v1/stream_pb.js";
import { type Field, FieldType } from "../../gen/connector/v1/value_pb.js";
import { Bytes, copy, slack } from "../../rows/copy.ts";

type Form = "text" | "number" | "bool" | "bytes";

const forms: Partial<Record<FieldType, Form>> = {
  [FieldType.INT32]: "number",
  [FieldType.FLOAT]: "number",
  [FieldType.DOUBLE]: "number",
  [FieldType.BOOL]: "bool",
  [FieldType.BYTES]: "bytes",
};

const jsonNumber = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

/** Room for a cell beside its own bytes: quotes, `null`, a number that is written anew. */
const cellRoom = 28;

const quote = '"'.charCodeAt(0);
const lineEnd = Buffer.from("}\n");
const emptyLine = Buffer.from("{}\n");
const noBytes = new Bytes(Buffer.alloc(0));

/** What a byte of a text is written as where JSON does not take it as it is. */
const escaped: readonly (Buffer | undefined)[] = Array.from({ length: 256 }, (_, byte) => {
  const written = JSON.stringify(String.fromCharCode(byte)).slice(1, -1);
  return byte < 0x80 && written.length > 1 ? Buffer.from(written) : undefined;
});
/** By how many bytes it grows. */
const growth = Uint8Array.from(escaped, (written) => (written === undefined ? 0 : written.length - 1));

export class RowLines {
  /** The names of the rows' values: the fields' own, told apart where a name is repeated. */
  readonly keys: readonly string[];
  readonly #fields: readonly Field[];
  readonly #forms: readonly Form[];
  /** `{"id":` and `,"name":` */
  readonly #heads: readonly Buffer[];
  /** Bytes of a row at most, beside those of its cells. */
  readonly #rowRoom: number;
  #cells = noBytes;
  #bytes = noBytes;
  #out = noBytes.buffer;
  #at = 0;

  constructor(fields: readonly Field[]) {
    this.#fields = fields;
    this.keys = toldApart(fields.map(({ name }) => name));
    this.#forms = fields.map(({ type }) => forms[type] ?? "text");
    this.#heads = this.keys.map((key, i) => Buffer.from(`${i === 0 ? "{" : ","}${JSON.stringify(key)}:`));
    const heads = this.#heads.reduce((sum, { length }) => sum + length + cellRoom, 0);
    this.#rowRoom = heads + emptyLine.length;
  }

  /** @throws Failure `upstream_lost` when a cell is none of its field's type */
  encode({ rows, cells, lengths }: PackedBatch): Uint8Array {
    this.#begin(cells, rows);
    const fieldCount = this.#heads.length;
    let start = 0;
    for (let row = 0, cell = 0; row < rows; row++) {
      for (let field = 0; field < fieldCount; field++) {
        this.#raw(this.#heads[field] as Buffer);
        const length = lengths[cell++] as number;
        if (length === 0) this.#ascii("null");
        else this.#cell(field, start, start + length - 1);
        if (length > 0) start += length - 1;
      }
      this.#raw(fieldCount === 0 ? emptyLine : lineEnd);
    }
    return this.#out.subarray(0, this.#at);
  }

  #begin(cells: Uint8Array, rows: number): void {
    let grown = 0;
    for (let i = 0; i < cells.length; i++) grown += growth[cells[i] as number] as number;
    this.#cells = new Bytes(Buffer.from(cells.buffer, cells.byteOffset, cells.length));
    this.#bytes = Bytes.ofSize(cells.length + grown + rows * this.#rowRoom + slack);
    this.#out = this.#bytes.buffer;
    this.#at = 0;
  }

  #cell(field: number, start: number, end: number): void {
    const form = this.#forms[field];
    if (form === "text") this.#text(start, end);
    else if (!this.#parsed(form as Form, start, end)) throw notOfType(this.#fields[field] as Field);
  }

  /** Writes a value that has another form than its text; false when it is none of the kind. */
  #parsed(form: Form, start: number, end: number): boolean {
    const text = this.#cells.buffer.toString("latin1", start, end);
    if (form === "number") return this.#number(text);
    if (form === "bytes") return this.#base64(text);
    this.#ascii(text === "t" ? "true" : "false");
    return text === "t" || text === "f";
  }

  #number(text: string): boolean {
    if (jsonNumber.test(text)) this.#ascii(text);
    else if (["NaN", "Infinity", "-Infinity"].includes(text)) this.#ascii(`"${text}"`);
    // With zeros in front, for example, as MySQL fills numbers up.
    else this.#ascii(String(Number(text)));
    return text.trim() !== "" && (text === "NaN" || !Number.isNaN(Number(text)));
  }

  /** Of two hexadecimal digits a byte, behind `\x`. */
  #base64(text: string): boolean {
    if (!/^\\x([\da-f]{2})*$/i.test(text)) return false;
    this.#ascii(`"${Buffer.from(text.slice(2), "hex").toString("base64")}"`);
    return true;
  }

  #text(start: number, end: number): void {
    const { buffer } = this.#cells;
    const out = this.#out;
    out[this.#at++] = quote;
    let from = start;
    for (let i = start; i < end; i++) {
      const written = escaped[buffer[i] as number];
      if (written === undefined) continue;
      this.#copy(from, i);
      this.#raw(written);
      from = i + 1;
    }
    this.#copy(from, end);
    out[this.#at++] = quote;
  }

  #copy(start: number, end: number): void {
    copy(this.#cells, start, end, this.#bytes, this.#at);
    this.#at += end - start;
  }

  #raw(bytes: Buffer): void {
    const out = this.#out;
    for (let i = 0; i < bytes.length; i++) out[this.#at++] = bytes[i] as number;
  }

  #ascii(text: string): void {
    this.#at += this.#out.write(text, this.#at, "latin1");
  }
}

/** `a`, `a_2`, `a_3`: a name that is repeated gets a number that makes it another one. */
function toldApart(names: readonly string[]): string[] {
  const used = new Set<string>();
  const own = new Set(names);
  return names.map((name) => {
    let key = name;
    for (let i = 2; used.has(key) || (key !== name && own.has(key)); i++) key = `${name}_${i}`;
    used.add(key);
    return key;
  });
}

function notOfType({ name }: Field): Failure {
  return new Failure("upstream_lost", `The source gave for the field \`${name}\` what is no value of its type.`, {
    where: "upstream",
    remedy: "Try again: the field's type may just have been changed at the source.",
    metadata: { field: name },
  });
}
