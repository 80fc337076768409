/** Actions at a database of their own, beside which its owner looks and changes. */
import { afterAll, afterEach, beforeAll, beforeEach, expect } from "vitest";
import type { Failure } from "../../../src/failure.ts";
import type { Action, ActionRequest } from "../../../src/providers/contract/action.ts";
import type { Comparison, Operand, Session } from "../../../src/providers/contract.ts";
import { textRows } from "../../../src/rows/page.ts";
import { freshMysqlDatabase } from "../../support/mariadb.ts";
import { mysqlClient } from "../../support/mysql-client.ts";
import type { FreshDatabase } from "../../support/postgres.ts";
import type { SourceClient } from "../../support/source-kind.ts";
import { callFor } from "../sql/asking.ts";
import { openedSession } from "./opened-session.ts";

export const text = (value: string): Operand => ({ kind: "text", value });
export const integer = (value: bigint): Operand => ({ kind: "integer", value });
export const none: Operand = { kind: "null" };

export const is = (field: string, operator: Comparison["operator"], ...values: Operand[]): Comparison => {
  return { kind: "compare", field, operator, values, path: "update.filter.compare" };
};

export const refusal = (work: Promise<unknown>) =>
  work.then(
    () => expect.fail("it was done"),
    (error: unknown) => error as Failure,
  );

export const before = ["1 Zürich 447082", "2 Genève -", "3 Bern 134794"];

export const newCity = (...rows: Operand[][]): Action => ({
  ...{ kind: "create", resource: "city", fields: ["name", "people"], rows },
});

const tables = `
  DROP TABLE IF EXISTS street, city, note;
  CREATE TABLE city (
    id int AUTO_INCREMENT PRIMARY KEY, name varchar(100) NOT NULL, people bigint, area decimal(10,2),
    big boolean GENERATED ALWAYS AS (people > 1000000) STORED,
    UNIQUE KEY city_name (name), CONSTRAINT city_people CHECK (people >= 0)
  );
  CREATE TABLE street (
    city int NOT NULL, name varchar(100) NOT NULL, length int, PRIMARY KEY (city, name),
    CONSTRAINT street_city FOREIGN KEY (city) REFERENCES city (id)
  );
  CREATE TABLE note (text varchar(20)) ENGINE=MyISAM;
  INSERT INTO city (id, name, people) VALUES (1, 'Zürich', 447082), (2, 'Genève', NULL), (3, 'Bern', 134794);
  ALTER TABLE city AUTO_INCREMENT = 10`;

/** For each test of the file anew. */
export function acting() {
  let database: FreshDatabase;
  let owner: SourceClient;
  let session: Required<Session>;
  beforeAll(async () => {
    database = await freshMysqlDatabase();
    owner = await mysqlClient(database.url);
  });
  beforeEach(async () => {
    await owner.run(tables);
    session = openedSession(database.url, { maxConnections: 1 });
  });
  afterEach(() => session.close());
  afterAll(async () => {
    await owner.close();
    await database.drop();
  });
  return {
    run: (statement: string) => owner.run(statement),
    get url() {
      return database.url;
    },
    execute: (action: Action, options: Partial<ActionRequest> = {}, ms = 20_000) =>
      executeBy(session, action, options, ms),
    async cities(): Promise<string[]> {
      const rows = await owner.run("SELECT CONCAT_WS(' ', id, name, COALESCE(people, '-')) FROM city ORDER BY id");
      return rows.map(([line]) => line ?? "");
    },
    /** How many connections of the service's the server has for this database. */
    async connected(): Promise<number> {
      const name = new URL(database.url).pathname.slice(1);
      const rows = await owner.run(
        `SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE DB = '${name}' AND ID <> CONNECTION_ID()`,
      );
      return Number(rows[0]?.[0]);
    },
  };
}

export async function executeBy(
  session: Required<Session>,
  action: Action,
  options: Partial<ActionRequest> = {},
  ms = 20_000,
) {
  const request = { dryRun: false, maxAffectedRows: undefined, returning: [], maxBytes: 1_000_000, ...options, action };
  const result = await session.execute(request, callFor(ms));
  const rows = result.batches.flatMap((batch) => textRows(batch, result.fields.length));
  return { affectedRows: result.affectedRows, statement: result.statement, rows };
}
