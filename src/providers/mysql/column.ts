/**
 * The description of one column of a result.
 *
 * Sources: MySQL, "Protocol::ColumnDefinition41" and "Field Types"; MariaDB, "Result Set
 * Packets" with the extended metadata of MARIADB_CLIENT_EXTENDED_METADATA.
 */
import { lengthAt, lengthSize } from "./length.ts";
import { malformedColumn } from "./malformed.ts";

/** A column as the server describes it; texts are in the connection's character set, utf8mb4. */
export interface Column {
  readonly name: string;
  readonly schema: string;
  /** The table by the name that the statement gives it; empty for an expression. */
  readonly table: string;
  readonly originalTable: string;
  readonly originalName: string;
  /** One of `types`. */
  readonly type: number;
  /** Some of `flags`. */
  readonly flags: number;
  /** The number of the collation in which the values come; `binaryCollation` for bytes. */
  readonly collation: number;
  /** Bytes at most, or characters of a number's text. */
  readonly length: number;
  /** Digits after the point or of a second; 31 or more when there is no such limit. */
  readonly decimals: number;
  /** What only MariaDB tells: `uuid`, `inet6`, `point`; empty otherwise. */
  readonly extendedType: string;
  /** What only MariaDB tells: `json`; empty otherwise. */
  readonly extendedFormat: string;
}

/** The types of the protocol: enum_field_types, but for those that no server sends. */
export const types = {
  decimal: 0,
  tiny: 1,
  short: 2,
  long: 3,
  float: 4,
  double: 5,
  null: 6,
  timestamp: 7,
  longlong: 8,
  int24: 9,
  date: 10,
  time: 11,
  datetime: 12,
  year: 13,
  newDate: 14,
  varchar: 15,
  bit: 16,
  vector: 242,
  json: 245,
  newDecimal: 246,
  enum: 247,
  set: 248,
  tinyBlob: 249,
  mediumBlob: 250,
  longBlob: 251,
  blob: 252,
  varString: 253,
  string: 254,
  geometry: 255,
} as const;

export const flags = { unsigned: 32, zerofill: 64, enum: 256, set: 2048 } as const;

/** The collation of values that are no text. */
export const binaryCollation = 63;

/** Collation, length, type, flags, decimals and two unused bytes. */
const fixedBytes = 12;

/** The kinds of extended metadata. */
const extendedType = 0;
const extendedFormat = 1;

/**
 * Reads `packet[start, end)`, a column definition without its packet's header.
 *
 * @param extended whether MARIADB_CLIENT_EXTENDED_METADATA was agreed on
 * @throws Failure `upstream_lost` when it is malformed
 */
export function readColumn(
  packet: Buffer,
  start: number,
  end: number,
  { extendedMetadata }: { readonly extendedMetadata: boolean },
): Column {
  const reader = new Reader(packet, start, end);
  reader.text(); // The catalogue, which is always `def`.
  const schema = reader.text();
  const table = reader.text();
  const originalTable = reader.text();
  const name = reader.text();
  const originalName = reader.text();
  const extended = extendedMetadata ? readExtended(reader.block()) : noExtension;
  const fixed = reader.block();
  if (fixed.end - fixed.at < fixedBytes) throw malformedColumn();
  return {
    name,
    schema,
    table,
    originalTable,
    originalName,
    collation: packet.readUInt16LE(fixed.at),
    length: packet.readUInt32LE(fixed.at + 2),
    type: packet.readUInt8(fixed.at + 6),
    flags: packet.readUInt16LE(fixed.at + 7),
    decimals: packet.readUInt8(fixed.at + 9),
    ...extended,
  };
}

const noExtension = { extendedType: "", extendedFormat: "" };

/** Pairs of a byte that says what it is and a text; later servers may add other kinds. */
function readExtended(block: Reader): typeof noExtension {
  const found = { ...noExtension };
  while (block.at < block.end) {
    const kind = block.byte();
    const text = block.text();
    if (kind === extendedType) found.extendedType = text;
    else if (kind === extendedFormat) found.extendedFormat = text;
  }
  return found;
}

/** Reads pieces of a packet, none of which reaches beyond its end. */
class Reader {
  readonly bytes: Buffer;
  readonly end: number;
  at: number;

  constructor(bytes: Buffer, start: number, end: number) {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
  }

  byte(): number {
    return this.bytes[this.at++] as number;
  }

  /** A piece that its length precedes. */
  block(): Reader {
    const size = this.at < this.end ? lengthAt(this.bytes, this.at, this.end) : -1;
    const from = this.at + lengthSize(this.bytes[this.at] as number);
    if (size < 0 || size > this.end - from) throw malformedColumn();
    this.at = from + size;
    return new Reader(this.bytes, from, this.at);
  }

  text(): string {
    const { at, end } = this.block();
    return this.bytes.toString("utf8", at, end);
  }
}
