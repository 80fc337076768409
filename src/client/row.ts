import { base64Encode } from "@bufbuild/protobuf/wire";
import type { Field } from "../gen/connector/v1/value_pb.js";
import type { Cells } from "./decode/cells.ts";
import { type Column, columnOf } from "./decode/kind.ts";
import type { Cell } from "./decode/scalar.ts";
import { dateOf, instantOf } from "./time.ts";

/**
 * One row. A cell is decoded when it is read, every time it is read.
 *
 * `row.name` reads the field `name`. A field that is called like one of the methods
 * here, `date` for example, is read by `row.get("date")`.
 *
 * | the field's type                | what is read                                       |
 * |---------------------------------|----------------------------------------------------|
 * | BOOL                            | boolean                                            |
 * | INT32                           | number                                             |
 * | INT64, UINT64                   | bigint                                             |
 * | FLOAT, DOUBLE                   | number, NaN and the infinities included            |
 * | DECIMAL                         | string: `-12.340`                                  |
 * | BYTES                           | Uint8Array                                         |
 * | ARRAY                           | array of what its elements are; null for NULL      |
 * | JSON                            | string, the document as it is; `row.json()` parses |
 * | DATE, TIME, TIMESTAMP(_TZ)      | string, all digits: `2026-11-22 13:45:00.000001+00`; `row.date()` and `row.instant()` convert |
 * | STRING, ENUM, UUID and the rest | string                                             |
 *
 * Null is null. Strings of 13 characters and more share the text of their batch, so
 * one that is kept keeps about 125 kB; `structuredClone(row.toArray())` is a copy
 * that does not.
 */
export type Row<T extends object = UntypedFields> = string extends keyof T
  ? UntypedRow
  : RowMethods<T> & Readonly<Omit<T, keyof RowMethods<T>>>;

/** The fields of a row when nobody says what they are. */
export type UntypedFields = Record<string, Cell>;

/** A row whose fields nobody has named. */
export interface UntypedRow extends RowMethods<UntypedFields> {
  readonly [name: string]: unknown;
}

export interface RowMethods<T extends object> {
  /** The value of a field; of several with one name the last. Throws a RangeError when there is none. */
  get<Name extends keyof T & string>(name: Name): T[Name];
  /** The value of the field at a place, from 0. */
  at(index: number): Cell;
  /** The values by name. */
  toObject(): T;
  /** The values in the fields' order. */
  toArray(): Cell[];
  /**
   * A DATE, TIMESTAMP or TIMESTAMP_TZ to the millisecond, read as UTC; null for
   * null. Throws a RangeError for `infinity` and what else no Date can hold.
   */
  date(name: keyof T & string): Date | null;
  /** The same to the microsecond, where the runtime has Temporal; a RangeError where it has not. */
  instant(name: keyof T & string): Temporal.Instant | null;
  /** A JSON field, parsed. JSON.parse rounds numbers beyond 2⁵³: the string has all of their digits. */
  json<Document = unknown>(name: keyof T & string): Document | null;
  /** For JSON.stringify: bigint as string, bytes as base64. */
  toJSON(): Record<string, unknown>;
}

/** Makes the rows of one result. */
export class RowShape {
  readonly columns: readonly Column[];
  readonly names: readonly string[];
  /** Where each name is; of several fields with one name the last. */
  readonly indexes: ReadonlyMap<string, number>;
  /** An object with all names: cloning it and filling it is faster than adding names one by one. */
  readonly template: Readonly<Record<string, Cell>>;
  readonly #rowClass: typeof DecodedRow;

  constructor(fields: readonly Field[]) {
    this.columns = fields.map(columnOf);
    this.names = this.columns.map(({ name }) => name);
    this.indexes = new Map(this.names.map((name, index) => [name, index]));
    this.template = Object.fromEntries(this.names.map((name) => [name, null]));
    this.#rowClass = class extends DecodedRow {};
    for (const [name, index] of this.indexes) {
      if (!(name in DecodedRow.prototype)) DecodedRow.defineField(this.#rowClass, name, index);
    }
  }

  row<T extends object>(cells: Cells, index: number): Row<T> {
    return new this.#rowClass(this, cells, index * this.columns.length) as unknown as Row<T>;
  }
}

/** A row of any fields; each RowShape has its own subclass with a getter for each field. */
class DecodedRow implements RowMethods<Record<string, unknown>> {
  readonly #shape: RowShape;
  readonly #cells: Cells;
  readonly #first: number;

  constructor(shape: RowShape, cells: Cells, first: number) {
    this.#shape = shape;
    this.#cells = cells;
    this.#first = first;
  }

  /** Lets a field be read by its name. */
  static defineField(rowClass: typeof DecodedRow, name: string, index: number): void {
    Object.defineProperty(rowClass.prototype, name, {
      enumerable: true,
      get(this: DecodedRow): Cell {
        return this.#cells.cell(this.#first + index, index);
      },
    });
  }

  at(index: number): Cell {
    if (!(index >= 0 && index < this.#shape.names.length)) throw new RangeError(`The row has no field ${index}.`);
    return this.#cells.cell(this.#first + index, index);
  }

  get(name: string): Cell {
    const index = this.#shape.indexes.get(name);
    if (index === undefined) {
      throw new RangeError(`The row has no field "${name}". It has: ${this.#shape.names.join(", ")}.`);
    }
    return this.#cells.cell(this.#first + index, index);
  }

  toObject(): Record<string, Cell> {
    const { names, template } = this.#shape;
    const object = { ...template };
    for (let i = 0; i < names.length; i++) object[names[i] as string] = this.#cells.cell(this.#first + i, i);
    return object;
  }

  toArray(): Cell[] {
    const count = this.#shape.names.length;
    const array = new Array<Cell>(count);
    for (let i = 0; i < count; i++) array[i] = this.#cells.cell(this.#first + i, i);
    return array;
  }

  date(name: string): Date | null {
    const text = this.#string(name);
    return text === null ? null : dateOf(text);
  }

  instant(name: string): Temporal.Instant | null {
    const text = this.#string(name);
    return text === null ? null : instantOf(text);
  }

  json<Document>(name: string): Document | null {
    const text = this.#string(name);
    return text === null ? null : (JSON.parse(text) as Document);
  }

  toJSON(): Record<string, unknown> {
    return Object.fromEntries(Object.entries(this.toObject()).map(([name, cell]) => [name, jsonOf(cell)]));
  }

  /** What console.log shows. */
  [Symbol.for("nodejs.util.inspect.custom")](): Record<string, Cell> {
    return this.toObject();
  }

  #string(name: string): string | null {
    const cell = this.get(name);
    if (cell === null || typeof cell === "string") return cell;
    throw new TypeError(`The field "${name}" is a ${typeof cell} and not text.`);
  }
}

function jsonOf(cell: Cell): unknown {
  if (typeof cell === "bigint") return cell.toString();
  if (typeof cell === "number" && !Number.isFinite(cell)) return String(cell);
  if (cell instanceof Uint8Array) return base64Encode(cell);
  return Array.isArray(cell) ? cell.map(jsonOf) : cell;
}
