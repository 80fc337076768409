/** Documents of a few operations, and what is made of them. */
import type { HttpResource, ReadOperation } from "../../../../src/providers/http/declaration.ts";
import type { ApiDescription } from "../../../../src/providers/http/openapi/description.ts";
import { resourcesOf } from "../../../../src/providers/http/openapi/resources.ts";
import { readText } from "../../../../src/providers/http/openapi/text.ts";

type Parts = Record<string, unknown>;

/** @param more of the document: `components`, `servers`, `openapi` */
export function describe(paths: Parts, more: Parts = {}): ApiDescription {
  const info = { title: "an API of a test", version: "1" };
  const document = { openapi: "3.1.0", info, paths, ...more };
  return resourcesOf(readText(JSON.stringify(document)), { basePath: "" });
}

/** A GET, or the like, with what it answers. */
export function operation(answer: unknown, more: Parts = {}): Parts {
  return { responses: { 200: { description: "", content: { "application/json": { schema: answer } } } }, ...more };
}

export const object = (properties: Parts, more: Parts = {}): Parts => ({ type: "object", properties, ...more });
export const listOf = (items: unknown): Parts => ({ type: "array", items });
export const text = { type: "string" };
export const integer = { type: "integer" };
export const parameter = (name: string, schema: unknown = text, more: Parts = {}): Parts => ({
  name,
  in: "query",
  schema,
  ...more,
});
export const inPath = (name: string, schema: unknown = text): Parts => ({ name, in: "path", required: true, schema });

/** What has an `id` and a `name`. */
export const thing = object({ id: { type: "string" }, name: { type: "string" } }, { required: ["id"] });

/** The only resource of a GET at `/things`. */
export function resourceOf(get: Parts, more: Parts = {}): HttpResource {
  return found(describe({ "/things": { get } }, more), "things");
}

export function found({ resources }: ApiDescription, name: string): HttpResource {
  const resource = resources.find((candidate) => candidate.name === name);
  if (resource === undefined) throw new Error(`There is no ${name}, but ${resources.map((each) => each.name)}.`);
  return resource;
}

/** How all of its rows are read. */
export function readOf({ reads }: HttpResource): ReadOperation {
  return reads.at(-1) ?? reads[0];
}
