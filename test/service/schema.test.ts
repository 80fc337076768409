import { randomUUID } from "node:crypto";
import { toBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Code, type ConnectorClient, FieldType } from "../../src/client/index.ts";
import {
  GetSchemaResponseSchema,
  type Resource,
  ResourceKind,
  SchemaView,
} from "../../src/gen/connector/v1/schema_pb.js";
import { type FreshDatabase, freshDatabase } from "../support/postgres.ts";
import { connectorTo, type TestService, testService } from "../support/service.ts";
import { stopwatch } from "../support/stopwatch.ts";
import { type Login, newLogin, run } from "./customer.ts";

let service: TestService;
let client: ConnectorClient;
let rich: FreshDatabase;

const fixture = `
  CREATE SCHEMA sales;
  CREATE SCHEMA "sales-2026";
  CREATE SCHEMA "Odd.Schema";
  CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
  CREATE TABLE country (code char(2) PRIMARY KEY, name varchar(80) NOT NULL UNIQUE);
  COMMENT ON TABLE country IS 'A country';
  COMMENT ON COLUMN country.code IS 'ISO 3166';
  INSERT INTO country SELECT chr(65 + i / 26) || chr(65 + i % 26), 'name ' || i FROM generate_series(0, 99) i;
  CREATE TABLE sales.customer (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    country char(2) REFERENCES country,
    balance numeric(12,2) NOT NULL DEFAULT 0,
    doubled numeric GENERATED ALWAYS AS (balance * 2) STORED,
    moods mood[] NOT NULL,
    since timestamp(3) with time zone DEFAULT now(),
    note text,
    CONSTRAINT one_note UNIQUE (country, note)
  );
  CREATE INDEX poor ON sales.customer (lower(note), balance DESC) WHERE balance < 10;
  CREATE VIEW sales.rich AS SELECT id, balance FROM sales.customer WHERE balance > 1000;
  CREATE MATERIALIZED VIEW sales.counted AS SELECT count(*) AS n FROM sales.customer;
  CREATE TABLE measured (at date NOT NULL, v int) PARTITION BY RANGE (at);
  CREATE TABLE measured_2026 PARTITION OF measured FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
  CREATE TABLE "sales-2026".customer (id int);
  CREATE TABLE "Odd.Schema"."a ""b"".c" (id int);
`;

beforeAll(async () => {
  [service, rich] = await Promise.all([testService(), freshDatabase()]);
  client = service.client;
  await run(rich.url, fixture);
  await run(rich.url, "VACUUM ANALYZE country");
});

afterAll(async () => {
  await service.stop();
  await rich.drop();
});

async function connectorOf(url: string): Promise<string> {
  return (await client.createConnector(connectorTo(url, `c-${randomUUID()}`))).id;
}

type SchemaRequest = NonNullable<Parameters<ConnectorClient["getSchema"]>[1]>;

