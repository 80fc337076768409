/** How a connector declares what changes its source. */
import { z } from "zod";
import type { RowFormat } from "../body/format.ts";
import type { ChangeKind, ChangeOperation, HttpAction, Idempotency, JsonObject } from "../declaration.ts";
import { namesIn } from "../request.ts";
import { body, headerName, json, name, path, pointer, query, slot, slotOf } from "./parts.ts";
import { formatOf, rows } from "./read.ts";

const repeatable = z
  .union([z.enum(["natural", "none"]), z.strictObject({ header: headerName })])
  .optional()
  .describe(
    "What the same request does when it is sent twice: as much as once because of what it is (natural) or because of the caller's idempotency key in a header; or it may be done twice (none). Default: natural for PUT and DELETE, else the connector's idempotency_header, if it has one.",
  );

const change = z
  .strictObject({
    method: z.enum(["POST", "PUT", "PATCH", "DELETE"]),
    path: path.describe("Behind the base URL. {id} is filled by the field id of the row that is meant."),
    query,
    identified_by: z
      .array(name)
      .max(32)
      .optional()
      .describe("The fields that name the row. Default: those in the path, for a create none."),
    body: body
      .extend({
        row: pointer.default("").describe("Where the row stands in the body. Default: it is the body."),
        fields: z
          .array(name)
          .max(2_000)
          .optional()
          .describe("The fields that it takes. Default: all that are not read_only."),
      })
      .optional()
      .describe("How the row is written. Default: as JSON, and not at all for DELETE."),
    returns: rows
      .optional()
      .describe("How the row stands in the answer, which may be without it. Default: it does not."),
    repeatable,
    concurrency: z
      .int()
      .min(1)
      .max(50)
      .default(1)
      .describe(
        "How many rows of one action are sent at once: more than one is for an API that takes them in any order.",
      ),
  })
  .meta({ id: "change" });

export const changes = z
  .strictObject({
    create: change.optional(),
    update: change.optional(),
    delete: change.optional(),
    upsert: change.optional(),
  })
  .default({})
  .describe("How its rows are changed, each by a request of its own.");

export function changeOperations(
  declared: z.output<typeof changes>,
  idempotencyHeader: string | undefined,
): Readonly<Partial<Record<ChangeKind, ChangeOperation>>> {
  const made = Object.entries(declared).flatMap(([kind, operation]) =>
    operation === undefined ? [] : [[kind, changeOperation(operation, idempotencyHeader)] as const],
  );
  return Object.fromEntries(made);
}

function changeOperation(declared: z.output<typeof change>, idempotencyHeader: string | undefined): ChangeOperation {
  const {
    method,
    path: template,
    query: fixed,
    identified_by: keys = namesIn(template),
    body: written,
    returns,
  } = declared;
  const ofRow = written ?? (method === "DELETE" ? undefined : ({ encoding: "json", template: {}, row: "" } as const));
  return {
    ...{ method, path: template, query: fixed, identifiedBy: keys },
    body: ofRow === undefined ? undefined : { ...ofRow, fields: "fields" in ofRow ? ofRow.fields : undefined },
    returns: returns === undefined ? undefined : returnedFormat(returns),
    idempotency: idempotencyOf(declared.repeatable, method, idempotencyHeader),
    concurrency: declared.concurrency,
  };
}

/** The row is changed, whether the answer has it or not. */
function returnedFormat(declared: z.output<typeof rows>): RowFormat {
  const format = formatOf(declared);
  return declared.format === "json" && declared.absent === undefined && format.kind === "json"
    ? { ...format, absent: "none" }
    : format;
}

function idempotencyOf(declared: z.output<typeof repeatable>, method: string, header: string | undefined): Idempotency {
  if (declared !== undefined) return declared;
  if (method === "GET" || method === "PUT" || method === "DELETE") return "natural";
  return header === undefined ? "none" : { header };
}

export const action = z.strictObject({
  name: z.string().min(1).max(255).describe("As Execute names it: charges.refund."),
  description: z.string().max(4_000).default(""),
  method: z.enum(["GET", "POST", "PUT", "PATCH", "DELETE"]).default("POST"),
  path: path.describe("Behind the base URL. {id} is filled by the input's member id."),
  query,
  input: z
    .record(z.string(), json)
    .default({ type: "object" })
    .describe("What it asks for: a JSON Schema of an object."),
  parameters: z
    .record(z.string(), slot)
    .default({})
    .describe("Where members of the input go. The others go into the body, or with GET and DELETE into the query."),
  body: body.optional(),
  output: pointer.default("").describe("Where the answer's result stands in its JSON. Default: all of it."),
  repeatable,
});

export function httpAction(declared: z.output<typeof action>, idempotencyHeader: string | undefined): HttpAction {
  const { parameters, body: written, repeatable: declaredRepeatable, input, method, ...rest } = declared;
  const inPath = namesIn(declared.path).map((each) => [each, { in: "path", name: each }] as const);
  const hasBody = method !== "GET" && method !== "DELETE";
  const given = Object.entries(parameters).map(([each, place]) => [each, slotOf(place)] as const);
  return {
    ...{ ...rest, method, input: input as JsonObject },
    slots: Object.fromEntries([...inPath, ...given]),
    body: written ?? (hasBody ? { encoding: "json", template: {} } : undefined),
    idempotency: idempotencyOf(declaredRepeatable, method, idempotencyHeader),
  };
}
