import type { Cell } from "./scalar.ts";

/** The cells of some rows, row by row; decoded when they are asked for. */
export interface Cells {
  readonly rows: number;
  /** The cell at `index` (row × fields + field), which is one of column `column`. */
  cell(index: number, column: number): Cell;
}
