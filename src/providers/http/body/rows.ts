/** Bodies of any format into packed rows. */
import { Failure } from "../../../failure.ts";
import type { ExpectedRows, RowReader } from "./format.ts";

/**
 * @throws RangeError when what is expected makes no sense: a pointer that is none, a field
 *   whose format is another type's, a delimiter of more than one character.
 */
export function rowReader(expected: ExpectedRows): RowReader {
  throw new Failure("not_implemented", `No reader for ${expected.format.kind} is there yet.`);
}
