import { create, type JsonObject, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type ExecuteRequest,
  ExecuteRequestSchema,
  type ExecuteResponse,
  type ItemResult,
} from "../gen/connector/v1/action_pb.js";
import type { Timings } from "../gen/connector/v1/query_pb.js";
import type { Field } from "../gen/connector/v1/value_pb.js";
import { rowsOf } from "./page.ts";
import { type ResourceQuery, whereOf } from "./query.ts";
import type { Row, UntypedFields } from "./row.ts";
import { type Parameter, valueFrom } from "./value.ts";

/** A row of new values, by field. */
export type NewRow = Readonly<Record<string, Parameter>>;

type Condition = Pick<ResourceQuery, "where" | "filter">;

/** What to change: each names its resource; or a named action of the provider or the connector. */
export type ActionInput =
  /** Every row gives the same fields. */
  | { readonly create: string; readonly rows: readonly NewRow[] }
  /** As `create`, for rows that may be there already. `key`: the fields they are known by; default: the primary key. */
  | { readonly upsert: string; readonly rows: readonly NewRow[]; readonly key?: readonly string[] }
  /** Without a condition it must say that it means every row. */
  | ({ readonly update: string; readonly values: NewRow; readonly allowAll?: boolean } & Condition)
  | ({ readonly delete: string; readonly allowAll?: boolean } & Condition)
  | { readonly action: string; readonly input?: JsonObject };

export interface ActionOptions {
  /** Makes the call safe to repeat for 24 hours. Default: it is not. */
  readonly idempotencyKey?: string;
  /** Say what would be done, and change nothing. */
  readonly dryRun?: boolean;
  /** Change nothing when more rows than this would be touched. */
  readonly maxAffectedRows?: number;
  /** The fields of the touched rows to give back. Default: none. */
  readonly returning?: readonly string[];
}

/** What an action came to. */
export interface Executed<T extends object = UntypedFields> {
  /** Rows that were touched; or would be, of a dry run. */
  readonly affectedRows: bigint;
  readonly fields: readonly Field[];
  /** The touched rows, with the fields that `returning` named. */
  readonly rows: readonly Row<T>[];
  /** What would be sent, of a dry run. */
  readonly statement: string;
  /** What became of each row of the action where the source could not do all or nothing; else empty. */
  readonly items: readonly ItemResult[];
  /** What a named action answered. */
  readonly output: JsonObject | undefined;
  /** It is the result of an earlier call with the same idempotency key. */
  readonly replayed: boolean;
  readonly timings: Timings | undefined;
}

/**
 * An action as the contract's message.
 *
 * @throws TypeError when rows differ in their fields
 */
export function executeRequestOf(connectorId: string, input: ActionInput, options: ActionOptions): ExecuteRequest {
  const { idempotencyKey = "", dryRun = false, maxAffectedRows = 0, returning = [] } = options;
  return create(ExecuteRequestSchema, {
    ...{ connectorId, action: actionOf(input), idempotencyKey, dryRun },
    ...{ maxAffectedRows: BigInt(maxAffectedRows), returning: [...returning] },
  });
}

type WireAction = NonNullable<MessageInitShape<typeof ExecuteRequestSchema>["action"]>;

function actionOf(input: ActionInput): WireAction {
  if ("action" in input) {
    return { case: "named", value: { name: input.action, ...(input.input && { input: input.input }) } };
  }
  if ("create" in input) return { case: "create", value: { resource: input.create, ...table(input.rows) } };
  if ("upsert" in input) {
    const { upsert: resource, rows, key = [] } = input;
    return { case: "upsert", value: { resource, ...table(rows), key: [...key] } };
  }
  const condition = {
    allowAll: input.allowAll ?? false,
    ...(input.filter && { filter: input.filter }),
    ...(input.where && { where: whereOf(input.where) }),
  };
  if ("delete" in input) return { case: "delete", value: { resource: input.delete, ...condition } };
  const values = Object.entries(input.values).map(([field, value]) => [field, valueFrom(value)]);
  return { case: "update", value: { resource: input.update, values: Object.fromEntries(values), ...condition } };
}

/** The fields of the first row, and the values of each for them. */
function table(rows: readonly NewRow[]) {
  const fields = Object.keys(rows[0] ?? {});
  const values = rows.map((row, index) => {
    const missing = fields.find((field) => row[field] === undefined);
    if (missing !== undefined)
      throw new TypeError(`Row ${index} has no value for ${missing}, which the first row has.`);
    const extra = Object.keys(row).find((field) => !fields.includes(field));
    if (extra !== undefined) throw new TypeError(`Row ${index} has a value for ${extra}, which the first row has not.`);
    return { values: fields.map((field) => valueFrom(row[field] as Parameter)) };
  });
  return { fields, rows: values };
}

export function executedOf<T extends object>(response: ExecuteResponse): Executed<T> {
  const { affectedRows, fields, statement, items, output, replayed, timings } = response;
  const rows = rowsOf<T>(fields, response.rows);
  return { affectedRows, fields, rows, statement, items, output, replayed, timings };
}
