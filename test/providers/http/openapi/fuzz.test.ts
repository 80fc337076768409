import fc from "fast-check";
import { expect, test } from "vitest";
import { resourcesOf } from "../../../../src/providers/http/openapi/resources.ts";
import { readText } from "../../../../src/providers/http/openapi/text.ts";
import { Unusable } from "../../../../src/providers/http/openapi/tree.ts";
import { scaled, seeded } from "../../../torture/scale.ts";
import { inPath, integer, listOf, object, operation, parameter, text, thing } from "./document.ts";

const comparisons = parameter("created", object({ gte: text }), { style: "deepObject" });
const sort = parameter("sort", { type: "string", enum: ["id", "-id"] });
const things = operation(
  object({ data: listOf({ $ref: "#/components/schemas/Thing" }), next_cursor: text, total: integer }),
  {
    parameters: [parameter("cursor"), parameter("limit", { type: "integer", maximum: 10 }), sort, comparisons],
    "x-speakeasy-pagination": {
      inputs: [{ name: "cursor", in: "parameters", type: "cursor" }],
      outputs: { nextCursor: "$.next" },
    },
  },
);
const written = {
  requestBody: { content: { "application/json": { schema: { $ref: "#/components/schemas/Thing" } } } },
};
const document = {
  openapi: "3.1.0",
  servers: [{ url: "https://api.example.com/v1" }],
  paths: {
    "/things": { get: things, post: { ...written, operationId: "addThing" } },
    "/things/{id}": { parameters: [inPath("id")], get: operation(thing), patch: written, delete: {} },
    "/things/{id}/ping": { post: { parameters: [inPath("id")], ...written } },
  },
  components: {
    schemas: { Thing: { allOf: [thing, { oneOf: [object({ created: text }), { type: "null" }] }] } },
    securitySchemes: { key: { type: "apiKey", in: "header", name: "X-Key" } },
  },
};

/** Of all objects and lists in it. */
function partsIn(value: unknown): object[] {
  if (typeof value !== "object" || value === null) return [];
  return [value, ...Object.values(value).flatMap(partsIn)];
}

const anything = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom<unknown>(
    "",
    [],
    {},
    null,
    0,
    { $ref: "#" },
    { $ref: "#/paths" },
    [null],
    { "": "" },
    "{",
    "__proto__",
  ),
);

test("whatever stands anywhere in a document, it is described or refused", () => {
  const choice = fc.record({ part: fc.nat(), member: fc.nat(), value: anything });
  const check = (changes: readonly { part: number; member: number; value: unknown }[]) => {
    const changed = structuredClone(document);
    for (const { part, member, value } of changes) {
      const parts = partsIn(changed);
      const target = parts[part % parts.length] as Record<string, unknown>;
      const names = Object.keys(target);
      const name = names[member % names.length];
      if (name !== undefined) target[name] = structuredClone(value);
    }
    try {
      const { resources, actions } = resourcesOf(readText(JSON.stringify(changed)), { basePath: "" });
      const names = resources.map(({ name }) => name);
      expect(new Set(names).size).toBe(names.length);
      expect(new Set(actions.map(({ name }) => name)).size).toBe(actions.length);
      for (const { fields, reads, primaryKey } of resources) {
        const known = new Set(fields.map(({ name }) => name));
        expect(known.size).toBe(fields.length);
        for (const { filters } of reads) for (const { field } of filters) expect(known).toContain(field);
        for (const field of primaryKey) expect(known).toContain(field);
      }
    } catch (error) {
      if (!(error instanceof Unusable)) throw error;
    }
  };
  const numRuns = scaled({ test: 300, torture: 100_000 });
  fc.assert(fc.property(fc.array(choice, { minLength: 1, maxLength: 3 }), check), { numRuns, ...seeded });
});
