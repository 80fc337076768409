/** The command that runs a prepared statement. */
import { writeLength, writtenSize } from "./length.ts";

/**
 * A parameter: a text, whose type the statement says by a cast, or what a caller's own
 * statement takes as it is, a whole number between -2⁶³ and 2⁶⁴ - 1, a DOUBLE or bytes.
 */
export type Parameter = string | bigint | number | Uint8Array | null;

const comStmtExecute = 0x17;
/** Command, statement, flags and the number of iterations, which is always one. */
const headBytes = 10;

/** The types of the protocol; the second byte says that a number has no sign. */
const typeBytes = {
  text: [0xfd, 0],
  bytes: [0xfc, 0],
  integer: [0x08, 0],
  unsigned: [0x08, 0x80],
  double: [0x05, 0],
} as const;

const numberBytes = 8;
const beyondSigned = 2n ** 63n;

/**
 * The body of COM_STMT_EXECUTE, without packet headers, for a connection that has not
 * agreed on CLIENT_QUERY_ATTRIBUTES.
 *
 * Source: MySQL, "COM_STMT_EXECUTE".
 */
export function encodeExecute(statementId: number, parameters: readonly Parameter[]): Buffer {
  const sizes = parameters.map(sizeOf);
  const nullBytes = (parameters.length + 7) >> 3;
  const types = headBytes + nullBytes + 1;
  const values = parameters.length === 0 ? headBytes : types + 2 * parameters.length;
  const body = Buffer.alloc(sizes.reduce((sum, size) => sum + size, values));
  body[0] = comStmtExecute;
  body.writeUInt32LE(statementId, 1);
  body.writeUInt32LE(1, 6);
  if (parameters.length === 0) return body;
  body[types - 1] = 1; // The types follow.
  let at = values;
  for (const [i, parameter] of parameters.entries()) {
    body.set(typeBytes[kindOf(parameter)], types + 2 * i);
    if (parameter === null) {
      const byte = headBytes + (i >> 3);
      body[byte] = (body[byte] as number) | (1 << (i & 7));
    } else {
      at = write(body, at, parameter);
    }
  }
  return body;
}

function kindOf(parameter: Parameter): keyof typeof typeBytes {
  if (typeof parameter === "bigint") return parameter < beyondSigned ? "integer" : "unsigned";
  if (typeof parameter === "number") return "double";
  return parameter === null || typeof parameter === "string" ? "text" : "bytes";
}

function sizeOf(parameter: Parameter): number {
  if (parameter === null) return 0;
  if (typeof parameter === "bigint" || typeof parameter === "number") return numberBytes;
  const size = Buffer.byteLength(parameter);
  return writtenSize(size) + size;
}

/** Says where the value ends. */
function write(body: Buffer, at: number, parameter: NonNullable<Parameter>): number {
  if (typeof parameter === "number") return body.writeDoubleLE(parameter, at);
  if (typeof parameter === "bigint") return body.writeBigInt64LE(BigInt.asIntN(64, parameter), at);
  const start = writeLength(body, at, Buffer.byteLength(parameter));
  if (typeof parameter === "string") return start + body.write(parameter, start);
  body.set(parameter, start);
  return start + parameter.length;
}
