/** What a refused call tells its caller, and whether the service and the source go on as before. */
import { Code } from "@connectrpc/connect";
import { expect } from "vitest";
import { ConnectorError } from "../../src/client/error.ts";
import type { QueryInput } from "../../src/client/index.ts";
import { type Source, until } from "./source.ts";

export interface Refusal {
  /** `InvalidArgument` */
  readonly code: string;
  readonly reason: string | undefined;
  readonly where: string;
  readonly message: string;
  readonly remedy: string;
  /** The paths of the wrong fields. */
  readonly fields: readonly string[];
  /** What is said of them. */
  readonly descriptions: readonly string[];
  /** Without the attempts, which are some calls' luck: two calls that are refused alike may differ in them. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** The refusal of a call that must be refused, and say what to do. */
export async function refusalOf(call: Promise<unknown>): Promise<Refusal> {
  const error = await call.then(
    () => undefined,
    (cause) => ConnectorError.from(cause),
  );
  if (error === undefined) throw new Error("The call was not refused.");
  const { code, reason, where, message, remedy, fields } = error;
  const { attempts: _luck, ...metadata } = error.metadata;
  expect(remedy).toMatch(/^[A-Z].{10,}[.…)]$/s);
  return {
    ...{ code: Code[code], reason, where, message, remedy, metadata },
    fields: fields.map(({ field }) => field),
    descriptions: fields.map(({ description }) => description),
  };
}

/** The refusal of a query, which must be the same of one page, of a stream and of an explanation. */
export async function refusalOfQuery({ client, connectorId }: Source, query: QueryInput): Promise<Refusal> {
  const page = await refusalOf(client.query(connectorId, query));
  expect(await refusalOf(allRows(client.stream(connectorId, query)))).toEqual(page);
  return page;
}

export async function allRows<Row>(rows: AsyncIterable<Row>): Promise<Row[]> {
  return Array.fromAsync(rows);
}

/** What the tests of refusals read from. */
export const cities = `
  CREATE TABLE city (
    id bigint PRIMARY KEY, name text NOT NULL, country char(2), population integer, small smallint,
    key uuid, founded date, capital boolean, area numeric(10, 2), seen timestamptz);
  INSERT INTO city (id, name, country) VALUES (1, 'Bern', 'CH'), (2, 'Chur', 'CH'), (3, 'Ulm', 'DE');
  CREATE TABLE journal (note text);
  CREATE SEQUENCE counter;
  CREATE FUNCTION writes() RETURNS text VOLATILE LANGUAGE sql AS
    $$ INSERT INTO journal VALUES ('written') RETURNING note $$`;

/** A good call still gets its rows, the source is as it was, and all calls together leave few connections, all of them idle. */
export async function expectAllAsBefore(source: Source): Promise<void> {
  const { rows } = await source.client.query(source.connectorId, { resource: "city", orderBy: ["id"] });
  expect(rows.map((row) => row.name)).toEqual(["Bern", "Chur", "Ulm"]);
  const [state] = await source.run(
    "SELECT (SELECT count(*) FROM city), (SELECT count(*) FROM journal), (SELECT is_called FROM counter)",
  );
  expect(state).toEqual(["3", "0", "f"]);
  await until(source, ofTheService, "idle");
}

// A call has its answer before its connection is tidied, so that the next one may open another.
const ofTheService = `SELECT CASE WHEN count(*) <= 3 THEN string_agg(DISTINCT state, ' ') ELSE count(*)::text END
  FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'connector-service'`;
