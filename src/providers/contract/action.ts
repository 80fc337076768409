/** What changes a source, and what came of it. */
import type { FailureKind } from "../../failure.ts";
import type { Field } from "../../rows/field.ts";
import type { PackedBatch } from "../../rows/packed.ts";
import type { FilterNode, Operand } from "../contract.ts";

/** What changes a source. */
export type AnyAction = Action | NamedAction;

/** What changes rows of a resource. */
export type Action = CreateAction | UpdateAction | DeleteAction | UpsertAction;

export interface CreateAction {
  readonly kind: "create";
  readonly resource: string;
  /** Each once. */
  readonly fields: readonly string[];
  /** One at least, each with a value for each of `fields`. */
  readonly rows: readonly (readonly Operand[])[];
}

export interface UpdateAction {
  readonly kind: "update";
  readonly resource: string;
  /** Undefined to change every row, which the caller has asked for in so many words. */
  readonly filter: FilterNode | undefined;
  /** One at least, each field once. */
  readonly values: readonly { readonly field: string; readonly value: Operand }[];
}

export interface DeleteAction {
  readonly kind: "delete";
  readonly resource: string;
  /** Undefined to remove every row, which the caller has asked for in so many words. */
  readonly filter: FilterNode | undefined;
}

/** Inserts rows, or changes those that are there with the same key. */
export interface UpsertAction extends Omit<CreateAction, "kind"> {
  readonly kind: "upsert";
  /** The unique key by which a row is known; empty for the primary key. */
  readonly key: readonly string[];
}

/** What a provider or a connector declares besides: `charges.refund`. */
export interface NamedAction {
  readonly kind: "named";
  readonly name: string;
  /** A JSON object. */
  readonly input: Readonly<Record<string, unknown>>;
}

export interface ActionRequest<Done extends AnyAction = Action> {
  readonly action: Done;
  /** The caller's own, by which a source may know the same request again; undefined when it gave none. */
  readonly idempotencyKey?: string | undefined;
  /** Say what would be done, and change nothing. */
  readonly dryRun: boolean;
  /** Change nothing when more rows than this would be touched; undefined for no cap. */
  readonly maxAffectedRows: number | undefined;
  /** The fields of the touched rows to give back; empty for none. */
  readonly returning: readonly string[];
  /** Bytes of returned cells above which nothing is changed, or, by who can't take a change back, nothing more. */
  readonly maxBytes: number;
}

export interface ActionResult {
  /** Rows that were touched, or would be. */
  readonly affectedRows: number;
  /** Of the rows given back. */
  readonly fields: readonly Field[];
  readonly batches: readonly PackedBatch[];
  /** What would be sent, without values, when that was all that was asked for; else empty. */
  readonly statement: string;
  /** What became of each row of the request, in its order, where the source could not do all or nothing. Default: all is done. */
  readonly items?: readonly ItemResult[];
  /** What a named action answers: a JSON object. */
  readonly output?: Readonly<Record<string, unknown>>;
}

/** What became of one row of an action. */
export type ItemResult =
  | { readonly ok: true }
  | { readonly ok: false; readonly reason: FailureKind; readonly message: string };

/** A named action, for whoever wants to run it. */
export interface ActionDescription {
  readonly name: string;
  readonly description: string;
  /** What it asks for, as a JSON Schema of an object. */
  readonly input: object;
}
