/**
 * What a resource of an HTTP API is, said as data: how it is read, what of a query it carries
 * out itself, how its pages follow each other and how it is changed. Connectors declare it in
 * their configuration, OpenAPI documents are turned into it, and providers of one product
 * write it down.
 */
import type { Operator } from "../contract.ts";
import type { HttpField, RowFormat } from "./body/format.ts";

/** Something that can be queried. */
export interface HttpResource {
  /** As a query names it. */
  readonly name: string;
  readonly description: string;
  /** Empty when nobody has said what they are: they are inferred from rows then. */
  readonly fields: readonly DeclaredField[];
  /** Fields that are unique together and never null; empty when there are none. */
  readonly primaryKey: readonly string[];
  /**
   * Ways to read its rows, the most specific first: the first one whose path a query's filter
   * fills is taken. The last one reads all rows, unless none does.
   */
  readonly reads: readonly [ReadOperation, ...ReadOperation[]];
  readonly changes: Readonly<Partial<Record<ChangeKind, ChangeOperation>>>;
}

/** A field, and where its value stands in a row; `parameter` says that it stands nowhere. */
export interface DeclaredField extends HttpField {
  readonly description: string;
  /** Of a field of type `enum`, in their order; else empty. */
  readonly enumLabels: readonly string[];
  /** The source computes it: it is read, and never written. */
  readonly readOnly: boolean;
  /** Rows don't hold it: it is what the query's equality filter says, which some way to read needs. */
  readonly parameter?: true;
}

/** Where a text goes in a request. */
export type Slot =
  | { readonly in: "query"; readonly name: string }
  | { readonly in: "header"; readonly name: string }
  /** In place of `{name}` in the operation's path, as one segment or a part of one. */
  | { readonly in: "path"; readonly name: string }
  /** A member of the body, by a JSON pointer; its objects and arrays are made when they are not there. */
  | { readonly in: "body"; readonly pointer: string };

/** One way to read rows. */
export interface ReadOperation {
  readonly method: "GET" | "POST";
  /** Below the base URL: `/customers/{customer}/orders`. Each name in braces is some filter's slot. */
  readonly path: string;
  /** Parameters that are always sent. */
  readonly query: Readonly<Record<string, string>>;
  /** The body's fixed part; undefined for none. */
  readonly body: RequestBody | undefined;
  /** How rows stand in the answer. */
  readonly rows: RowFormat;
  readonly paging: PagingStyle;
  /** What it can be asked for. */
  readonly filters: readonly FilterRule[];
  readonly order: OrderRule | undefined;
  readonly select: SelectRule | undefined;
  /** What 404 means: that there is no such row, or that the resource itself is not there. */
  readonly missing: "no_rows" | "unknown_resource";
}

/** A body that is filled by slots. */
export interface RequestBody {
  readonly encoding: BodyEncoding;
  /** A JSON value with the fixed members. */
  readonly template: JsonObject;
}

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [name: string]: Json;
}

/**
 * How a body is written. `form` has the top members only, as texts; `form_brackets` names
 * nested ones `address[city]` and `items[0][price]`, as Stripe takes them.
 */
export type BodyEncoding = "json" | "form" | "form_brackets" | "multipart";

/** An operator as a source carries it out: the contract's own, and those that `not` makes of them. */
export type SourceOperator = Operator | "is_not_null" | "not_in" | "not_contains" | "not_starts_with";

/** A comparison that the source makes itself, exactly as the contract means it. */
export interface FilterRule {
  readonly field: string;
  readonly operator: SourceOperator;
  readonly slot: Slot;
  /** What is sent: `{value}` stands for the operand, as in `gte:{value}`. Without it the text is sent as it is. */
  readonly template: string;
  /** Several operands: joined by this text, or as a parameter (or member of an array) each. Default: each. */
  readonly separator: string | undefined;
  readonly spelling: Spelling;
  /** The slot takes several such comparisons, all of which hold. Default: one. */
  readonly repeatable?: true;
}

/** How the source takes values that are written in several ways. */
export interface Spelling {
  readonly true: string;
  readonly false: string;
  /** Of dates and times. `rfc3339`: as the contract has them, with `T` and `Z`. */
  readonly time: "rfc3339" | "epoch_seconds" | "epoch_ms";
}

export const plainSpelling: Spelling = { true: "true", false: "false", time: "rfc3339" };

