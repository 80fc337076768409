import { expect, test } from "vitest";
import { describeApi, maxDocumentBytes } from "../../../../src/providers/http/openapi/reading.ts";
import { resourcesOf } from "../../../../src/providers/http/openapi/resources.ts";
import { readText } from "../../../../src/providers/http/openapi/text.ts";
import { describe as describedBy, found, listOf, object, operation, resourceOf, text, thing } from "./document.ts";

const here = { basePath: "" };
const soon = () => AbortSignal.timeout(60_000);
const paths = { "/things": { get: operation(listOf(thing)) } };
const small = JSON.stringify({ openapi: "3.0.3", paths });

/** YAML whose aliases stand for 9⁹ texts. */
const bomb = `a: &a [${"x,".repeat(9)}]\n${[..."bcdefghij"]
  .map((name, i) => `${name}: &${name} [${`*${"abcdefghij"[i]},`.repeat(9)}]`)
  .join("\n")}\nopenapi: 3.0.0\n`;

test.each([
  ["is empty", "", "It is no object"],
  ["is a text", "hello", "It is no object"],
  ["is a list", "[1, 2]", "It is no object"],
  ["is cut off", small.slice(0, -5), "It is neither JSON nor YAML"],
  ["is of Swagger 2.0", "swagger: '2.0'\npaths: {}", "It is of Swagger 2.0"],
  ["is of a version to come", "openapi: 4.0.0\npaths: {}", "3.0 and 3.1 are"],
  ["is something else", '{"name": "a package"}', "It is no OpenAPI document"],
  ["describes nothing", '{"openapi": "3.0.0", "paths": {}}', "It describes no operation"],
  ["stands for billions of texts", bomb, "its aliases stand for too much"],
  ["is nested deeply", `openapi: 3.1.0\nx: ${"[".repeat(20_000)}`, "It is neither JSON nor YAML"],
])("a document that %s is refused with the reason", (_, document, reason) => {
  expect(() => resourcesOf(readText(document), here)).toThrow(reason);
});

test("a refused document is a connector that is wrong, and stays so", async () => {
  const swagger = describeApi("swagger: '2.0'\npaths: {}", here, "a tenant", soon());
  await expect(swagger).rejects.toMatchObject({ kind: "configuration_rejected", final: true });
  await expect(swagger).rejects.toThrow("It is of Swagger 2.0");
});

test("a document of more than 20 MB is refused before it is read", async () => {
  const large = describeApi(" ".repeat(maxDocumentBytes + 1), here, "a tenant", soon());
  await expect(large).rejects.toThrow("more than 20000000 bytes");
});

test("reading a document holds up nobody else, and ends with the call that waits for it", async () => {
  const slow = `openapi: 3.1.0\npaths:\n${Array.from({ length: 100_000 }, (_, i) => `  /p${i}: { get: {} }\n`).join("")}`;
  const call = new AbortController();
  let turns = 0;
  const ticking = setInterval(() => {
    // A thread that parses has no turn before it is through.
    if (++turns === 5) call.abort(new Error("the caller has left"));
  }, 10);
  await expect(describeApi(slow, here, "a tenant", call.signal)).rejects.toThrow("the caller has left");
  clearInterval(ticking);
  expect(turns).toBeGreaterThanOrEqual(5);
});

test("a document that is not to the letter is used, with a note of what is wrong", async () => {
  const { resources, notes } = await describeApi(small, here, "a tenant", soon());
  expect(resources.map(({ name }) => name)).toEqual(["things"]);
  expect(notes).toEqual([expect.stringContaining("must have required property 'info'")]);
  // It is not read a second time.
  expect((await describeApi(small, here, "a tenant", soon())).resources).toBe(resources);
});

test("schemas that refer to themselves end", () => {
  const schemas = {
    Tree: object({
      children: listOf({ $ref: "#/components/schemas/Tree" }),
      parent: { $ref: "#/components/schemas/Tree" },
    }),
    Self: { $ref: "#/components/schemas/Other" },
    Other: { $ref: "#/components/schemas/Self" },
    All: { allOf: [{ $ref: "#/components/schemas/All" }, { $ref: "#/components/schemas/All" }, object({ a: text })] },
  };
  const at = (name: string) => ({ get: operation(listOf({ $ref: `#/components/schemas/${name}` })) });
  const description = describedBy(
    { "/trees": at("Tree"), "/selves": at("Self"), "/all": at("All") },
    { components: { schemas } },
  );
  const names = (resource: string) => found(description, resource).fields.map(({ name }) => name);
  expect(names("trees")).toEqual(["children", "parent"]);
  expect(names("selves")).toEqual(["value"]);
  expect(names("all")).toEqual(["a"]);
  expect(description.notes).toEqual([expect.stringContaining("`#/components/schemas/")]);
});

