/** CSV into rows. */
import { batchBytes, type PackedWriter } from "../../../../rows/packed.ts";
import { type CellPacker, createCellPacker, scalarText } from "../cell/pack.ts";
import { kindBare, kindNone } from "../cell/slots.ts";
import type { Decoder } from "../decoder.ts";
import { columnMissing, tooLarge, truncated, unreadable } from "../failures.ts";
import { defaultMaxRowBytes, type ExpectedRows, type HttpField, isText, type RowFormat } from "../format.ts";
import { quote } from "../json/bytes.ts";
import { pointerNames } from "../pointer.ts";
import type { Pause, Window } from "../window.ts";
import { isLineEnd, needsMore, numberKind, RecordScanner, tooManyCells } from "./record.ts";

type Csv = RowFormat & { readonly kind: "csv" };

/** Which cells become fields, known once the columns are. */
interface Columns {
  readonly count: number;
  readonly pack: CellPacker;
  /** The cells that are no texts: empty ones are null even between quotes. */
  readonly typed: Int32Array;
  /** The last row's cells that are wanted; -1 for what is no column. */
  readonly last: ReadonlyMap<string, number>;
}

export function csvDecoder(expected: ExpectedRows, format: Csv): () => Decoder {
  const delimiter = format.delimiter.charCodeAt(0);
  if (format.delimiter.length !== 1 || delimiter > 0x7f || delimiter === quote || isLineEnd(delimiter)) {
    throw new RangeError("a delimiter is one character of ASCII, and neither a quote nor a line end");
  }
  const paths = [...expected.fields.map(({ path }) => path), ...(expected.last ?? [])];
  const isWhole = expected.fields.length === 1 && expected.fields[0]?.path === "";
  const names = new Map(isWhole ? [] : paths.map((path) => [path, columnName(path)]));

  return () => {
    const last = new Map<string, string | undefined>();
    return {
      decode: (window, writer) => new CsvReader(expected, format, delimiter, names, last, window, writer).records(),
      value: () => undefined,
      last: (path) => last.get(path),
    };
  };
}

function columnName(path: string): string {
  const [name, ...more] = pointerNames(path);
  if (name === undefined || more.length > 0) throw new RangeError(`\`${path}\` is no column`);
  return name;
}

class CsvReader {
  readonly #expected: ExpectedRows;
  readonly #hasHeader: boolean;
  readonly #names: ReadonlyMap<string, string>;
  readonly #last: Map<string, string | undefined>;
  readonly #window: Window;
  readonly #writer: PackedWriter;
  readonly #record: RecordScanner;
  readonly #maxRowBytes: number;
  #columns: Columns | undefined;

  constructor(
    expected: ExpectedRows,
    format: Csv,
    delimiter: number,
    names: ReadonlyMap<string, string>,
    last: Map<string, string | undefined>,
    window: Window,
    writer: PackedWriter,
  ) {
    this.#expected = expected;
    this.#hasHeader = format.header;
    this.#names = names;
    this.#last = last;
    this.#window = window;
    this.#writer = writer;
    this.#record = new RecordScanner(delimiter);
    this.#maxRowBytes = expected.maxRowBytes ?? defaultMaxRowBytes;
  }

  *records(): Generator<Pause, undefined> {
    while (yield* this.#toRecord()) {
      const end = yield* this.#endOfRecord();
      const isHeader = this.#columns === undefined && this.#hasHeader;
      this.#columns ??= this.#columnsOf();
      if (!isHeader) this.#row(this.#columns);
      this.#window.at = end;
      if (this.#writer.size >= batchBytes) yield "full";
    }
  }

  /** Goes on behind line ends; false when the body ends there. */
  *#toRecord(): Generator<Pause, boolean> {
    const window = this.#window;
    for (;;) {
      const { bytes } = window;
      while (window.at < bytes.length && isLineEnd(bytes[window.at] as number)) window.at++;
      if (window.at < bytes.length) return true;
      if (window.ended) return false;
      yield "more";
    }
  }

