/** One GET as something that can be queried. */
import type { RowFormat } from "../body/format.ts";
import type { DeclaredField, ReadOperation } from "../declaration.ts";
import { fieldsOf } from "./fields.ts";
import { filtersOf } from "./filters.ts";
import { lastWord, plain, singular } from "./names.ts";
import type { Operation } from "./operations.ts";
import { orderOf } from "./order.ts";
import { pagingOf } from "./paging.ts";
import type { Referenced } from "./reference.ts";
import { listIn, type RowPlace, rowIn } from "./rows.ts";

export interface Collection {
  readonly operation: Operation;
  /** Rows come as a list; else it has one. */
  readonly list: boolean;
  /** The last part of its path that is no parameter. */
  readonly last: string;
  /** Those of the rows, and then those of parameters. */
  readonly fields: readonly DeclaredField[];
  /** The fields that tell one row from others, with what they belong to; empty when they are not known. */
  readonly key: readonly string[];
  /** The field that each parameter of its path, and of its items', is about. */
  readonly owners: ReadonlyMap<string, string>;
  readonly read: ReadOperation;
}

/**
 * What a GET gives, as a collection; undefined when rows can't be told in its answer.
 *
 * @param itemParameter The parameter behind its path that names one of its rows: `customer_id`.
 */
export function collectionOf(
  operation: Operation,
  itemParameter: string | undefined,
  references: Referenced,
): Collection | undefined {
  const last = lastWord(operation.path);
  const place = placeIn(operation, references);
  if (place === undefined || operation.answer === undefined) return undefined;
  const rows = fieldsOf(place.schema, references, operation.answer.kind);
  const named = itemParameter === undefined ? undefined : namedBy(itemParameter, rows, last);
  const own = named ?? rows.find(({ name, type }) => plain(name) === "id" && type !== "json")?.name;
  const keyPath = rows.find(({ name }) => name === own)?.path;
  const paging = pagingOf(operation, keyPath, references);
  const ordering = orderOf(operation, rows);
  const apart = new Set([...paging.parameters, ...(ordering?.parameters ?? [])]);
  const { filters, fields: parameters } = filtersOf(operation, rows, apart);
  const ownersOfPath = filters.flatMap(({ slot, field }) => (slot.in === "path" ? [[slot.name, field] as const] : []));
  const key = own === undefined ? [] : [...new Set([...ownersOfPath.map(([, field]) => field), own])];
  const itemOwner = itemParameter === undefined || named === undefined ? [] : [[itemParameter, named] as const];
  const read: ReadOperation = {
    ...{ method: "GET", path: operation.path, query: {}, body: undefined, rows: formatOf(operation, place) },
    ...{ paging: place.list ? paging.style : { style: "none", size: undefined }, filters },
    ...{ order: ordering?.order, select: undefined, missing: missingOf(operation) },
  };
  const fields = [...rows, ...parameters].map((field) =>
    key.includes(field.name) ? { ...field, nullable: false } : field,
  );
  return { operation, list: place.list, last, fields, key, owners: new Map([...itemOwner, ...ownersOfPath]), read };
}

/** How one row of a collection is read by its key; undefined when the operation gives something else. */
export function itemReadOf(
  operation: Operation,
  { fields, owners }: Collection,
  references: Referenced,
): ReadOperation | undefined {
  const place = operation.answer === undefined ? undefined : rowIn(operation.answer, operation.path, references);
  if (operation.answer === undefined || place === undefined || place.list) return undefined;
  const names = new Set(fieldsOf(place.schema, references, operation.answer.kind).map(({ name }) => name));
  const rows = fields.filter(({ parameter }) => parameter !== true);
  const same = rows.filter(({ name }) => names.has(name)).length;
  if (same * 2 < Math.min(rows.length, names.size)) return undefined;
  const { filters } = filtersOf(operation, fields, new Set());
  const inPath = filters.filter(({ slot }) => slot.in === "path");
  const owned = inPath.map((rule) => ({ ...rule, field: owners.get("name" in rule.slot ? rule.slot.name : "") ?? "" }));
  if (owned.some(({ field }) => field === "") || operation.parameters.some(isUnmet)) return undefined;
  return {
    ...{ method: "GET", path: operation.path, query: {}, body: undefined, rows: formatOf(operation, place) },
    ...{ paging: { style: "none", size: undefined }, filters: owned, order: undefined, select: undefined },
    missing: "no_rows",
  };
}

const isUnmet = ({ in: place, required }: Operation["parameters"][number]) => place !== "path" && required;

function placeIn({ answer, path }: Operation, references: Referenced): RowPlace | undefined {
  return answer === undefined ? undefined : (listIn(answer, path, references) ?? rowIn(answer, path, references));
}

function formatOf({ answer }: Operation, { pointer, absent }: RowPlace): RowFormat {
  if (answer !== undefined && answer.kind !== "json") return { kind: answer.kind };
  return { kind: "json", rows: pointer, ...(absent && { absent }) };
}

/** A thing that is not there has no rows; a path without parameters that is not there is no resource. */
function missingOf({ path }: Operation): ReadOperation["missing"] {
  return path.includes("{") ? "no_rows" : "unknown_resource";
}

/**
 * The field of its rows that an item's parameter names: the one that is called so, with or
 * without the collection's name in front. `webhook_id` of `webhooks` is `id`, `issue_number` of
 * `issues` is `number`; `username` of `users` is not what they call `name`.
 */
function namedBy(parameter: string, rows: readonly DeclaredField[], last: string): string | undefined {
  const said = plain(parameter);
  const thing = plain(singular(last));
  const behind = said.startsWith(thing) ? said.slice(thing.length) : "";
  const ending = /(?:id|key|uuid)$/.exec(said)?.[0];
  const scalars = rows.filter(({ type, path }) => type !== "json" && path !== "");
  for (const name of [said, behind === "name" ? undefined : behind, ending]) {
    const field = scalars.find((candidate) => plain(candidate.name) === name);
    if (field !== undefined) return field.name;
  }
  return undefined;
}
