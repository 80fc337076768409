import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { addressOf, type CacheKeyParts } from "../../src/execution/cache/key.ts";
import type { FilterNode, Operand, Operator, PageRequest, ReadQuery } from "../../src/providers/contract.ts";
import { connectorOf, questionTo } from "./cache-questions.ts";

/** Few of each, so that two requests are often almost the same. */
const name = fc.constantFrom("a", "b", "a,b", 'a"', "", "null", "\ud800");

const operand: fc.Arbitrary<Operand> = fc.oneof(
  fc.constant({ kind: "null" as const }),
  fc.record({ kind: fc.constant("bool" as const), value: fc.boolean() }),
  fc.record({
    kind: fc.constant("integer" as const),
    value: fc.constantFrom(0n, 1n, -1n, 2n ** 63n - 1n, 2n ** 53n, 2n ** 53n + 1n),
  }),
  fc.record({
    kind: fc.constant("double" as const),
    value: fc.constantFrom(0, -0, 1, Number.NaN, Infinity, -Infinity, 2 ** 53),
  }),
  fc.record({ kind: fc.constant("text" as const), value: fc.constantFrom("", "0", "1", "-0", "NaN", "true", "AA==") }),
  fc.record({
    kind: fc.constant("bytes" as const),
    value: fc.constantFrom([], [0], [0, 0]).map((bytes) => Uint8Array.from(bytes)),
  }),
);

const { filter } = fc.letrec<{ filter: FilterNode }>((tie) => ({
  filter: fc.oneof(
    { maxDepth: 3 },
    fc.record({
      kind: fc.constant("compare" as const),
      field: name,
      operator: fc.constantFrom<Operator>("eq", "in", "is_null"),
      values: fc.array(operand, { maxLength: 2 }),
      path: fc.constantFrom("query.filter", "query.where.a"),
    }),
    fc.record({
      kind: fc.constantFrom("and" as const, "or" as const),
      operands: fc.array(tie("filter"), { maxLength: 2 }),
    }),
    fc.record({ kind: fc.constant("not" as const), operand: tie("filter") }),
  ),
}));

const query: fc.Arbitrary<ReadQuery> = fc.oneof(
  fc.record({
    kind: fc.constant("resource" as const),
    resource: name,
    fields: fc.array(name, { maxLength: 2 }),
    filter: fc.option(filter, { nil: undefined }),
    orderBy: fc.array(fc.record({ field: name, descending: fc.boolean() }), { maxLength: 2 }),
    limit: fc.constantFrom(undefined, 0, 1),
  }),
  fc.record({ kind: fc.constant("native" as const), text: name, parameters: fc.array(operand, { maxLength: 2 }) }),
);

const page: fc.Arbitrary<PageRequest> = fc.record({
  size: fc.constantFrom(1, 10),
  continuation: fc.constantFrom(undefined, "", "null"),
  maxBytes: fc.constantFrom(1, 10),
});

const id = crypto.randomUUID();
const connector = fc
  .record({
    organizationId: fc.constantFrom("acme", "acme/1"),
    version: fc.constantFrom(1, 11),
    credentialVersion: fc.constantFrom(1, 11),
  })
  .map((changes) => connectorOf({ id, ...changes }));

const parts: fc.Arbitrary<CacheKeyParts> = fc.record({ connector, query, page });

/** What a request means: all of it but where its comparisons stand. */
function meaning(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(meaning);
  if (value instanceof Uint8Array || typeof value !== "object" || value === null) return value;
  const { path: _path, short: _short, ...rest } = value as Record<string, unknown>;
  return Object.fromEntries(Object.entries(rest).map(([key, each]) => [key, meaning(each)]));
}

const equal = (one: unknown, other: unknown) => {
  try {
    expect(meaning(one)).toStrictEqual(meaning(other));
    return true;
  } catch {
    return false;
  }
};

describe("a key", () => {
  test("is shared by two requests when they mean the same, and only then", () => {
    fc.assert(
      fc.property(parts, parts, (one, other) => {
        expect(addressOf(one).digest === addressOf(other).digest).toBe(equal(one, other));
      }),
      { numRuns: 2_000 },
    );
  });

  test("tells apart requests that differ in one filter, one operand or one part only", () => {
    const base = questionTo(connectorOf());
    const resourceQuery = base.query as Extract<ReadQuery, { kind: "resource" }>;
    const digestOf = (changed: ReadQuery) => addressOf({ ...base, query: changed }).digest;
    fc.assert(
      fc.property(filter, filter, (one, other) => {
        const same = digestOf({ ...resourceQuery, filter: one }) === digestOf({ ...resourceQuery, filter: other });
        expect(same).toBe(equal(one, other));
      }),
      { numRuns: 2_000 },
    );
    fc.assert(
      fc.property(operand, operand, (one, other) => {
        const native = (parameter: Operand): ReadQuery => ({
          kind: "native",
          text: "select $1",
          parameters: [parameter],
        });
        expect(digestOf(native(one)) === digestOf(native(other))).toBe(equal(one, other));
      }),
      { numRuns: 2_000 },
    );
  });

  test("is another one for another organization, connector, version, credential, page or order", () => {
    const base = questionTo(connectorOf());
    const query = base.query as Extract<ReadQuery, { kind: "resource" }>;
    const keys = [
      base,
      ...[{ organizationId: "umbrella" }, { id: crypto.randomUUID() }, { version: 2 }, { credentialVersion: 2 }].map(
        (change) => ({ ...base, connector: { ...base.connector, ...change } }),
      ),
      ...[{ size: 99 }, { continuation: "next" }, { maxBytes: 1 }].map((change) => ({
        ...base,
        page: { ...base.page, ...change },
      })),
      ...[{ fields: ["a", "b"] }, { fields: ["b", "a"] }, { limit: 0 }].map((change) => ({
        ...base,
        query: { ...query, ...change },
      })),
    ].map((each) => addressOf(each).digest);
    expect(new Set(keys).size).toBe(keys.length);
  });

  test("does not hold what was asked for", () => {
    const native: ReadQuery = {
      kind: "native",
      text: "select 'hunter2'",
      parameters: [{ kind: "text", value: "hunter2" }],
    };
    expect(JSON.stringify(addressOf({ ...questionTo(connectorOf()), query: native }))).not.toContain("hunter2");
  });
});
