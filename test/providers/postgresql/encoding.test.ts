/** Text in databases that do not know its encoding, or have another one than UTF-8. */
import pg from "pg";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import type { QueryInput } from "../../../src/client/index.ts";
import { newConnector } from "../../service/overrides.ts";
import { allRows, refusalOf } from "../../service/refusal.ts";
import { type Source, serviceWithSource } from "../../service/source.ts";

let source: Source;
/** Connectors to a database of each encoding. */
const connectors: Record<"SQL_ASCII" | "LATIN1", string> = { SQL_ASCII: "", LATIN1: "" };
const databases: string[] = [];

beforeAll(async () => {
  source = await serviceWithSource("CREATE TABLE nothing ()");
  connectors.LATIN1 = await databaseIn(
    "LATIN1",
    `CREATE TABLE person (id int PRIMARY KEY, name text, city text);
     INSERT INTO person VALUES (1, 'Zo' || chr(235), 'Z' || chr(252) || 'rich')`,
  );
  // What 8-bit programs have written there: "Zoë" and "Zürich" in Latin 1.
  connectors.SQL_ASCII = await databaseIn(
    "SQL_ASCII",
    `CREATE TABLE person (id int PRIMARY KEY, name text, city text);
     INSERT INTO person VALUES
       (1, 'Ann', 'Bern'), (2, ${bytes("5a6f c3ab")}, 'Ulm'), (3, 'Zoe', ${bytes("5a fc 72696368")});
     CREATE TABLE halves (a text, b text);
     INSERT INTO halves VALUES (${bytes("5a6f c3")}, ${bytes("ab")});
     DO $$ BEGIN EXECUTE format('COMMENT ON TABLE person IS %L', ${bytes("5a fc")}); END $$;`,
  );
});

afterAll(async () => {
  await source.stop();
  for (const name of databases) await admin(inject("postgresUrl"), `DROP DATABASE ${name} WITH (FORCE)`);
});

/** Text of these bytes, in hexadecimal. */
const bytes = (hex: string) => `convert_from('\\x${hex.replaceAll(" ", "")}'::bytea, 'SQL_ASCII')`;

async function admin(url: string, statements: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(statements);
  await client.end();
}

async function databaseIn(encoding: string, statements: string): Promise<string> {
  const url = new URL(inject("postgresUrl"));
  const database = `test_${crypto.randomUUID().replaceAll("-", "")}`;
  const locale = "LOCALE_PROVIDER libc LC_COLLATE 'C' LC_CTYPE 'C'";
  await admin(url.href, `CREATE DATABASE ${database} ENCODING '${encoding}' TEMPLATE template0 ${locale}`);
  databases.push(database);
  url.pathname = database;
  await admin(url.href, statements);
  return newConnector(source, { database });
}

const native = (text: string): QueryInput => ({ native: text });

/** The refusal of one page and of a stream in each format. */
async function refusals(connectorId: string, query: QueryInput) {
  const { client } = source;
  return [
    await refusalOf(client.query(connectorId, query)),
    await refusalOf(allRows(client.stream(connectorId, query, { format: "values" }))),
    await refusalOf(allRows(client.stream(connectorId, query, { format: "packed" }))),
  ];
}

