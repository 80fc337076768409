/** What a benchmark is: a module of test/bench whose default export is a `Bench`. */

export const providers = ["postgresql", "mysql"] as const;

export interface BenchOptions {
  /** How often each case is measured; the cases take turns. */
  readonly rounds: number;
  readonly rows: number;
  /** Whose database is read, by a benchmark that reads those of several. */
  readonly provider: (typeof providers)[number];
  /** Gets a line about each step. */
  readonly progress: (line: string) => void;
}

export interface BenchResult {
  /** Named numbers; ratios are of one run, so that they hold on any machine. */
  readonly figures: Readonly<Record<string, number>>;
  readonly table: Table;
}

export interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export type Bench = (options: BenchOptions) => Promise<BenchResult>;

export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

/** The value that a share of all values does not exceed (nearest rank). */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}
