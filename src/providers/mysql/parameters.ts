/** The command that runs a prepared statement. */
import { writeLength, writtenSize } from "./length.ts";

const comStmtExecute = 0x17;
/** Command, statement, flags and the number of iterations, which is always one. */
const headBytes = 10;
/** A text; what type it is meant for, the statement says by a cast. */
const varString = 0xfd;

/**
 * The body of COM_STMT_EXECUTE, without packet headers, for a connection that has not
 * agreed on CLIENT_QUERY_ATTRIBUTES. Every parameter is a text or NULL.
 *
 * Source: MySQL, "COM_STMT_EXECUTE".
 */
export function encodeExecute(statementId: number, parameters: readonly (string | null)[]): Buffer {
  const sizes = parameters.map((parameter) => (parameter === null ? 0 : Buffer.byteLength(parameter)));
  const body = Buffer.alloc(bodySize(parameters, sizes));
  body[0] = comStmtExecute;
  body.writeUInt32LE(statementId, 1);
  body.writeUInt32LE(1, 6);
  if (parameters.length === 0) return body;
  let at = headBytes + ((parameters.length + 7) >> 3);
  body[at++] = 1; // The types follow.
  for (let i = 0; i < parameters.length; i++, at += 2) body[at] = varString;
  for (const [i, parameter] of parameters.entries()) {
    if (parameter === null) {
      const byte = headBytes + (i >> 3);
      body[byte] = (body[byte] as number) | (1 << (i & 7));
    } else {
      at = writeLength(body, at, sizes[i] as number);
      at += body.write(parameter, at);
    }
  }
  return body;
}

function bodySize(parameters: readonly (string | null)[], sizes: readonly number[]): number {
  if (parameters.length === 0) return headBytes;
  let size = headBytes + ((parameters.length + 7) >> 3) + 1 + 2 * parameters.length;
  for (const [i, parameter] of parameters.entries()) {
    if (parameter !== null) size += writtenSize(sizes[i] as number) + (sizes[i] as number);
  }
  return size;
}
