/**
 * What a provider's test tells the suite of its source. The suite's own tables are
 * described without any source's words; the fixture makes them there, by `sqlTables`
 * where the source speaks SQL.
 */
import type { JsonObject } from "@bufbuild/protobuf";
import type { Paging } from "../../src/gen/connector/v1/query_pb.js";
import type { FieldType } from "../../src/rows/field.ts";

/** Cells in the canonical text of their types, as FieldType of the contract describes it. */
export type Cells = readonly (string | null)[];

export interface Column {
  readonly name: string;
  readonly type: FieldType;
  /** Default: it can. */
  readonly nullable?: boolean;
}

/** A table, collection or whatever the source calls what is queried. */
export interface Table {
  readonly name: string;
  readonly columns: readonly Column[];
  /** The primary key; empty for none. */
  readonly key: readonly string[];
  readonly rows: readonly Cells[];
}

/** What CreateConnector takes to reach the source. */
export interface Target {
  readonly config: JsonObject;
  readonly credential: JsonObject;
}

/** The source, with nothing in it. */
export interface OpenedSource {
  /** With a user who may read and write every table but those that `forbid` has named. */
  readonly target: Target;
  /** Makes tables with their rows. */
  create(tables: readonly Table[]): Promise<void>;
  /** Adds rows to a table, beside the service. */
  insert(table: Table, rows: readonly Cells[]): Promise<void>;
  /** Keeps the connector's user from reading a table. Left out where the source knows no such thing. */
  forbid?(table: Table): Promise<void>;
  /** The texts of the service's statements that the source works on now. Left out where they can't be seen. */
  running?(): Promise<readonly string[]>;
  /** Removes all that was made. */
  close(): Promise<void>;
}

/** Statements in the source's own language; `conformance_kept` is one of the suite's tables. */
export interface NativeStatements {
  /** Gives ten rows, whose first field is 1 to 10 in this order. */
  readonly tenRows: string;
  /** Gives its only parameter back as a value of the type; undefined where no parameter has this type. */
  parameter(type: FieldType): string | undefined;
  /** Is about a minute at work before its first row. */
  readonly slow: string;
  /** Fails after some of its rows. Left out where a source answers all or nothing. */
  readonly failing?: string;
  readonly syntaxError: string;
  /** Several statements in one text, each of which may be good. */
  readonly stacked: readonly string[];
  /** Each would change the table `conformance_kept`, or make something. */
  readonly writes: readonly string[];
}

/** How connectors name where their server is; `hostAndPort` for most. */
export interface Network {
  addressOf(target: Target): Address;
  at(target: Target, address: Address): Target;
  /** What a server sends that speaks something else. Default: an answer in HTTP. */
  readonly strange?: string;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface Fixture {
  /**
   * The source's own type for each FieldType. What is left out, the source has not: nothing
   * is asked of it. There are `string` and one of `int32` and `int64` at least. `decimal` has room for 20 digits before the point and 10 behind it, and
   * writes all of the 10; `enum` has the labels sad, ok and happy, in this order; `array`
   * holds `int32`; a time has microseconds.
   */
  readonly types: Partial<Record<FieldType, string>>;
  /** Values to be read back to the letter besides the suite's own: what only this source can hold. */
  readonly extremes?: Partial<Record<FieldType, readonly string[]>>;
  /** Of the suite's own values those that the source can't hold. */
  readonly lacks?: Partial<Record<FieldType, readonly string[]>>;
  /** Left out where there is no server to be reached. */
  readonly network?: Network;
  /** Targets that can't work, made of one that does. */
  readonly mistakes: Partial<Record<Mistake, (target: Target) => Target>>;
  /** Left out where the source has no language of its own. */
  readonly native?: NativeStatements;
  /** Resources are what the connector's own configuration says: it changes with them. Default: what the source has. */
  readonly declared?: true;
  /** How pages of a resource with a key, and of one without, are cut. Default: KEYSET and OFFSET. */
  readonly paging?: { readonly keyed: keyof typeof Paging; readonly keyless: keyof typeof Paging };
  /** An action is one change of all rows that any condition selects, or one for each row that is named by its key. Default: all. */
  readonly changes?: "all" | "single_rows";
  /** What the service needs in its environment for such connectors. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Makes a new source, or a part of one that nobody else uses. */
  open(): Promise<OpenedSource>;
}

/** The credential is a wrong one; there is no such database or file; the server has no TLS that is asked for. */
export type Mistake = "credential" | "database" | "tls";

/** The type that a column has in a source: an integer's is the other one where there is only one. */
export function typeIn(types: Fixture["types"], type: FieldType): FieldType {
  return type === "int32" && !("int32" in types) ? "int64" : type;
}

/** Connectors whose configuration has `host` and `port`. */
export const hostAndPort: Network = {
  addressOf: ({ config }) => ({ host: String(config.host), port: Number(config.port) }),
  at: (target, { host, port }) => ({ ...target, config: { ...target.config, host, port } }),
};