/** How rows are put in order, nulls last. */
export interface OrderRule {
  readonly slot: Slot;
  /** The fields that may be ordered by, with the source's own name for each. */
  readonly names: Readonly<Record<string, string>>;
  /** What is sent for a key, with `{name}` in it: `{name}`, `-{name}`, `{name} desc`. Undefined: not in this direction. */
  readonly ascending: string | undefined;
  readonly descending: string | undefined;
  /** Between several keys; undefined when there can be one only. */
  readonly separator: string | undefined;
  /** Where the direction goes when it has a place of its own, with the texts for both. */
  readonly direction?: { readonly slot: Slot; readonly ascending: string; readonly descending: string };
}

/** How the source is told which fields are wanted. */
export interface SelectRule {
  readonly slot: Slot;
  readonly separator: string;
  /** The source's own name for each field that may be left out; the others always come. */
  readonly names: Readonly<Record<string, string>>;
}

/**
 * How pages follow each other. Pointers lead to values beside the rows.
 *
 * - `none`: one answer has all rows.
 * - `token`: the answer has the next page's token at `next`; none, or an empty one, on the last.
 * - `link`: the header Link has the next page's URL (RFC 8288, `rel="next"`).
 * - `next_url`: the answer has it at `next`. Both stay within the base URL's origin.
 * - `page`: pages are counted, the first is number `first`.
 * - `offset`: rows are counted.
 * - `after`: the next page begins behind the last row, which is named by its value at `last`.
 *
 * The end is where there is no next token or URL; else `more` says false, or `total` rows
 * have come, or, when neither is declared, a page has fewer rows than were asked for, or none.
 */
export type PagingStyle = { readonly size: SizeRule | undefined } & (
  | { readonly style: "none" }
  | ({ readonly style: "token"; readonly slot: Slot; readonly next: string } & MoreRule)
  | { readonly style: "link" }
  | { readonly style: "next_url"; readonly next: string }
  | ({ readonly style: "page"; readonly slot: Slot; readonly first: number } & MoreRule)
  | ({ readonly style: "offset"; readonly slot: Slot } & MoreRule)
  /** `last` is a path into a row, as a field's is. With `keyset` the rows come in the order of that value, which is unique. */
  | ({ readonly style: "after"; readonly slot: Slot; readonly last: string; readonly keyset: boolean } & MoreRule)
);

/** How an answer says whether more follow. */
export interface MoreRule {
  /** Where a boolean is: whether there are more. */
  readonly more: string | undefined;
  /** Where the number of all rows is. */
  readonly total: string | undefined;
}

/** How the source is told how many rows a page has. */
export interface SizeRule {
  readonly slot: Slot;
  /** It gives no more, whatever is asked for. */
  readonly max: number;
}

export type ChangeKind = "create" | "update" | "delete" | "upsert";

/** A request that changes one row. */
export interface ChangeOperation {
  readonly method: "POST" | "PUT" | "PATCH" | "DELETE";
  /** Below the base URL; each name in braces is a field of `identifiedBy`. */
  readonly path: string;
  /** Parameters that are always sent. */
  readonly query: Readonly<Record<string, string>>;
  /** The fields that name the row: an update's or delete's filter gives exactly these, an upsert's rows hold them. */
  readonly identifiedBy: readonly string[];
  /** How the row is written; undefined when the request has no body. */
  readonly body: ChangeBody | undefined;
  /** How the touched row stands in the answer; undefined when it does not. */
  readonly returns: RowFormat | undefined;
  readonly idempotency: Idempotency;
  /** Requests of one action that are on their way at once, at most. */
  readonly concurrency: number;
}

export interface ChangeBody extends RequestBody {
  /** Where the row stands in it, as a JSON pointer: empty, or `/customer`. */
  readonly row: string;
  /** The fields that it takes, each at its `path`. Default: all that are not `readOnly`. */
  readonly fields: readonly string[] | undefined;
}

/**
 * What a request that is sent twice does: as much as once, because of the caller's key in this
 * header or because of what it is (`natural`: PUT of a whole row, DELETE), or it may be twice.
 */
export type Idempotency = { readonly header: string } | "natural" | "none";

/** An action that is none of the four: `charge.refund`. */
export interface HttpAction {
  readonly name: string;
  readonly description: string;
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Below the base URL. */
  readonly path: string;
  /** Parameters that are always sent. */
  readonly query: Readonly<Record<string, string>>;
  /** What it asks for, as a JSON Schema of an object. */
  readonly input: JsonObject;
  /** Where members of the input go, by their names; what is not named goes into the body, if there is one. */
  readonly slots: Readonly<Record<string, Slot>>;
  readonly body: RequestBody | undefined;
  /** Where the answer's object or value stands in a JSON body; empty for all of it. */
  readonly output: string;
  readonly idempotency: Idempotency;
}