test("parts within parts that multiply are bounded", () => {
  const level = (i: number) => ({
    allOf: Array(40).fill({ $ref: `#/components/schemas/s${i + 1}` }),
    properties: { [`p${i}`]: text },
  });
  const schemas = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`s${i}`, level(i)]));
  const { fields } = resourceOf(operation(listOf({ $ref: "#/components/schemas/s0" })), { components: { schemas } });
  expect(fields.length).toBeGreaterThan(1);
});

test("10⁵ schemas within one another are a value of which nothing is said", () => {
  const depth = 100_000;
  const deep = `${'{"type":"object","properties":{"a":'.repeat(depth)}{}${"}}".repeat(depth)}`;
  const document = JSON.stringify({ openapi: "3.1.0", paths: { "/things": { get: operation(listOf("deep")) } } });
  expect(readText(document.replace('"deep"', () => deep))).toHaveProperty("paths");
});

test("a long list of labels is no enum, and what has a thousand fields is cut there", () => {
  const labels = Array.from({ length: 20_000 }, (_, i) => `label ${i}`);
  const many = Object.fromEntries(labels.map((label) => [label, text]));
  const { fields } = resourceOf(operation(listOf(object({ mood: { type: "string", enum: labels }, ...many }))));
  expect(fields[0]).toMatchObject({ name: "mood", type: "string", enumLabels: [] });
  expect(fields).toHaveLength(1_000);
});

test("names that mean something to JavaScript are names", () => {
  const document = `{ "openapi": "3.0.0", "__proto__": { "polluted": true }, "paths": {
    "/__proto__": { "get": { "responses": { "200": { "content": { "application/json": { "schema": {
      "type": "array", "items": { "properties": { "__proto__": { "type": "string" }, "constructor": { "type": "boolean" } } } } } } } } } },
    "/toString": { "get": { "responses": { "200": { "$ref": "#/constructor/prototype" } } } } } }`;
  for (const written of [document, `# YAML\n${document}`]) {
    const { resources, actions } = describedBy({}, readText(written));
    expect(resources[0]?.fields.map(({ name, path }) => [name, path])).toEqual([
      ["__proto__", "/__proto__"],
      ["constructor", "/constructor"],
    ]);
    expect(actions.map(({ name }) => name)).toEqual(["toString.get"]);
  }
  expect({}).not.toHaveProperty("polluted");
});

test("a reference out of the document is not followed, and noted", () => {
  const description = describedBy({ "/things": { get: operation(listOf({ $ref: "https://example.com/a.json" })) } });
  expect(description.notes).toEqual([expect.stringContaining("`https://example.com/a.json`")]);
});

test("a tag of YAML runs nothing", () => {
  const tagged =
    "openapi: 3.1.0\nx: !!js/function 'process.exit()'\ny: !<tag:yaml.org,2002:binary> aGVsbG8=\npaths: {}";
  expect(readText(tagged).x).toBe("process.exit()");
});

test("a small document whose operations all refer to one large part leaves out those that would be too much", () => {
  const members = Object.fromEntries(Array.from({ length: 900 }, (_, i) => [`member_${i}`, text]));
  const parameters = Array.from({ length: 190 }, (_, i) => ({ name: `p${i}`, in: "query", schema: text }));
  const shared = { $ref: "#/components/pathItems/all" };
  const every = {
    get: operation(listOf(thing), { parameters }),
    put: operation(thing, { requestBody: { content: { "application/json": { schema: object(members) } } } }),
  };
  const described = describedBy(Object.fromEntries(Array.from({ length: 900 }, (_, i) => [`/t${i}`, shared])), {
    components: { pathItems: { all: every } },
  });
  expect(described.resources.length).toBeGreaterThan(10);
  expect(described.actions.length).toBeGreaterThan(10);
  expect(JSON.stringify([described.resources, described.actions]).length).toBeLessThan(33_000_000);
  expect(described.size).toBeGreaterThan(20_000_000);
  expect(described.notes[0]).toContain("too much to be kept");
});
