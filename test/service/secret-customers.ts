/** Customers of each kind whose passwords must come out nowhere, and servers that ask for them in clear text. */
import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import { greeting, packet } from "../providers/mysql/rogue.ts";
import { freshMysqlDatabase, newMysqlLogin } from "../support/mariadb.ts";
import { runMysql } from "../support/mysql-client.ts";
import { freshDatabase } from "../support/postgres.ts";
import { newLogin, run } from "./customer.ts";

export interface SecretCustomer {
  readonly provider: string;
  /** The database, as a user who may read its table `place` of one row. */
  readonly url: string;
  readonly user: string;
  /** The user's password. */
  readonly canary: string;
  /** Another one, which is tried in its place. */
  readonly wrongCanary: string;
  /** Statements that fail at the source, or before. */
  readonly failing: readonly string[];
  /** A server that wants the password as it is. */
  askInClear(socket: Socket): void;
  drop(): Promise<void>;
}

/** As it would come out of a log line, a header, a URL or a column, with nothing in it that is the same in all. */
const newCanary = (start: string) => `${start}/${randomBytes(12).toString("base64url")}+"&é`;

export async function postgresqlCustomer(): Promise<SecretCustomer> {
  const [canary, wrongCanary] = [newCanary("Cañary"), newCanary("Wröng")];
  const database = await freshDatabase();
  const login = await newLogin(database.url, canary);
  await run(database.url, `CREATE TABLE place AS SELECT 1 AS id; GRANT SELECT ON place TO ${login.user}`);
  return {
    ...{ provider: "postgresql", url: login.url, user: login.user, canary, wrongCanary },
    failing: [
      ...["SELECT nothing FROM place", "SELECT FROM", "SELECT 1/0", "INSERT INTO place VALUES (2)"],
      "SELECT current_user::int",
    ],
    askInClear: (socket) => void socket.once("data", () => socket.end(authentication(3))),
    async drop() {
      await database.drop();
      await login.drop();
    },
  };
}

/** AuthenticationCleartextPassword is 3. Source: PostgreSQL's message formats. */
function authentication(kind: number): Buffer {
  const message = Buffer.from("R\0\0\0\x08\0\0\0\0", "latin1");
  message.writeInt32BE(kind, 5);
  return message;
}

export async function mysqlCustomer(): Promise<SecretCustomer> {
  const [canary, wrongCanary] = [newCanary("Cáñary"), newCanary("Wröñg")];
  const database = await freshMysqlDatabase();
  const name = new URL(database.url).pathname.slice(1);
  await runMysql(database.url, "CREATE TABLE place (id int); INSERT INTO place VALUES (1)");
  const login = await newMysqlLogin(database.url, canary, [`SELECT ON ${name}.*`]);
  return {
    ...{ provider: "mysql", url: login.url, user: login.user, canary, wrongCanary },
    failing: [
      ...["SELECT nothing FROM place", "SELECT FROM", "SELECT ~0 + 1", "INSERT INTO place VALUES (2)"],
      "SELECT json_extract(current_user(), 'x')",
    ],
    askInClear(socket) {
      socket.write(greeting());
      socket.once("data", () => socket.end(packet(2, [0xfe], "mysql_clear_password\0")));
    },
    async drop() {
      await login.drop();
      await database.drop();
    },
  };
}
