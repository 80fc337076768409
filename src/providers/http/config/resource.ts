/** A resource, as a connector declares it. */
import { z } from "zod";
import type { HttpResource, PagingStyle } from "../declaration.ts";
import { namesIn } from "../request.ts";
import { changeOperations, changes } from "./change.ts";
import { declaredField, field } from "./fields.ts";
import { name } from "./parts.ts";
import { fieldsIn, formatOf, read, readOperation } from "./read.ts";

export const resource = z
  .strictObject({
    name: name.describe("As queries name it."),
    description: z.string().max(4_000).default(""),
    fields: z
      .array(field)
      .max(2_000)
      .default([])
      .describe("Default: they are inferred from the rows of the first page."),
    primary_key: z.array(name).max(32).default([]).describe("Fields that are unique together and never null."),
    ...read.shape,
    lookups: z
      .array(read)
      .max(10)
      .default([])
      .describe("Other ways to read some of its rows, as GET /customers/{id}: taken when a filter fills their path."),
    changes,
  })
  .superRefine((declared, context) => {
    for (const { path, message } of problemsOf(declared)) context.addIssue({ code: "custom", path, message });
  });

type Declared = z.output<typeof resource>;

/** What is nothing by itself: names of fields that there are not. */
function problemsOf(declared: Declared): { path: (string | number)[]; message: string }[] {
  const names = new Set(declared.fields.map((each) => each.name));
  const problems: { path: (string | number)[]; message: string }[] = [];
  const known = (path: (string | number)[], given: Iterable<string>) => {
    // Before rows are seen nobody knows.
    if (names.size === 0) return;
    for (const each of given) {
      if (!names.has(each)) problems.push({ path, message: `must name fields of the resource; \`${each}\` is none` });
    }
  };
  if (names.size < declared.fields.length) problems.push({ path: ["fields"], message: "must have each name once" });
  known(["primary_key"], declared.primary_key);
  for (const [at, way] of [declared, ...declared.lookups].entries()) {
    const place = at === 0 ? [] : ["lookups", at - 1];
    way.filters.forEach((filter, i) => {
      known([...place, "filters", i, "field"], [filter.field]);
    });
    known([...place, "order", "fields"], fieldsIn(way.order?.fields ?? []));
    known([...place, "select", "fields"], fieldsIn(way.select?.fields ?? []));
    const filled = way.filters.flatMap(({ parameter }) =>
      typeof parameter === "object" && "path" in parameter ? [parameter.path] : [],
    );
    known(
      [...place, "path"],
      namesIn(way.path).filter((each) => !filled.includes(each)),
    );
  }
  for (const [kind, change] of Object.entries(declared.changes)) {
    if (change === undefined) continue;
    known(["changes", kind, "path"], namesIn(change.path));
    known(["changes", kind, "identified_by"], change.identified_by ?? []);
    known(["changes", kind, "body", "fields"], change.body?.fields ?? []);
  }
  return problems;
}

export interface ResourceDefaults {
  readonly paging: PagingStyle;
  readonly idempotencyHeader: string | undefined;
}

export function httpResource(declared: Declared, { paging, idempotencyHeader }: ResourceDefaults): HttpResource {
  const { name: own, description, fields, primary_key: primaryKey, lookups, rows } = declared;
  const format = rows === undefined ? ({ kind: "json", rows: "" } as const) : formatOf(rows);
  const all = readOperation(declared, { rows: format, paging, missing: "unknown_resource" });
  const single = { rows: format, paging: { style: "none", size: undefined }, missing: "no_rows" } as const;
  const [first = all, ...others] = [...lookups.map((each) => readOperation(each, single)), all];
  return {
    ...{ name: own, description, primaryKey, fields: fields.map(declaredField) },
    reads: [first, ...others],
    changes: changeOperations(declared.changes, idempotencyHeader),
  };
}
