import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Failure } from "../../../src/failure.ts";
import type { ResourceQuery } from "../../../src/providers/contract.ts";
import { lookUpResource } from "../../../src/providers/postgresql/catalogue.ts";
import { postgresqlDialect } from "../../../src/providers/postgresql/dialect.ts";
import { createTypeCatalogue } from "../../../src/providers/postgresql/types.ts";
import type { SqlResource } from "../../../src/providers/sql/dialect.ts";
import { type CompiledSelect, compileSelect, nextContinuation } from "../../../src/providers/sql/select.ts";
import { type Database, openDatabase } from "./client.ts";

let database: Database;

beforeAll(async () => {
  database = await openDatabase();
});
afterAll(() => database.close());

const lookUp = (name: string) => lookUpResource(database.run, name, createTypeCatalogue());

const queryOf = (resource: SqlResource, more: Partial<ResourceQuery> = {}): ResourceQuery => ({
  kind: "resource",
  resource: resource.name,
  fields: [],
  filter: undefined,
  orderBy: [],
  limit: undefined,
  ...more,
});

function compile(
  resource: SqlResource,
  query: Partial<ResourceQuery>,
  size: number,
  continuation?: string,
): CompiledSelect {
  const page = { size, continuation };
  return compileSelect({ dialect: postgresqlDialect, resource, query: queryOf(resource, query), page });
}

/** Reads page after page to the end, as a session does. */
async function readPages(
  resource: SqlResource,
  query: Partial<ResourceQuery>,
  size: number,
): Promise<(string | null)[][]> {
  const all: (string | null)[][] = [];
  for (let continuation: string | undefined; ; ) {
    const compiled = compile(resource, query, size, continuation);
    const rows = await database.run(compiled.text, compiled.parameters);
    const page = rows.slice(0, compiled.pageRows);
    all.push(...page.map((row) => row.slice(0, compiled.fields.length)));
    if (rows.length === page.length) return all;
    continuation = nextContinuation(compiled, page.length, page.at(-1) ?? []);
  }
}

describe("the pages of a table", () => {
  beforeAll(() =>
    database.execute(`
      CREATE TABLE rows (n int, t text, id bigint PRIMARY KEY);
      INSERT INTO rows SELECT NULLIF(i % 4, 0), i::text, i * 10 FROM generate_series(1, 97) i`),
  );

  test("end at the query's own limit, over all pages", async () => {
    const resource = await lookUp("rows");
    for (const [limit, size] of [
      [20, 7],
      [20, 10],
      [20, 20],
      [20, 50],
      [1, 1],
    ] as const) {
      expect(await readPages(resource, { fields: ["id"], limit }, size)).toHaveLength(limit);
    }
    expect(await readPages(resource, { fields: ["id"], limit: 500 }, 30)).toHaveLength(97);
  });

  test("a stream is in the requested order only, and reads no hidden field", async () => {
    const resource = await lookUp("rows");
    const stream = (query: Partial<ResourceQuery>) =>
      compileSelect({ dialect: postgresqlDialect, resource, query: queryOf(resource, query) });
    expect(stream({ fields: ["t"], limit: 3 }).text).toBe('SELECT "t" FROM "public"."rows" LIMIT 3');
    expect(stream({ fields: ["t"], orderBy: [{ field: "n", descending: true }] })).toMatchObject({
      text: 'SELECT "t" FROM "public"."rows" ORDER BY "n" DESC NULLS LAST',
      hiddenKeyCount: 0,
      paging: "single",
    });
  });
});

describe("the order of pages", () => {
  beforeAll(() =>
    database.execute(`
      CREATE TABLE pair (a int, b text, v int, doc json, PRIMARY KEY (a, b));
      INSERT INTO pair SELECT i % 50, i::text, i FROM generate_series(1, 5000) i;
      ANALYZE pair;
      CREATE TABLE several (a int NOT NULL, b int NOT NULL, c int NOT NULL UNIQUE, d int UNIQUE, PRIMARY KEY (a, b));
      CREATE TABLE keyless (v int);
      INSERT INTO keyless SELECT i FROM generate_series(1, 25) i`),
  );

  test("in one direction is served by the key's index", async () => {
    const resource = await lookUp("pair");
    const first = compile(resource, {}, 10);
    const continuation = nextContinuation(first, 10, ["7", "1007", null, null]);
    for (const orderBy of [[], [{ field: "a", descending: true }]]) {
      const { text, parameters } = compile(resource, { orderBy }, 10, continuation);
      const plan = (await database.run(`EXPLAIN ${text}`, parameters)).map(([line]) => line).join("\n");
      expect(text).toMatch(/WHERE \(\("a", "b"\) [<>] \(\$1::int4, \$2::text\)\)/);
      expect(plan).toMatch(/Index Scan.* using pair_pkey/);
      expect(plan).toMatch(/Index Cond: \(ROW\(a, b\)/);
      expect(plan).not.toContain("Sort");
    }
  });

  test("is made unique by the key that adds the fewest fields, and stops where it is", async () => {
    const resource = await lookUp("several");
    const names = (...fields: string[]) =>
      compile(resource, { orderBy: fields.map((field) => ({ field, descending: false })) }, 10).order.map(
        ({ field }) => field.name,
      );
    expect(names()).toEqual(["c"]);
    expect(names("a")).toEqual(["a", "b"]);
    expect(names("d")).toEqual(["d", "c"]);
    expect(names("b", "a", "d")).toEqual(["b", "a"]);
    expect(names("c", "a", "c")).toEqual(["c"]);
  });

  test("is by position without a unique key", async () => {
    const resource = await lookUp("keyless");
    expect(compile(resource, {}, 10).paging).toBe("offset");
    const rows = await readPages(resource, { orderBy: [{ field: "v", descending: true }] }, 10);
    expect(rows.map(([v]) => Number(v))).toEqual(Array.from({ length: 25 }, (_, i) => 25 - i));
  });

  test("can't be by a type without order", async () => {
    const resource = await lookUp("pair");
    const orderBy = [
      { field: "a", descending: false },
      { field: "doc", descending: false },
    ];
    expect(() => compile(resource, { orderBy }, 10)).toThrow(/`doc` can't be ordered by: values of json have no order/);
    expect(() => compile(resource, { orderBy: [{ field: "w", descending: false }] }, 10)).toThrow(/Did you mean/);
  });

  test.each([
    ["", "x", "{}", "[1]", '[1,["1"]]', '[-1,["1","2"]]', '[1,["1",2]]', '[1,["1","2"],3]', '[1e99,["1","2"]]'],
  ])("refuses a continuation of another shape", async (...texts) => {
    const resource = await lookUp("pair");
    for (const text of texts) {
      expect(() => compile(resource, {}, 10, text)).toThrow(expect.objectContaining({ kind: "invalid_page_token" }));
    }
    expect(() => compile(resource, {}, 10, '[1,["1","2"]]')).not.toThrow();
  });

  test("names an unknown field where it stands", async () => {
    const resource = await lookUp("pair");
    const failing = () => compile(resource, { fields: ["a", "B"] }, 10);
    expect(failing).toThrow(Failure);
    expect(failing).toThrow(
      expect.objectContaining({
        kind: "unknown_field",
        fields: [expect.objectContaining({ field: "query.fields[1]" })],
      }),
    );
  });
});