async function pagesOf(id: string, request: SchemaRequest): Promise<Resource[][]> {
  const pages: Resource[][] = [];
  let pageToken = "";
  do {
    const page = await client.getSchema(id, { ...request, pageToken });
    pages.push(page.resources);
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return pages;
}

const allNames = [
  '"Odd.Schema"."a ""b"".c"',
  "public.country",
  "public.measured",
  "public.measured_2026",
  "sales.counted",
  "sales.customer",
  "sales.rich",
  "sales-2026.customer",
];

describe("a description", () => {
  let id: string;

  beforeAll(async () => {
    id = await connectorOf(rich.url);
  });

  test("lists what can be queried, by namespace and name, and nothing of the system's", async () => {
    const { resources, totalSize, nextPageToken } = await client.getSchema(id);
    expect(resources.map(({ name, kind }) => [name, ResourceKind[kind]])).toEqual([
      ['"Odd.Schema"."a ""b"".c"', "TABLE"],
      ["public.country", "TABLE"],
      ["public.measured", "PARTITIONED_TABLE"],
      ["public.measured_2026", "PARTITION"],
      ["sales.counted", "MATERIALIZED_VIEW"],
      ["sales.customer", "TABLE"],
      ["sales.rich", "VIEW"],
      ["sales-2026.customer", "TABLE"],
    ]);
    expect([totalSize, nextPageToken]).toEqual([8, ""]);
  });

  test("says all there is to say of a table", async () => {
    const { resources } = await client.getSchema(id, { namePrefix: "sales.customer" });
    const plain = { elementType: 0, nullable: true, defaultExpression: "", generated: false, comment: "" };
    const field = (name: string, type: FieldType, nativeType: string, rest: object = {}) => {
      return { ...plain, name, type, nativeType, enumLabels: [], ...rest };
    };
    const [{ $typeName: _, fields, indexes, uniqueKeys, foreignKeys, ...table }] = resources as [Resource];
    expect(fields.map(({ $typeName, ...rest }) => rest)).toEqual([
      field("id", FieldType.INT64, "bigint", { nullable: false, generated: true }),
      field("country", FieldType.STRING, "character(2)"),
      field("balance", FieldType.DECIMAL, "numeric(12,2)", { nullable: false, defaultExpression: "0" }),
      field("doubled", FieldType.DECIMAL, "numeric", {
        generated: true,
        defaultExpression: "(balance * (2)::numeric)",
      }),
      field("moods", FieldType.ARRAY, "mood[]", { nullable: false, elementType: FieldType.ENUM }),
      field("since", FieldType.TIMESTAMP_TZ, "timestamp(3) with time zone", { defaultExpression: "now()" }),
      field("note", FieldType.STRING, "text"),
    ]);
    expect(table).toMatchObject({
      name: "sales.customer",
      namespace: "sales",
      localName: "customer",
      kind: ResourceKind.TABLE,
      primaryKey: ["id"],
      partitionOf: "",
    });
    expect(uniqueKeys).toMatchObject([{ name: "one_note", fields: ["country", "note"] }]);
    expect(foreignKeys).toMatchObject([
      { fields: ["country"], references: "public.country", referencedFields: ["code"] },
    ]);
    expect(indexes).toMatchObject([
      { name: "customer_pkey", keys: ["id"], unique: true, method: "btree", predicate: "" },
      { name: "one_note", keys: ["country", "note"], unique: true },
      {
        name: "poor",
        keys: ["lower(note)", "balance DESC"],
        unique: false,
        predicate: expect.stringContaining("balance <"),
      },
    ]);
  });

  test("has comments, estimates of rows and what a partition is a part of", async () => {
    const { resources } = await client.getSchema(id, { namePrefix: "public." });
    expect(resources).toMatchObject([
      { comment: "A country", estimatedRows: 100n, fields: [{ comment: "ISO 3166" }, { comment: "" }] },
      { name: "public.measured", partitionOf: "" },
      { name: "public.measured_2026", partitionOf: "public.measured" },
    ]);
  });

  test("in the basic view has names, kinds, comments and estimates only", async () => {
    const { resources, totalSize } = await client.getSchema(id, { view: SchemaView.BASIC });
    expect(totalSize).toBe(8);
    expect(resources[1]).toMatchObject({ name: "public.country", comment: "A country", estimatedRows: 100n });
    for (const { fields, primaryKey, indexes } of resources)
      expect([fields, primaryKey, indexes]).toEqual([[], [], []]);
  });

  test.each<[string, SchemaRequest, string[]]>([
    ["a namespace", { namePrefix: "sales." }, ["sales.counted", "sales.customer", "sales.rich"]],
    ["a start of two namespaces", { namePrefix: "sales" }, allNames.slice(4)],
    ["a name without its namespace", { namePrefix: "customer" }, ["sales.customer", "sales-2026.customer"]],
    ["a kind", { kinds: [ResourceKind.VIEW] }, ["sales.rich"]],
    [
      "kinds and a name",
      { kinds: [ResourceKind.VIEW, ResourceKind.TABLE], namePrefix: "sales." },
      ["sales.customer", "sales.rich"],
    ],
    ["a pattern, which is none", { namePrefix: "sales.%" }, []],
    ["a name that is not there", { namePrefix: "nowhere" }, []],
  ])("is narrowed by %s", async (_, request, expected) => {
    const { resources, totalSize } = await client.getSchema(id, request);
    expect(resources.map(({ name }) => name)).toEqual(expected);
    expect(totalSize).toBe(expected.length);
  });

  test("comes in pages of any size, each resource once, names that need quotes too", async () => {
    for (const pageSize of [1, 2, 3, 7, 8, 100]) {
      const pages = await pagesOf(id, { pageSize });
      expect(pages.flat().map(({ name }) => name)).toEqual(allNames);
      expect(pages.length).toBe(Math.ceil(allNames.length / pageSize));
    }
  });

  test("goes on by a page token of the same request only", async () => {
    const { nextPageToken: pageToken } = await client.getSchema(id, { pageSize: 1 });
    const invalid = { code: Code.InvalidArgument, reason: "INVALID_PAGE_TOKEN" };
    await expect(client.getSchema(id, { pageToken, namePrefix: "s" })).rejects.toMatchObject(invalid);
    await expect(client.getSchema(id, { pageToken, kinds: [ResourceKind.VIEW] })).rejects.toMatchObject(invalid);
    await expect(client.getSchema(await connectorOf(rich.url), { pageToken })).rejects.toMatchObject(invalid);
    expect((await client.getSchema(id, { pageToken, pageSize: 5 })).resources).toHaveLength(5);
  });
});

describe("what a user may not read", () => {
  let login: Login;
  let database: FreshDatabase;

  beforeAll(async () => {
    database = await freshDatabase();
    login = await newLogin(database.url, "pa55word");
    await run(
      database.url,
      `CREATE SCHEMA closed;
       CREATE TABLE closed.secret (id int);
       CREATE TABLE public.hidden (id int);
       CREATE TABLE public.open (id int PRIMARY KEY, name text, salary int);
       GRANT SELECT ON closed.secret TO ${login.user};
       GRANT SELECT (id, name) ON public.open TO ${login.user}`,
    );
  });

  afterAll(async () => {
    await database.drop();
    await login.drop();
  });

  test("is not described, neither table nor column", async () => {
    const { resources } = await client.getSchema(await connectorOf(login.url));
    expect(resources.map(({ name, fields }) => [name, fields.map((field) => field.name)])).toEqual([
      ["public.open", ["id", "name"]],
    ]);
  });
});

describe("a schema that was read", () => {
  let database: FreshDatabase;
  let id: string;

  beforeAll(async () => {
    database = await freshDatabase();
    await run(database.url, "CREATE TABLE one (id int); CREATE TABLE two (id int)");
    id = await connectorOf(database.url);
  });

  afterAll(() => database.drop());

  const ages = async (request?: SchemaRequest) => {
    const { resources, readTime } = await client.getSchema(id, request);
    return { names: resources.map(({ localName }) => localName), readTime };
  };

  test("is kept until it is refreshed, and says when it was read", async () => {
    const before = Date.now();
    const first = await ages();
    expect(first.names).toEqual(["one", "two"]);
    const readMs = Number(first.readTime?.seconds) * 1_000 + Number(first.readTime?.nanos) / 1e6;
    expect(readMs).toBeGreaterThanOrEqual(before);
    expect(readMs).toBeLessThanOrEqual(Date.now());

    await run(database.url, "DROP TABLE two; CREATE TABLE three (id int)");
    expect(await ages()).toEqual(first);
    const fresh = await ages({ refresh: true });
    expect(fresh.names).toEqual(["one", "three"]);
    expect(fresh.readTime).not.toEqual(first.readTime);
    expect(await ages()).toEqual(fresh);
  });

  test("is read for all who ask at once, and after the last change for those who refresh", async () => {
    const asked = Array.from({ length: 20 }, () => ages({ refresh: true }));
    await run(database.url, "CREATE TABLE four (id int)");
    const late = await ages({ refresh: true });
    expect(late.names).toContain("four");
    expect(
      new Set((await Promise.all(asked)).map(({ readTime }) => `${readTime?.seconds}.${readTime?.nanos}`)).size,
    ).toBeLessThan(20);
  });

  test("is read anew after the connector has changed", async () => {
    await ages();
    await run(database.url, "CREATE TABLE five (id int)");
    await client.updateConnector(id, { credential: { password: new URL(database.url).password } });
    expect((await ages()).names).toContain("five");
  });
});

describe("a large schema", () => {
  let database: FreshDatabase;
  let id: string;

  beforeAll(async () => {
    database = await freshDatabase();
    await run(
      database.url,
      `DO $$ BEGIN FOR i IN 1..1000 LOOP
         EXECUTE format('CREATE TABLE t%s (id int PRIMARY KEY, a text, b numeric(10,2) DEFAULT 1, c timestamptz)', i);
       END LOOP; END $$`,
    );
    id = await connectorOf(database.url);
  });

  afterAll(() => database.drop());

  test("of 1,000 tables is read and paged through in seconds, and then without the source", async () => {
    const took = stopwatch();
    const pages = await pagesOf(id, {});
    expect(took()).toBeLessThan(5_000);
    expect(pages.map((page) => page.length)).toEqual([200, 200, 200, 200, 200]);
    expect(new Set(pages.flat().map(({ name }) => name)).size).toBe(1_000);

    const name = new URL(database.url).pathname.slice(1);
    const admin = new URL(database.url);
    admin.pathname = "/postgres";
    await run(admin.href, `ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
    await run(admin.href, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", [name]);
    try {
      expect(await pagesOf(id, {})).toEqual(pages);
      await expect(client.getSchema(id, { refresh: true })).rejects.toThrow();
    } finally {
      await run(admin.href, `ALTER DATABASE ${name} ALLOW_CONNECTIONS true`);
    }
  });

  test("comes in pages of no more than 2,000 resources, and of about 3 MB", async () => {
    const { resources } = await client.getSchema(id, { pageSize: 2_000_000_000 });
    expect(resources).toHaveLength(1_000);
    await run(
      database.url,
      `DO $$ BEGIN FOR i IN 1..1000 LOOP
         EXECUTE format('COMMENT ON COLUMN t%s.a IS %L', i, repeat('ü', 5000));
       END LOOP; END $$`,
    );
    const page = await client.getSchema(id, { refresh: true, pageSize: 2_000 });
    expect(page.nextPageToken).not.toBe("");
    const bytes = toBinary(GetSchemaResponseSchema, page).length;
    expect(bytes).toBeGreaterThan(2_500_000);
    expect(bytes).toBeLessThan(3_100_000);
    const pages = await pagesOf(id, { pageSize: 2_000 });
    expect(pages.flat()).toHaveLength(1_000);
    // Names and estimates are small, whatever the rest is.
    expect((await client.getSchema(id, { view: SchemaView.BASIC, pageSize: 2_000 })).resources).toHaveLength(1_000);
  });
});
