/** What an operation can be asked for by its parameters. */
import type { DeclaredField, FilterRule, Slot, SourceOperator } from "../declaration.ts";
import { plainSpelling } from "../declaration.ts";
import { kindOf, nativeTypeOf } from "./fields.ts";
import { partsOf, plain, singular } from "./names.ts";
import type { Operation, Parameter } from "./operations.ts";
import type { Shape } from "./schema.ts";

export interface Filtering {
  readonly filters: readonly FilterRule[];
  /** Fields that rows don't hold, for parameters that are none of the rows' fields. */
  readonly fields: readonly DeclaredField[];
}

/** `created[gte]`, `created__gte`, `created.gte`. */
const suffixed = /^(.+?)(?:__|\[|\.)(eq|ne|neq|gt|gte|ge|lt|lte|le|in)\]?$/i;

const comparisons: Readonly<Record<string, SourceOperator>> = {
  ...{ eq: "eq", ne: "ne", neq: "ne", gt: "gt", gte: "ge", ge: "ge", lt: "lt", lte: "le", le: "le", in: "in" },
};

/** What is found by such a parameter is more than what is equal. */
const inexact =
  /\b(?:search(?:es|ed|ing)?|contain(?:s|ed|ing)?|substring|partial(?:ly)?|prefix|starts? with|fuzzy|wildcard|regexp?)\b/i;

/**
 * The filters that parameters make. One that is called as a field of the rows, and has its type,
 * is an equality filter of that field, unless its description tells of a search; with the name
 * of a comparison behind it, that comparison. Any other is a field of its own, which rows don't
 * hold: a query says by an equality filter what is sent.
 *
 * @param fields Of the rows.
 * @param apart Names of query parameters that are not for filters.
 */
export function filtersOf(
  operation: Operation,
  fields: readonly DeclaredField[],
  apart: ReadonlySet<string>,
): Filtering {
  const known = fieldIndex(fields);
  const filters: FilterRule[] = [];
  const added = new Map<string, DeclaredField>();
  for (const parameter of operation.parameters) {
    if (parameter.in === "query" && apart.has(parameter.name)) continue;
    if (parameter.in === "header" && !parameter.required) continue;
    const rules = parameter.in === "query" ? rulesOf(parameter, known) : [];
    if (rules.length > 0) {
      filters.push(...rules);
      continue;
    }
    if (parameter.shape.type === "object") continue;
    const field = parameter.in === "path" ? ownerOf(operation.path, parameter, known) : unlike(parameter, known);
    if (!known.has(field.name) && !added.has(field.name)) added.set(field.name, field);
    filters.push(ruleOf(known.get(field.name) ?? field, "eq", slotOf(parameter)));
  }
  return { filters: withoutRepeats(filters), fields: [...added.values()] };
}

/** By their names as they are, and then by their plain ones. */
function fieldIndex(fields: readonly DeclaredField[]): ReadonlyMap<string, DeclaredField> {
  const index = new Map(fields.map((field) => [plain(field.name), field]));
  for (const field of fields) index.set(field.name, field);
  return index;
}

/** Rules for a field of the rows; empty when the parameter is about none. */
function rulesOf(parameter: Parameter, known: ReadonlyMap<string, DeclaredField>): FilterRule[] {
  const { name, shape, style, explode } = parameter;
  if (inexact.test(parameter.description)) return [];
  const find = (wanted: string, kind: Shape) => {
    const field = known.get(wanted) ?? known.get(plain(wanted));
    return field !== undefined && areAlike(field, kind) ? field : undefined;
  };
  if (style === "deepObject") {
    return [...shape.properties.keys()].flatMap((key) => {
      const operator = operatorOf(key);
      const field = known.get(name) ?? known.get(plain(name));
      if (operator === undefined || field === undefined) return [];
      return [ruleOf(field, operator, { in: "query", name: `${name}[${key}]` })];
    });
  }
  const items = shape.type === "array" ? parameter.items : shape;
  const field = find(name, items);
  if (field !== undefined) {
    const rule = ruleOf(field, "eq", slotOf(parameter));
    if (shape.type !== "array") return [rule];
    return [rule, { ...rule, operator: "in", separator: explode ? undefined : "," }];
  }
  const [, base = "", word = ""] = suffixed.exec(name) ?? [];
  const operator = operatorOf(word);
  const compared = operator === undefined ? undefined : find(base, items);
  if (operator === undefined || compared === undefined) return [];
  const separator = operator === "in" && !(shape.type === "array" && explode) ? "," : undefined;
  return [{ ...ruleOf(compared, operator, slotOf(parameter)), separator }];
}

