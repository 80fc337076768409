/** Names that lead to functions of the customer's own, or of an extension's. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Session } from "../../../src/providers/contract.ts";
import { callFor, firstPage, rowsOf } from "../sql/asking.ts";
import { type Database, openDatabase } from "./client.ts";
import { openedSession } from "./opened.ts";

const setUp = `
  CREATE TABLE journal (note text);
  CREATE TABLE city (id int PRIMARY KEY, name text);
  INSERT INTO city VALUES (1, 'Bern');
  CREATE FUNCTION stable_note() RETURNS text STABLE LANGUAGE plpgsql AS $$ BEGIN RETURN 'note'; END $$;
  CREATE FUNCTION volatile_note() RETURNS text VOLATILE LANGUAGE plpgsql AS $$ BEGIN RETURN 'note'; END $$;
  CREATE FUNCTION lower(text[]) RETURNS text VOLATILE LANGUAGE sql AS $$ SELECT 'shadow' $$;
  CREATE FUNCTION upper(text[]) RETURNS text STABLE LANGUAGE sql AS $$ SELECT 'shadow' $$;
  CREATE FUNCTION label(city) RETURNS text STABLE LANGUAGE sql AS $$ SELECT $1.name || '!' $$;
  CREATE FUNCTION touched(city) RETURNS text VOLATILE LANGUAGE sql AS $$ SELECT $1.name || '!' $$;
  CREATE FUNCTION touched_by(city, by text DEFAULT '') RETURNS text VOLATILE LANGUAGE sql AS $$ SELECT $1.name $$;
  CREATE FUNCTION takes_int(int) RETURNS text VOLATILE LANGUAGE sql AS $$ SELECT 'x' $$;
  CREATE FUNCTION leap(int, int) RETURNS int VOLATILE LANGUAGE sql AS $$ SELECT $1 + $2 $$;
  CREATE FUNCTION plus(text, text) RETURNS text VOLATILE LANGUAGE sql AS $$ SELECT $1 $$;
  CREATE FUNCTION same(text, text) RETURNS boolean STABLE LANGUAGE sql AS $$ SELECT true $$;
  CREATE FUNCTION same_city(city, city) RETURNS boolean VOLATILE LANGUAGE sql AS $$ SELECT true $$;
  CREATE OPERATOR @+@ (LEFTARG = text, RIGHTARG = text, FUNCTION = plus);
  CREATE OPERATOR || (LEFTARG = int, RIGHTARG = int, FUNCTION = leap);
  CREATE OPERATOR === (LEFTARG = text, RIGHTARG = text, FUNCTION = same);
  CREATE TYPE colour AS ENUM ('red', 'green');
  CREATE TYPE pair AS (a int, b int);
  CREATE FUNCTION to_pair(colour) RETURNS pair VOLATILE LANGUAGE sql AS $$ SELECT ROW(1, 2)::pair $$;
  CREATE CAST (colour AS pair) WITH FUNCTION to_pair(colour);
  CREATE FUNCTION from_colour(colour) RETURNS int VOLATILE LANGUAGE sql AS $$ SELECT 1 $$;
  CREATE CAST (colour AS int) WITH FUNCTION from_colour(colour);
  CREATE FUNCTION step(int, int) RETURNS int IMMUTABLE LANGUAGE sql AS $$ SELECT $1 + $2 $$;
  CREATE AGGREGATE total(int) (SFUNC = step, STYPE = int, INITCOND = '0');
  CREATE AGGREGATE leaps(int) (SFUNC = leap, STYPE = int, INITCOND = '0');
  CREATE AGGREGATE joined(text) (SFUNC = textcat, STYPE = text, INITCOND = '');
  CREATE SCHEMA other;
  CREATE FUNCTION other.elsewhere() RETURNS text STABLE LANGUAGE sql AS $$ SELECT 'x' $$;
  CREATE FUNCTION other.sqrt(float8) RETURNS text VOLATILE LANGUAGE sql AS $$ SELECT 'x' $$;
  CREATE FUNCTION "Ünlaut"() RETURNS text VOLATILE LANGUAGE sql AS $$ SELECT 'x' $$;
  CREATE EXTENSION pg_trgm; CREATE EXTENSION hstore; CREATE EXTENSION citext; CREATE EXTENSION "uuid-ossp";
  CREATE EXTENSION dblink; CREATE EXTENSION tablefunc; CREATE EXTENSION pgcrypto; CREATE EXTENSION tsm_system_rows;
  CREATE EXTENSION pageinspect`;

let database: Database;
let session: Required<Session>;

beforeAll(async () => {
  database = await openDatabase();
  await database.execute(setUp);
  session = openedSession(database.url);
});
afterAll(async () => {
  await session.close();
  await database.close();
});

describe("a name is allowed when all that it may lead to only computes", () => {
  test.each([
    "SELECT stable_note(), public.stable_note(), other.elsewhere()",
    "SELECT upper('a'), pg_catalog.lower('A')",
    "SELECT sqrt(4)",
    "SELECT c.label, (c).label FROM city c",
    "SELECT label(c) FROM city c",
    "SELECT 'a' === 'b', 'a' OPERATOR(public.===) 'b', 1 OPERATOR(pg_catalog.+) 2",
    "SELECT total(id), joined(name) FROM city",
    "SELECT 'red'::colour, 'red'::text::colour",
    "SELECT similarity('a', 'b'), 'a' % 'b', 'a=>1'::hstore -> 'a', 'A'::citext = 'a', uuid_generate_v4()",
    "SELECT digest('a', 'sha256'), crypt('a', gen_salt('bf', 4)), hmac('a', 'b', 'sha256')",
    "SELECT * FROM city TABLESAMPLE system_rows(1)",
    "SELECT numeric '1', text 'a', int4(1.5), bool('t')",
    // The customer's cast to int and operator || are careless, and most statements that use these mean others.
    "SELECT 'a' || 'b', '1'::int, 1 || 2, 'red'::colour::int",
  ])("%s", async (text) => {
    expect((await rowsOf(session, text)).length).toBe(1);
  });
});

describe("a name is refused when anything that it may lead to may do more", () => {
  test.each([
    ["SELECT volatile_note()", /`public.volatile_note` is VOLATILE/],
    ["SELECT * FROM volatile_note()", /`public.volatile_note` is VOLATILE/],
    ["SELECT 1 ORDER BY volatile_note()", /`public.volatile_note` is VOLATILE/],
    ["SELECT lower('A')", /`public.lower` is VOLATILE/],
    ["SELECT other.sqrt(4)", /`other.sqrt` is VOLATILE/],
    ["SELECT c.touched FROM city c", /`public.touched` is VOLATILE.*the field `touched`/],
    ["SELECT (c).touched FROM city c", /`public.touched` is VOLATILE/],
    ["SELECT c.touched_by FROM city c", /`public.touched_by` is VOLATILE/],
    ["SELECT public.city.touched FROM city", /`public.touched` is VOLATILE/],
    ["SELECT touched(c) FROM city c", /`public.touched` is VOLATILE/],
    ["SELECT 'a' @+@ 'b'", /`public.plus` is VOLATILE.*the operator `@\+@`/],
    ["SELECT 'a' OPERATOR(public.@+@) 'b'", /`public.plus` is VOLATILE/],
    ["SELECT 'a' @+@ ANY (SELECT 'b')", /`public.plus` is VOLATILE/],
    ["SELECT 'red'::colour::pair", /`public.to_pair` is VOLATILE.*the cast to `pair`/],
    ["SELECT pair('red'::colour)", /`public.to_pair` is VOLATILE/],
    ["SELECT leaps(id) FROM city", /`public.leap` is VOLATILE/],
    ["SELECT leaps(id) OVER () FROM city", /`public.leap` is VOLATILE/],
    ['SELECT "Ünlaut"()', /`public.Ünlaut` is VOLATILE/],
    ["SELECT dblink_connect('host=127.0.0.1')", /`dblink_connect`: it acts on other sessions/],
    ["SELECT public.dblink_connect('host=127.0.0.1')", /`public.dblink_connect` of the extension dblink/],
    ["SELECT * FROM crosstab('DROP TABLE city') AS t(a int, b int)", /`public.crosstab` of the extension tablefunc/],
    ["SELECT get_raw_page('city', 0)", /of the extension pageinspect/],
    ["SELECT set_limit(0.1)", /of the extension pg_trgm/],
    ["SELECT int4pl(1, 2)", /`int4pl` is not among those/],
    ["SELECT Ünknown()", /`ünknown` is not there, by this name|`Ünknown` is not there, by this name/],
    ["SELECT * FROM city TABLESAMPLE mine(1)", /TABLESAMPLE by `mine`/],
    ["SELECT current_setting('app.jwt_secret')", /The setting `app.jwt_secret` is not among/],
    ["SELECT current_setting('ssl' || '_key_file')", /must be named by a literal/],
    ["SELECT current_setting('work_mem_x'::varchar(8))", /must be named by a literal/],
    ["SELECT current_setting(missing_ok => true, setting_name => 'ssl_key_file')", /must be named by a literal/],
    ["SHOW ssl_key_file", /The setting `ssl_key_file` is not among/],
    ["SHOW ALL", /SHOW ALL/],
    ["EXPLAIN SELECT pg_read_file('/etc/passwd')", /`pg_read_file`: it reaches files/],
    ["EXPLAIN (SERIALIZE) SELECT 1", /EXPLAIN with SERIALIZE/],
    ["TABLE pg_shadow", /`pg_shadow` is not among/],
    ["SELECT * FROM pg_catalog.pg_authid", /`pg_catalog.pg_authid` is not among/],
    ["SELECT * FROM (SELECT rolpassword FROM pg_authid) a", /`pg_authid` is not among/],
  ])("%s", async (text, message) => {
    await expect(rowsOf(session, text)).rejects.toMatchObject({
      kind: "statement_rejected",
      where: "request",
      message: expect.stringMatching(message),
      fields: [{ field: "query.native.text" }],
    });
  });
});

test("a relation that tells of the server is refused as a resource, too", async () => {
  const query = { kind: "resource", fields: [], filter: undefined, orderBy: [], limit: undefined } as const;
  await expect(
    session.query({ ...query, resource: "pg_catalog.pg_authid" }, firstPage, callFor(20_000)),
  ).rejects.toMatchObject({ kind: "statement_rejected", fields: [{ field: "query.resource" }] });
});

test("a function that is not there is the server's to refuse, and is found once it is there", async () => {
  const notThere = { kind: "statement_rejected", status: "42883" };
  await expect(rowsOf(session, "SELECT later()")).rejects.toMatchObject(notThere);
  await database.execute("CREATE FUNCTION later() RETURNS text VOLATILE LANGUAGE sql AS $$ SELECT 'x' $$");
  await expect(rowsOf(session, "SELECT later()")).rejects.toMatchObject({ where: "request" });
});

test("a function that the configuration names may be called, and its connection is used no more", async () => {
  const trusting = openedSession(database.url, {
    functions: ["public.volatile_note", "public.leaps"],
    maxConnections: 1,
  });
  try {
    const first = await rowsOf(trusting, "SELECT pg_backend_pid()");
    expect(await rowsOf(trusting, "SELECT volatile_note(), pg_backend_pid()::text")).toEqual([["note", first[0]?.[0]]]);
    const second = await rowsOf(trusting, "SELECT pg_backend_pid()");
    expect(second).not.toEqual(first);
    expect(await rowsOf(trusting, "SELECT leaps(id) FROM city")).toEqual([["1"]]);
    expect(await rowsOf(trusting, "SELECT pg_backend_pid()")).not.toEqual(second);
    await expect(rowsOf(trusting, "SELECT lower('A')")).rejects.toMatchObject({ where: "request" });
  } finally {
    await trusting.close();
  }
});
