import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkGrant, type Grant } from "../../src/auth/granting.ts";
import { principalOf, scopes } from "../../src/auth/principal.ts";
import { includesLimit, isResourcePattern, reachesResource } from "../../src/auth/resources.ts";
import { formatName, parseName } from "../../src/providers/sql/name.ts";

describe("a limit to resources", () => {
  test.each([
    ["public.city", "public.city", true],
    ["public.city", "city", false],
    ["public.city", "Public.City", false],
    ["public.city", '"public".city', false],
    ["public.city", "public.city ", false],
    ["public.city", "public.cityhall", false],
    ["City", "city", false],
    ["sales.*", "sales.orders", true],
    ["sales.*", 'sales."a.b"', true],
    ["sales.*", "sales.", false],
    ["sales.*", "sales", false],
    ["sales.*", "salesforce.orders", false],
    ["sales.*", "Sales.orders", false],
    ["sales.*", '"sales".orders', false],
    ["sales.*", 'x."sales.orders"', false],
  ])("%s: is %s reached? %s", (pattern, name, expected) => {
    expect(reachesResource(["other.thing", pattern], name)).toBe(expected);
  });

  test("reaches everything when there is none, and nothing when it is empty", () => {
    expect(reachesResource(undefined, "public.city")).toBe(true);
    expect(reachesResource([], "public.city")).toBe(false);
  });

  test("of a namespace reaches no name that is of another one, however it is written", () => {
    const part = fc.string({ minLength: 1, unit: fc.constantFrom(...'ab."* ') });
    fc.assert(
      fc.property(part, fc.array(part, { maxLength: 4 }), (namespace, pieces) => {
        const pattern = `${formatName(namespace, "x").slice(0, -1)}*`;
        const name = pattern.slice(0, -1) + pieces.join(".");
        const parsed = parseName(name);
        if (parsed === undefined || !reachesResource([pattern], name)) return;
        expect(parsed.namespace).toBe(namespace);
      }),
      { numRuns: 2_000 },
    );
  });

  test("can't be everything, empty or invisible", () => {
    for (const wrong of ["", "*", ".*", "a\0b", "a\nb", "\ud800", "x".repeat(301)]) {
      expect(isResourcePattern(wrong)).toBe(false);
    }
    for (const right of ["city", "public.city", "sales.*", 'a."b c"']) expect(isResourcePattern(right)).toBe(true);
  });

  test.each([
    [undefined, undefined, true],
    [undefined, ["a.b"], true],
    [["a.b"], undefined, false],
    [["a.b"], [], true],
    [["a.*"], ["a.b", "a.*"], true],
    [["a.b"], ["a.*"], false],
    [["a.*"], ["a.b", "b.b"], false],
    [[], ["a.b"], false],
  ])("%j includes %j: %s", (limit, other, expected) => {
    expect(includesLimit(limit, other)).toBe(expected);
  });
});

describe("a grant", () => {
  const [first, second] = ["c0ffee00-0000-4000-8000-00000000000a", "c0ffee00-0000-4000-8000-00000000000b"];
  const free = { connectorIds: undefined, resources: undefined };
  const giver = (part: object) =>
    principalOf({
      ...{ organizationId: "acme", id: "bob", authentication: "api_key", scopes: ["connector.query"] },
      ...free,
      ...part,
    });
  const grant = (part: Partial<Grant>): Grant => ({
    ...{ scopes: ["connector.query"], connectorIds: [], resources: [] },
    ...part,
  });

  test("of what its giver has passes", () => {
    checkGrant(giver({}), grant({ connectorIds: [first], resources: ["public.*"] }));
    checkGrant(giver({ scopes: ["connector.admin"] }), grant({ scopes: [...scopes] }));
    const limited = giver({ connectorIds: [first], resources: ["public.*"] });
    checkGrant(limited, grant({ connectorIds: [first.toUpperCase()], resources: ["public.city"] }));
  });

  test.each([
    ["a scope", giver({}), grant({ scopes: ["connector.write"] }), { scope: "connector.write" }],
    ["admin", giver({ scopes: scopes.slice(0, -1) }), grant({ scopes: ["connector.admin"] }), {}],
    [
      "another connector",
      giver({ connectorIds: [first] }),
      grant({ connectorIds: [first, second] }),
      { connector: second },
    ],
    ["all connectors", giver({ connectorIds: [first] }), grant({}), {}],
    ["another resource", giver({ resources: ["a.*"] }), grant({ resources: ["b.c"] }), {}],
    ["all resources", giver({ resources: ["a.*"] }), grant({}), {}],
  ])("of %s that its giver has not is refused", (_, from, wanted, metadata) => {
    expect(() => checkGrant(from, wanted)).toThrow(
      expect.objectContaining({ kind: "permission_denied", metadata: expect.objectContaining(metadata) }),
    );
  });

  test.each([
    ["an unknown scope", grant({ scopes: ["connector.query", "connector.everything"] }), "scopes[1]"],
    ["a resource that is none", grant({ resources: ["public.city", "*"] }), "resources[1]"],
    ["statements beside resources", grant({ scopes: ["connector.query.native"], resources: ["a.b"] }), "scopes"],
  ])("of %s is wrong, and says where", (_, wanted, field) => {
    expect(() => checkGrant(giver({ scopes: ["connector.admin"] }), wanted)).toThrow(
      expect.objectContaining({ kind: "invalid_request", fields: [expect.objectContaining({ field })] }),
    );
  });
});