function operatorOf(word: string): SourceOperator | undefined {
  return Object.hasOwn(comparisons, word.toLowerCase()) ? comparisons[word.toLowerCase()] : undefined;
}

/** A parameter that says nothing of its type takes any. */
function areAlike(field: DeclaredField, shape: Shape): boolean {
  if (field.type === "json") return false;
  const asked = classOf(kindOf(shape).type);
  const isCounted = field.format === "epoch_seconds" || field.format === "epoch_ms";
  return shape.type === undefined || asked === classOf(field.type) || (isCounted && asked === "number");
}

function classOf(type: DeclaredField["type"]): "number" | "bool" | "text" | "json" {
  if (type === "bool" || type === "json") return type;
  return ["int32", "int64", "uint64", "float", "double", "decimal"].includes(type) ? "number" : "text";
}

function ruleOf(field: DeclaredField, operator: SourceOperator, slot: Slot): FilterRule {
  const time = field.format === "epoch_seconds" || field.format === "epoch_ms" ? field.format : plainSpelling.time;
  return {
    field: field.name,
    operator,
    slot,
    template: "{value}",
    separator: undefined,
    spelling: { ...plainSpelling, time },
  };
}

const slotOf = ({ in: place, name }: Parameter): Slot => ({ in: place, name });

/**
 * The field that a parameter in the path is about: that of the rows that is called so, unless
 * it names what they belong to and is called as their own key: `/customers/{id}/orders` asks
 * for `customer_id`.
 */
function ownerOf(path: string, parameter: Parameter, known: ReadonlyMap<string, DeclaredField>): DeclaredField {
  const own = known.get(parameter.name) ?? known.get(plain(parameter.name));
  const isOwner = partsOf(path).at(-1)?.parameter !== parameter.name;
  const isKey = /^(?:id|uuid|key|name|slug|number)$/i.test(parameter.name);
  if (own !== undefined && areAlike(own, parameter.shape) && !(isOwner && isKey)) return own;
  if (own === undefined && !(isOwner && isKey)) return parameterField(parameter.name, parameter);
  const name = `${ownerName(path, parameter.name)}_${parameter.name}`;
  const field = known.get(name) ?? known.get(plain(name));
  return field !== undefined && areAlike(field, parameter.shape)
    ? field
    : parameterField(field === undefined ? name : `${name}_parameter`, parameter);
}

/** What the part in front of a parameter tells of one thing: `customer`. */
function ownerName(path: string, parameter: string): string {
  const parts = partsOf(path);
  const at = parts.findIndex((part) => part.parameter === parameter);
  const before = parts.slice(0, at).findLast((part) => part.parameter === undefined);
  return singular(before?.text.replaceAll(/\W+/g, "_") ?? "path");
}

function unlike(parameter: Parameter, known: ReadonlyMap<string, DeclaredField>): DeclaredField {
  const isTaken = known.has(parameter.name) || known.has(plain(parameter.name));
  return parameterField(isTaken ? `${parameter.name}_parameter` : parameter.name, parameter);
}

function parameterField(name: string, parameter: Parameter): DeclaredField {
  const shape = parameter.shape.type === "array" ? parameter.items : parameter.shape;
  const kind = kindOf(shape);
  const type = kind.type === "json" ? "string" : kind.type;
  return {
    ...kind,
    ...{ name, path: "", type, nullable: !parameter.required, nativeType: nativeTypeOf(shape) },
    description: parameter.description,
    enumLabels: type === "enum" ? shape.labels : [],
    ...{ readOnly: true, parameter: true },
  };
}

/** Two spellings of one parameter would be two rules for one comparison: the first counts. */
function withoutRepeats(filters: readonly FilterRule[]): FilterRule[] {
  const seen = new Set<string>();
  return filters.filter(({ field, operator }) => {
    const key = JSON.stringify([field, operator]);
    return !seen.has(key) && seen.add(key);
  });
}
