/** Rows of JSON, wherever they stand in a body. */
import type { PackedWriter } from "../../../../rows/packed.ts";
import { type CellPacker, createCellPacker, scalarText } from "../cell/pack.ts";
import { kindNone, kindObject, newSlots, type Slots } from "../cell/slots.ts";
import { tooLarge } from "../failures.ts";
import { defaultMaxRowBytes, type ExpectedRows } from "../format.ts";
import type { Pause, Window } from "../window.ts";
import { planRow, type RowPlan } from "./plan.ts";
import { RowScanner } from "./row.ts";
import { JsonScanner, needsMore } from "./scan.ts";
import { endOfValue, notJson } from "./value.ts";

/** What is worked out once for all bodies that are alike. */
export interface JsonRowPlan {
  readonly resource: string;
  readonly maxRowBytes: number;
  readonly row: RowPlan;
  readonly pack: CellPacker;
  /** The last row's values that are wanted, and their slots. */
  readonly last: ReadonlyMap<string, number>;
  /** Nobody uses them now: to make them takes longer than to read a small page. */
  readonly spare: Tools[];
}

/** What reads one body at a time. */
interface Tools {
  readonly row: RowScanner;
  readonly lastSlots: Slots;
  readonly scanner: JsonScanner;
}

/** Pages that are read at once, mostly. */
const maxSpare = 8;

export function planJsonRows(expected: ExpectedRows): JsonRowPlan {
  const { resource, fields, last = [], maxRowBytes = defaultMaxRowBytes } = expected;
  const row = planRow([...fields.map(({ path }) => path), ...last]);
  return {
    ...{ resource, maxRowBytes, row },
    pack: createCellPacker(resource, fields, row.slots),
    spare: [],
    last: new Map(last.map((pointer, i) => [pointer, row.slots[fields.length + i] as number])),
  };
}

/** Packs the rows of one body. */
export class JsonRows {
  readonly #plan: JsonRowPlan;
  readonly #window: Window;
  readonly #writer: PackedWriter;
  readonly #tools: Tools;
  readonly #row: RowScanner;
  readonly #last = new Map<string, string | undefined>();
  /** Where the wanted values of the last row stand in the window's bytes, until they are kept. */
  readonly #lastSlots: Slots;
  #hasLast = false;

  constructor(plan: JsonRowPlan, window: Window, writer: PackedWriter) {
    this.#plan = plan;
    this.#window = window;
    this.#writer = writer;
    this.#tools = plan.spare.pop() ?? newTools(plan);
    this.#row = this.#tools.row;
    this.#lastSlots = this.#tools.lastSlots;
  }

  /** Finds where values end, while no row is read. */
  get scanner(): JsonScanner {
    return this.#tools.scanner;
  }

  /** The body has ended, and nothing of it will be asked for but what was kept. */
  release(): void {
    this.#row.forget();
    if (this.#plan.spare.length < maxSpare) this.#plan.spare.push(this.#tools);
  }

  /**
   * Packs the row at the window's place, which there is, and goes on behind it.
   *
   * @param end behind the last byte that may be the row's; undefined when nothing ends it but itself
   * @returns false when more is needed; the window's place is then the same
   */
  next(end?: number): boolean {
    const { bytes, at } = this.#window;
    const next = this.#row.scan(bytes, at, end ?? bytes.length, end !== undefined);
    if (next === needsMore && end === undefined) return false;
    if (next < 0) throw notJson(this.#plan.resource, next);
    if (next - at > this.#plan.maxRowBytes) throw this.#rowTooLarge();
    this.#plan.pack(bytes, this.#row.slots, this.#writer);
    this.#writer.endRow();
    if (this.#plan.last.size > 0) this.#note();
    this.#window.at = next;
    return true;
  }

  /** As `next`, of a row that goes on behind the window's end. */
  *whole(): Generator<Pause, undefined> {
    this.keepLast();
    const { resource, maxRowBytes } = this.#plan;
    this.next(yield* endOfValue(resource, this.#window, this.scanner, maxRowBytes, () => this.#rowTooLarge()));
  }

  /** Makes texts of the last row's values while its bytes are there: before more of the body is waited for. */
  keepLast(): void {
    if (!this.#hasLast) return;
    this.#hasLast = false;
    const { kinds, starts, ends } = this.#lastSlots;
    for (const [pointer, slot] of this.#plan.last) {
      const kind = kinds[slot] as number;
      const isScalar = kind !== kindNone && kind < kindObject;
      const text = () => scalarText(kind, this.#window.bytes, starts[slot] as number, ends[slot] as number);
      this.#last.set(pointer, isScalar ? text() : undefined);
    }
  }

  /** As `RowReading.last`. */
  last(pointer: string): string | undefined {
    return this.#last.get(pointer);
  }

  #rowTooLarge() {
    return tooLarge(this.#plan.resource, "a row", this.#plan.maxRowBytes);
  }

  /** Only remembers where they are: few rows are ever the last one. */
  #note(): void {
    const { kinds, starts, ends } = this.#row.slots;
    for (const slot of this.#plan.last.values()) {
      this.#lastSlots.kinds[slot] = kinds[slot] as number;
      this.#lastSlots.starts[slot] = starts[slot] as number;
      this.#lastSlots.ends[slot] = ends[slot] as number;
    }
    this.#hasLast = true;
  }
}

const newTools = ({ row, last }: JsonRowPlan): Tools => ({
  row: new RowScanner(row),
  lastSlots: newSlots(last.size > 0 ? row.slotCount : 0),
  scanner: new JsonScanner(),
});
