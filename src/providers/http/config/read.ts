/** How a connector declares that rows are read. */
import { z } from "zod";
import type { RowFormat } from "../body/format.ts";
import {
  type FilterRule,
  type OrderRule,
  type PagingStyle,
  plainSpelling,
  type ReadOperation,
  type SelectRule,
  type SourceOperator,
} from "../declaration.ts";
import { namesIn } from "../request.ts";
import { paging, pagingStyle } from "./paging.ts";
import { body, name, path, pointer, query, slot, slotOf } from "./parts.ts";

export const rows = z
  .discriminatedUnion("format", [
    z.strictObject({
      format: z.literal("json"),
      path: pointer.default("").describe("Where the array of rows is, or the one row. Default: the whole document."),
      absent: z
        .enum(["error", "none"])
        .optional()
        .describe(
          "What it means when nothing stands there: a wrong path, or no rows. Default: error; null is no rows.",
        ),
    }),
    z.strictObject({ format: z.literal("ndjson").describe("Each line is a row.") }),
    z.strictObject({ format: z.literal("json_api").describe("JSON:API 1.1: the rows are at /data.") }),
    z.strictObject({
      format: z.literal("csv"),
      delimiter: z.string().length(1).default(","),
      header: z.boolean().default(true).describe("The first record has the columns' names."),
    }),
    z.strictObject({
      format: z.literal("xml"),
      path: z.string().max(1_000).regex(/^\//).describe("The elements that are rows: /feed/entry."),
    }),
  ])
  .describe("How rows stand in an answer.")
  .meta({ id: "rows" });

const operators = [
  ...(["eq", "ne", "lt", "le", "gt", "ge", "in", "not_in", "contains", "not_contains"] as const),
  ...(["starts_with", "not_starts_with", "is_null", "is_not_null"] as const),
] satisfies SourceOperator[];

const filter = z
  .strictObject({
    field: name,
    operators: z.array(z.enum(operators)).min(1).max(operators.length).default(["eq"]),
    parameter: slot.optional().describe("Default: the query parameter that has the field's name."),
    value: z
      .string()
      .max(200)
      .default("{value}")
      .describe("What is sent: {value} stands for the operand, as in gte:{value}."),
    separator: z
      .string()
      .min(1)
      .max(10)
      .optional()
      .describe("Stands between several operands. Default: each is a parameter of its own."),
    booleans: z
      .tuple([z.string().max(50), z.string().max(50)])
      .default(["true", "false"])
      .describe("How true and false are written."),
    times: z
      .enum(["rfc3339", "epoch_seconds", "epoch_ms"])
      .default("rfc3339")
      .describe("How dates and times are written."),
    repeatable: z.boolean().default(false).describe("Several such comparisons may be sent, all of which hold."),
  })
  .meta({ id: "filter" });

/** Fields, each with the source's own name where that differs. */
const namedFields = z
  .array(
    z.union([name, z.strictObject({ field: name, name: z.string().min(1).max(500).describe("The source's own.") })]),
  )
  .min(1)
  .max(2_000);

/** The fields that are named, whatever the source calls them. */
export const fieldsIn = (declared: z.output<typeof namedFields>) =>
  declared.map((each) => (typeof each === "string" ? each : each.field));

const order = z
  .strictObject({
    parameter: slot,
    fields: namedFields.describe("The fields that rows can be ordered by."),
    ascending: z.string().max(200).nullable().default("{name}").describe("What is sent for a field; null: it can't."),
    descending: z.string().max(200).nullable().default("-{name}"),
    separator: z.string().min(1).max(10).optional().describe("Between several fields. Default: there can be one only."),
    direction: z
      .strictObject({ parameter: slot, ascending: z.string().max(50), descending: z.string().max(50) })
      .optional()
      .describe("Where the direction goes when it has a place of its own."),
  })
  .meta({ id: "order" })
  .optional()
  .describe("How rows are put in order, nulls last. Default: nobody can say.");

const select = z
  .strictObject({
    parameter: slot,
    separator: z.string().min(1).max(10).default(","),
    fields: namedFields.describe("The fields that come only when they are asked for."),
  })
  .optional()
  .describe("How the source is told which fields are wanted. Default: it gives all of them.");

/** One way to read. */
export const read = z.strictObject({
  method: z.enum(["GET", "POST"]).default("GET").describe("POST is for searches that take a body and change nothing."),
  path: path.describe("Behind the base URL. {id} is filled by an equality filter of the field id."),
  query,
  body: body.optional(),
  rows: rows.optional().describe("Default: JSON; the resource's own for a lookup."),
  paging: paging.optional().describe("Default: the connector's own, or none."),
  filters: z.array(filter).max(2_000).default([]).describe("The comparisons that the source makes itself."),
  order,
  select,
});

export function formatOf(declared: z.output<typeof rows>): RowFormat {
  switch (declared.format) {
    case "json":
      return { kind: "json", rows: declared.path, ...(declared.absent === "none" ? { absent: "none" } : {}) };
    case "xml":
      return { kind: "xml", rows: declared.path };
    case "csv":
      return { kind: "csv", delimiter: declared.delimiter, header: declared.header };
    default:
      return { kind: declared.format };
  }
}

export interface ReadDefaults {
  readonly rows: RowFormat;
  readonly paging: PagingStyle;
  readonly missing: ReadOperation["missing"];
}

export function readOperation(declared: z.output<typeof read>, defaults: ReadDefaults): ReadOperation {
  const filters = declared.filters.flatMap(filterRules);
  return {
    ...{ method: declared.method, path: declared.path, query: declared.query, missing: defaults.missing },
    body: declared.body ?? (declared.method === "POST" ? { encoding: "json", template: {} } : undefined),
    rows: declared.rows === undefined ? defaults.rows : formatOf(declared.rows),
    paging: declared.paging === undefined ? defaults.paging : pagingStyle(declared.paging),
    filters: [...filters, ...pathRules(declared.path, filters)],
    order: declared.order === undefined ? undefined : orderRule(declared.order),
    select: declared.select === undefined ? undefined : selectRule(declared.select),
  };
}

function filterRules(declared: z.output<typeof filter>): FilterRule[] {
  const {
    field,
    operators: asked,
    parameter = field,
    value: template,
    separator,
    booleans,
    times,
    repeatable,
  } = declared;
  return asked.map((operator) => ({
    ...{ field, operator, slot: slotOf(parameter), template },
    separator: operator === "in" || operator === "not_in" ? separator : undefined,
    spelling: { true: booleans[0], false: booleans[1], time: times },
    ...(repeatable ? { repeatable: true } : {}),
  }));
}

/** Names in the path that no filter is declared for are fields of the same name. */
function pathRules(template: string, filters: readonly FilterRule[]): FilterRule[] {
  const filled = new Set(
    filters.flatMap(({ slot: { in: place, ...rest } }) => (place === "path" && "name" in rest ? [rest.name] : [])),
  );
  return [...new Set(namesIn(template))]
    .filter((each) => !filled.has(each))
    .map((field) => ({
      ...{ field, operator: "eq", slot: { in: "path", name: field }, template: "{value}" },
      ...{ separator: undefined, spelling: plainSpelling },
    }));
}

function orderRule(declared: NonNullable<z.output<typeof order>>): OrderRule {
  const { parameter, fields, ascending, descending, separator, direction } = declared;
  return {
    ...{ slot: slotOf(parameter), names: namesFor(fields), separator },
    ...{ ascending: ascending ?? undefined, descending: descending ?? undefined },
    ...(direction === undefined ? {} : { ascending: ascending ?? "{name}", descending: ascending ?? "{name}" }),
    ...(direction === undefined ? {} : { direction: { ...direction, slot: slotOf(direction.parameter) } }),
  };
}

function selectRule({ parameter, separator, fields }: NonNullable<z.output<typeof select>>): SelectRule {
  return { slot: slotOf(parameter), separator, names: namesFor(fields) };
}

function namesFor(fields: z.output<typeof namedFields>): Record<string, string> {
  return Object.fromEntries(fields.map((each) => (typeof each === "string" ? [each, each] : [each.field, each.name])));
}
