/** Actions at a database of their own, beside which its owner looks and changes. */
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import type { Action, ActionRequest } from "../../../src/providers/contract/action.ts";
import type { Call, Session } from "../../../src/providers/contract.ts";
import { freshMysqlDatabase } from "../../support/mariadb.ts";
import { mysqlClient } from "../../support/mysql-client.ts";
import { processlist } from "../../support/mysql-server.ts";
import type { FreshDatabase } from "../../support/postgres.ts";
import type { SourceClient } from "../../support/source-kind.ts";
import { executeBy } from "../sql/acting.ts";
import { openedSession } from "./opened-session.ts";

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
    execute: (action: Action, options?: Partial<ActionRequest>, call?: Call) =>
      executeBy(session, action, options, call),
    async cities(): Promise<string[]> {
      const rows = await owner.run("SELECT CONCAT_WS(' ', id, name, COALESCE(people, '-')) FROM city ORDER BY id");
      return rows.map(([line]) => line ?? "");
    },
    /** How many connections of the service's the server has for this database. */
    async connected(): Promise<number> {
      const name = new URL(database.url).pathname.slice(1);
      const rows = await owner.run(
        `SELECT COUNT(*) FROM ${processlist} WHERE DB = '${name}' AND ID <> CONNECTION_ID()`,
      );
      return Number(rows[0]?.[0]);
    },
  };
}
