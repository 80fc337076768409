/** What a connector may declare of an API, and how it is told what is wrong with it. */
import { expect, test } from "vitest";
import { z } from "zod";
import { Failure } from "../../../src/failure.ts";
import rest from "../../../src/providers/rest.ts";
import { checkConfig, type Json } from "../../../src/registry/configuration.ts";

const resource = { name: "things", path: "/things", fields: [{ name: "id", type: "string" }] };
const good = { base_url: "https://api.example.com/v1", authentication: { type: "none" }, resources: [resource] };
const token = { style: "token", parameter: "cursor", next: "/next" };

function violationsOf(config: Json): string[] {
  try {
    checkConfig(rest, config, "config");
    return [];
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return error.fields.map(({ field }) => field);
  }
}

const ofResource = (more: object) => ({ ...good, resources: [resource, { ...resource, name: "others", ...more }] });

const wrong: Readonly<Record<string, readonly [Json, string]>> = {
  "a URL with a user": [{ ...good, base_url: "https://user:secret@api.example.com" }, "config.base_url"],
  "a URL with a query": [{ ...good, base_url: "https://api.example.com?key=1" }, "config.base_url"],
  "no URL of HTTP": [{ ...good, base_url: "file:///etc/passwd" }, "config.base_url"],
  "a header that carries a credential": [
    { ...good, headers: { Authorization: "Bearer x" } },
    "config.headers.Authorization",
  ],
  "a header with a line end": [{ ...good, headers: { "X-Version": "1\r\nX: y" } }, "config.headers.X-Version"],
  "a pointer that is none": [ofResource({ paging: { ...token, next: "next" } }), "config.resources[1].paging.next"],
  "a path that leads upwards": [ofResource({ path: "/a/../b" }), "config.resources[1].path"],
  "a path that leads upwards in disguise": [ofResource({ path: "/a/%2E%2e/b" }), "config.resources[1].path"],
  "a path with a host": [ofResource({ path: "//evil.example/x" }), "config.resources[1].path"],
  "a path with a query": [ofResource({ path: "/things?all=1" }), "config.resources[1].path"],
  "a filter of no field": [ofResource({ filters: [{ field: "ident" }] }), "config.resources[1].filters[0].field"],
  "a name in the path that is no field": [ofResource({ path: "/shops/{shop}" }), "config.resources[1].path"],
  "a key of no field": [ofResource({ primary_key: ["ident"] }), "config.resources[1].primary_key"],
  "an order by no field": [
    ofResource({ order: { parameter: "sort", fields: ["id", "no"] } }),
    "config.resources[1].order.fields",
  ],
  "a change by no field": [
    ofResource({ changes: { delete: { method: "DELETE", path: "/things/{no}" } } }),
    "config.resources[1].changes.delete.path",
  ],
  "labels of no enum": [
    ofResource({ fields: [{ name: "id", type: "string", labels: ["a"] }] }),
    "config.resources[1].fields[0].labels",
  ],
  "a name twice": [{ ...good, resources: [resource, resource] }, "config.resources[1].name"],
  "what no connector has": [ofResource({ pagging: token }), "config.resources[1].pagging"],
};

test.each(Object.entries(wrong))("%s is refused where it stands", (_, [config, field]) => {
  expect(violationsOf(config)).toEqual([field]);
});

test("what is declared stays as it is when it is read again", () => {
  const declared = ofResource({
    ...{ paging: token, lookups: [{ path: "/things/{id}" }], changes: { create: { method: "POST", path: "/things" } } },
  });
  const once = checkConfig(rest, declared, "config");
  expect(checkConfig(rest, once, "config")).toEqual(once);
});

test("the credential is bound to the server, and to what it is given to besides", () => {
  const endpoint = (config: object) => rest.endpoint(rest.config.parse({ ...good, ...config }));
  expect(endpoint({})).toEqual(endpoint({ headers: { "X-Version": "2" }, resources: [] }));
  expect(endpoint({})).not.toEqual(endpoint({ base_url: "https://api.example.org/v1" }));
  expect(endpoint({})).not.toEqual(endpoint({ authentication: { type: "bearer" } }));
});

test("every field of a configuration is described where its name does not say it", () => {
  const schema = z.toJSONSchema(rest.config, { io: "input" }) as {
    properties: Record<string, { description?: string }>;
  };
  for (const name of ["base_url", "authentication", "paging", "openapi", "idempotency_header"]) {
    expect([name, schema.properties[name]?.description]).toEqual([name, expect.stringMatching(/\w{3}/)]);
  }
});

test("the JSON Schema of a connector says once what is declared in many places", () => {
  const schema = z.toJSONSchema(rest.config, { io: "input" });
  expect(Object.keys(schema.$defs ?? {})).toEqual(
    expect.arrayContaining(["change", "filter", "order", "paging", "place", "rows"]),
  );
  expect(JSON.stringify(schema).length).toBeLessThan(50_000);
});
