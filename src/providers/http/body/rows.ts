/** Bodies of any format into packed rows. */
import { csvDecoder } from "./csv/decoder.ts";
import type { Decoder } from "./decoder.ts";
import { undeclarable } from "./failures.ts";
import type { ExpectedRows, RowReader } from "./format.ts";
import { documentDecoder } from "./json/document.ts";
import { linesDecoder } from "./json/lines.ts";
import { pumped } from "./pump.ts";
import { xmlDecoder } from "./xml/decoder.ts";

/**
 * @throws Failure `configuration_rejected`, final, when what is expected makes no sense: a path
 *   that is none, or a delimiter that is not one character of ASCII
 */
export function rowReader(expected: ExpectedRows): RowReader {
  const newDecoder = possible(expected);
  return (body) => {
    const decoder = newDecoder();
    return {
      batches: pumped(expected.resource, body, decoder),
      value: (pointer) => decoder.value(pointer),
      last: (path) => decoder.last(path),
    };
  };
}

function possible(expected: ExpectedRows): () => Decoder {
  try {
    return decoderOf(expected);
  } catch (error) {
    throw error instanceof RangeError ? undeclarable(expected.resource, error.message) : error;
  }
}

/** @throws RangeError */
function decoderOf(expected: ExpectedRows): () => Decoder {
  const { format } = expected;
  switch (format.kind) {
    case "json":
      return documentDecoder(expected, format.rows, format.absent);
    case "json_api":
      return documentDecoder(expected, "/data");
    case "csv":
      return csvDecoder(expected, format);
    case "ndjson":
      return linesDecoder(expected);
    case "xml":
      return xmlDecoder(expected, format.rows);
  }
}
