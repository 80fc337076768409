/** Bodies in pieces, read into rows of text. */
import { Failure } from "../../../../src/failure.ts";
import type {
  ExpectedRows,
  FieldFormat,
  HttpField,
  HttpFieldType,
  RowFormat,
} from "../../../../src/providers/http/body/format.ts";
import { rowReader } from "../../../../src/providers/http/body/rows.ts";
import { textRows } from "../../../../src/rows/page.ts";

export type Cells = readonly (string | null)[];

/** What comes of reading a whole body. */
export interface Outcome {
  /** Those that came before a failure, too. */
  readonly rows: readonly Cells[];
  /** Undefined when all went well. */
  readonly failure: Failure | undefined;
  readonly value: (pointer: string) => string | undefined;
  readonly last: (path: string) => string | undefined;
}

/** A field at `/name`, unless a path says otherwise. */
export function field(name: string, type: HttpFieldType, path = `/${name}`, format?: FieldFormat): HttpField {
  return { name, type, path, nullable: true, nativeType: type, ...(format === undefined ? {} : { format }) };
}

export const json = (rows: string, absent?: "none"): RowFormat => ({
  ...{ kind: "json", rows },
  ...(absent && { absent }),
});

/** The body, cut before each of these places. */
export async function* pieces(body: string | Uint8Array, cuts: readonly number[] = []): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(body);
  let from = 0;
  for (const to of [...cuts].sort((a, b) => a - b)) {
    if (to <= from || to >= bytes.length) continue;
    yield bytes.subarray(from, to);
    from = to;
  }
  yield bytes.subarray(from);
}

/** All cuts of a body into pieces of a size. */
export const every = (size: number, body: string | Uint8Array) =>
  Array.from({ length: Math.ceil(Buffer.byteLength(body) / size) }, (_, i) => i * size);

/** @throws all that is no Failure */
export async function outcome(
  expected: Omit<ExpectedRows, "resource">,
  body: AsyncIterable<Uint8Array>,
): Promise<Outcome> {
  const reading = rowReader({ resource: "things", ...expected })(body);
  const rows: Cells[] = [];
  let failure: Failure | undefined;
  try {
    for await (const batch of reading.batches) {
      rows.push(...textRows(batch, expected.fields.length));
      batch.release();
    }
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    failure = error;
  }
  return { rows, failure, value: reading.value, last: reading.last };
}

/** The rows of a body that is read without fault. */
export async function rowsOf(
  expected: Omit<ExpectedRows, "resource">,
  body: string | Uint8Array,
  cuts: readonly number[] = [],
): Promise<readonly Cells[]> {
  const { rows, failure } = await outcome(expected, pieces(body, cuts));
  if (failure !== undefined) throw failure;
  return rows;
}

/** What a body fails with. */
export async function failureOf(expected: Omit<ExpectedRows, "resource">, body: string | Uint8Array): Promise<Failure> {
  const { failure } = await outcome(expected, pieces(body, every(7, body)));
  if (failure === undefined) throw new RangeError("the body was read without fault");
  return failure;
}