  *#endOfRecord(): Generator<Pause, number> {
    const window = this.#window;
    let end = this.#scan(window.bytes.length, window.ended);
    if (end === needsMore) end = this.#scan(yield* this.#nextLineEnd(), true);
    if (end === needsMore) throw truncated(this.#expected.resource);
    if (end - window.at > this.#maxRowBytes) throw this.#tooLarge();
    return end;
  }

  /** Of a record that goes on behind the window's end: no byte is looked at twice, however it comes. */
  *#nextLineEnd(): Generator<Pause, number> {
    const window = this.#window;
    let isQuoted = false;
    let seen = 0;
    for (;;) {
      const { bytes } = window;
      for (let at = window.at + seen; at < bytes.length; at++) {
        const byte = bytes[at] as number;
        if (byte === quote) isQuoted = !isQuoted;
        else if (isLineEnd(byte) && !isQuoted) return at;
      }
      seen = bytes.length - window.at;
      if (seen > this.#maxRowBytes) throw this.#tooLarge();
      if (window.ended) return bytes.length;
      yield "more";
    }
  }

  #scan(end: number, isWhole: boolean): number {
    const found = this.#record.scan(this.#window.bytes, this.#window.at, end, isWhole);
    if (found >= 0 || found === needsMore) return found;
    const { resource } = this.#expected;
    throw unreadable(
      resource,
      found === tooManyCells ? "it has too many columns" : "a quote stands where CSV has none",
    );
  }

  /** By the first record. */
  #columnsOf(): Columns {
    const { count } = this.#record;
    const places = new Map<string, number>();
    // The first of several of one name counts.
    for (let i = count - 1; i >= 0; i--) places.set(this.#hasHeader ? this.#text(i) : String(i), i);
    if (this.#names.size === 0) return this.#wholeRecords(places);
    const { resource, fields, last = [] } = this.#expected;
    const placeOf = (path: string) => places.get(this.#names.get(path) ?? "");
    const slots = fields.map((field) => {
      const place = placeOf(field.path);
      if (place === undefined) throw columnMissing(resource, field);
      return place;
    });
    return {
      count,
      pack: createCellPacker(resource, fields, Int32Array.from(slots)),
      typed: Int32Array.from(slots.filter((_, i) => !isText(fields[i] as HttpField))),
      last: new Map(last.map((path) => [path, placeOf(path) ?? -1])),
    };
  }

  /** Each record is an object of texts, and nulls for what is empty. */
  #wholeRecords(places: ReadonlyMap<string, number>): Columns {
    const names = [...places].sort(([, a], [, b]) => a - b);
    const pack: CellPacker = (_bytes, { kinds }, writer) => {
      const entries = names.map(([name, place]) => [name, kinds[place] === kindNone ? null : this.#text(place)]);
      writer.text(JSON.stringify(Object.fromEntries(entries)));
    };
    return { count: this.#record.count, pack, typed: new Int32Array(), last: new Map() };
  }

  #row({ count, pack, typed, last }: Columns): void {
    if (this.#record.count !== count) {
      throw unreadable(this.#expected.resource, "a record has not as many cells as the first");
    }
    const { bytes } = this.#window;
    const { kinds, starts, ends } = this.#record.cells;
    for (const place of typed) {
      const [start, end] = [starts[place] as number, ends[place] as number];
      if (kinds[place] === kindBare) kinds[place] = start === end ? kindNone : numberKind(bytes, start, end);
    }
    pack(bytes, this.#record.cells, this.#writer);
    this.#writer.endRow();
    for (const [path, place] of last) {
      this.#last.set(path, place < 0 || kinds[place] === kindNone ? undefined : this.#text(place));
    }
  }

  #text(place: number): string {
    const { kinds, starts, ends } = this.#record.cells;
    return scalarText(kinds[place] as number, this.#window.bytes, starts[place] as number, ends[place] as number);
  }

  #tooLarge() {
    return tooLarge(this.#expected.resource, "a row", this.#maxRowBytes);
  }
}