describe("of a database that does not know its encoding", () => {
  test.each<[string, string, QueryInput]>([
    ["a field of a resource", "city", { resource: "person", orderBy: ["id"] }],
    ["a field of a statement", "town", native("SELECT id, city AS town FROM person")],
    ["a character that is cut over two cells", "a", { resource: "halves" }],
    ["the second half of a character", "b", native("SELECT 'x' AS a, b FROM halves")],
    ["an array", "list", native("SELECT ARRAY[city] AS list FROM person WHERE id = 3")],
  ])("%s that is not UTF-8 is refused by name, in every format", async (_what, field, query) => {
    for (const refusal of await refusals(connectors.SQL_ASCII, query)) {
      expect(refusal).toMatchObject({
        code: "FailedPrecondition",
        reason: "CONFIGURATION_REJECTED",
        where: "upstream",
        metadata: { field },
        message: expect.stringContaining(`\`${field}\` is not UTF-8`),
        remedy: expect.stringContaining("convert_to("),
      });
    }
  });

  test.each(["values", "packed"] as const)("a stream gives what came before, as %s", async (format) => {
    const query = native(`SELECT CASE WHEN i > 100000 THEN city ELSE 'Zurich' END AS x
      FROM generate_series(1, 110000) i, person WHERE id = 3`);
    let read = 0;
    const reading = async () => {
      for await (const { x } of source.client.stream(connectors.SQL_ASCII, query, { format })) {
        expect(x).toBe("Zurich");
        read++;
      }
    };
    expect(await refusalOf(reading())).toMatchObject({ reason: "CONFIGURATION_REJECTED", metadata: { field: "x" } });
    expect(read).toBeGreaterThan(10_000);
  });

  test("text that is UTF-8 is read as it is", async () => {
    const { rows } = await source.client.query(connectors.SQL_ASCII, native("SELECT name FROM person WHERE id = 2"));
    expect(rows.map(({ name }) => name)).toEqual(["Zoë"]);
  });

  test("the remedies give the bytes, and the text of a known encoding", async () => {
    const raw = "convert_to(city, getdatabaseencoding())";
    const text = `convert_from(convert(${raw}, 'LATIN1', 'UTF8'), 'SQL_ASCII')`;
    const { rows } = await source.client.query(
      connectors.SQL_ASCII,
      native(`SELECT ${raw} AS raw, ${text} AS text FROM person WHERE id = 3`),
    );
    expect(rows.map(({ text }) => text)).toEqual(["Zürich"]);
    expect(Buffer.from(rows[0]?.raw as Uint8Array).toString("latin1")).toBe("Zürich");
  });

  test("the schema is told, whatever its comments hold", async () => {
    const { resources } = await source.client.getSchema(connectors.SQL_ASCII);
    expect(resources.find(({ localName }) => localName === "person")?.comment).toBe("Z\ufffd");
  });

  test("a statement whose text is refused is stopped there, however long it would run", async () => {
    const marker = crypto.randomUUID();
    const slow = native(`SELECT city, '${marker}' FROM person WHERE id = 3 UNION ALL SELECT pg_sleep(60)::text, 'x'`);
    expect(await refusalOf(allRows(source.client.stream(connectors.SQL_ASCII, slow)))).toMatchObject({
      reason: "CONFIGURATION_REJECTED",
    });
    const running = `SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%${marker}%'
      AND pid <> pg_backend_pid()`;
    await expect.poll(() => source.run(running)).toEqual([["0"]]);
  });
});

test("of a database in another encoding, text comes as UTF-8", async () => {
  const { client } = source;
  const query: QueryInput = { resource: "person" };
  const texts = ({ name, city }: Record<string, unknown>) => [name, city];
  const expected = [["Zoë", "Zürich"]];
  expect((await client.query(connectors.LATIN1, query)).rows.map(texts)).toEqual(expected);
  for (const format of ["values", "packed"] as const) {
    expect((await allRows(client.stream(connectors.LATIN1, query, { format }))).map(texts)).toEqual(expected);
  }
});

test("a statement that changes the encoding it is answered in is refused", async () => {
  // What a function says of itself need not be so.
  await source.run(`CREATE FUNCTION in_latin1() RETURNS text STABLE LANGUAGE sql AS
    $$ SELECT set_config('client_encoding', 'LATIN1', true) $$`);
  const query = native("SELECT in_latin1() AS encoding, 'Zürich' AS city");
  for (const refusal of await refusals(source.connectorId, query)) {
    expect(refusal).toMatchObject({ reason: "CONFIGURATION_REJECTED", metadata: { field: "city" } });
  }
});
