/** XML into rows, by `sax`. Nothing is ever fetched or expanded: a document with a DTD is refused. */
import sax from "sax";
import { Failure } from "../../../../failure.ts";
import { batchBytes, type PackedWriter } from "../../../../rows/packed.ts";
import { outOfRange } from "../cell/number.ts";
import { canonicalText } from "../cell/text.ts";
import type { Decoder } from "../decoder.ts";
import { notOfType, rowsMissing, tooLarge, truncated, unreadable } from "../failures.ts";
import { defaultMaxRowBytes, type ExpectedRows, isText } from "../format.ts";
import type { Pause, Window } from "../window.ts";
import { type DocumentPlan, type ElementPlan, planDocument } from "./plan.ts";

/** Elements in each other, at most. */
const maxDepth = 512;
/** Characters that are parsed before it is looked whether a batch is full. */
const pieceSize = 16_384;

/** Those that XML itself has; an object of its own, since any other has properties that are no entities. */
const entities = Object.assign(Object.create(null) as Record<string, string>, {
  ...{ amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" },
});

/** @param path of the elements that are rows */
export function xmlDecoder(expected: ExpectedRows, path: string): () => Decoder {
  const { fields, beside = [], last = [] } = expected;
  const plan = planDocument(path, [...fields.map((field) => field.path), ...last], beside);
  return () => {
    let reader: XmlReader | undefined;
    const valueAt = (number: number | undefined) => (number === undefined ? undefined : reader?.values[number]);
    return {
      decode(window, writer) {
        reader = new XmlReader(expected, path, plan, writer);
        return reader.rows(window);
      },
      value: (pointer) => valueAt(plan.besideNumbers.get(pointer)),
      last: (pointer) => valueAt(plan.numbers.get(pointer)),
    };
  };
}

/** An element that has begun. */
interface Open {
  /** Undefined when nothing of it is wanted. */
  readonly plan: ElementPlan | undefined;
  text: string;
  isNil: boolean;
}

class XmlReader {
  /** Of the row that is read, or was the last; and of what stands beside the rows. */
  readonly values: (string | undefined)[];
  readonly #expected: ExpectedRows;
  readonly #path: string;
  readonly #plan: DocumentPlan;
  readonly #writer: PackedWriter;
  readonly #parser: sax.SAXParser;
  readonly #open: Open[] = [];
  readonly #maxRowBytes: number;
  /** Characters that are kept of the row, or of the values beside the rows. */
  #kept = 0;
  #tagSize = 0;
  /** What should hold the rows stood there, or a row did. */
  #hasPlace = false;
  #hasRoot = false;
  #isEnding = false;

  constructor(expected: ExpectedRows, path: string, plan: DocumentPlan, writer: PackedWriter) {
    this.#expected = expected;
    this.#path = path;
    this.#plan = plan;
    this.#writer = writer;
    this.#maxRowBytes = expected.maxRowBytes ?? defaultMaxRowBytes;
    this.values = Array.from({ length: plan.values }, () => undefined);
    this.#parser = this.#newParser();
  }

  *rows(window: Window): Generator<Pause, undefined> {
    for (;;) {
      const text = window.takeText();
      for (let at = 0; at < text.length; at += pieceSize) {
        this.#parse(() => this.#parser.write(text.slice(at, at + pieceSize)));
        if (this.#writer.size >= batchBytes) yield "full";
      }
      if (window.ended) break;
      yield "more";
    }
    this.#isEnding = true;
    this.#parse(() => this.#parser.close());
    const { resource } = this.#expected;
    if (!this.#hasRoot) throw truncated(resource);
    if (!this.#hasPlace) throw rowsMissing(resource, this.#path);
  }

  #newParser(): sax.SAXParser {
    // Its bounds on names and attributes hold only while it counts positions.
    const parser = sax.parser(true, { position: true });
    parser.ENTITIES = entities;
    parser.onerror = () => {
      throw this.#isEnding ? truncated(this.#expected.resource) : this.#unreadable("it is not XML");
    };
    const refuse = () => {
      throw this.#unreadable("it has a document type definition");
    };
    parser.ondoctype = refuse;
    parser.onsgmldeclaration = refuse;
    parser.onprocessinginstruction = ({ name, body }) => {
      const [, encoding = "utf-8"] = /\bencoding\s*=\s*["']([^"']*)/.exec(body) ?? [];
      if (name === "xml" && !/^(?:utf-?8|us-ascii)$/i.test(encoding))
        throw this.#unreadable("its encoding is not UTF-8");
    };
    parser.onopentagstart = ({ name }) => this.#begin(name);
    parser.onattribute = ({ name, value }) => this.#attribute(name, value);
    parser.ontext = (text) => this.#text(text);
    parser.oncdata = (text) => this.#text(text);
    parser.onclosetag = () => this.#end();
    return parser;
  }

  /** What the parser throws by itself is no better XML. */
  #parse(run: () => void): void {
    try {
      run();
    } catch (error) {
      throw error instanceof Failure ? error : this.#unreadable("it is not XML");
    }
  }

  #begin(name: string): void {
    if (this.#open.length === maxDepth) {
      throw this.#unreadable(`it has elements nested more than ${maxDepth} deep`);
    }
    const isRoot = this.#open.length === 0;
    if (isRoot && this.#hasRoot) throw this.#unreadable("something follows its root");
    const parent = isRoot ? this.#plan.document : this.#open.at(-1)?.plan;
    const plan = parent?.children.get(name);
    this.#hasRoot = true;
    this.#open.push({ plan, text: "", isNil: false });
    this.#tagSize = 0;
    if (plan?.isRow) this.#beginRow();
  }

  #beginRow(): void {
    this.#hasPlace = true;
    this.#kept = 0;
    this.values.fill(undefined, 0, this.#plan.rowValues);
  }

  #attribute(name: string, value: string): void {
    this.#tagSize += name.length + value.length;
    if (this.#tagSize > this.#maxRowBytes) throw this.#tooLarge();
    const open = this.#open.at(-1);
    const wanted = open?.plan?.attributes.get(name);
    if (wanted !== undefined) this.#keep(wanted, value);
    if (open !== undefined && name === "xsi:nil" && (value === "true" || value === "1")) open.isNil = true;
  }

  #text(text: string): void {
    const open = this.#open.at(-1);
    if (open?.plan === undefined || open.plan.text < 0) return;
    this.#count(text);
    open.text += text;
  }

  #end(): void {
    const open = this.#open.pop();
    if (open?.plan === undefined) return;
    const { plan, text, isNil } = open;
    if (plan.text >= 0 && !isNil) this.#set(plan.text, text);
    if (plan.isRow) this.#endRow();
    if (plan.holdsRows) this.#hasPlace = true;
  }

  #endRow(): void {
    const { resource, fields } = this.#expected;
    for (const field of fields) {
      const value = this.values[this.#plan.numbers.get(field.path) ?? -1];
      const text = value === undefined || isText(field) ? value : value.trim();
      if (text === undefined || (text === "" && !isText(field))) {
        this.#writer.null();
        continue;
      }
      const cell = canonicalText(field, text);
      if (typeof cell !== "string") {
        throw notOfType(resource, field, cell === outOfRange ? "a number out of range" : "a text");
      }
      this.#writer.text(cell);
    }
    this.#writer.endRow();
    this.#kept = 0;
  }

  #keep(value: number, text: string): void {
    this.#count(text);
    this.#set(value, text);
  }

  /** The first of several counts. */
  #set(value: number, text: string): void {
    this.values[value] ??= text;
  }

  #count(text: string): void {
    this.#kept += text.length;
    if (this.#kept > this.#maxRowBytes) throw this.#tooLarge();
  }

  #tooLarge() {
    return tooLarge(this.#expected.resource, "a row", this.#maxRowBytes);
  }

  #unreadable(what: string) {
    return unreadable(this.#expected.resource, what);
  }
}
