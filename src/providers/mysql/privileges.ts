/** What the connector's user may do at the server, by what the server says that it was granted. */

import { type Privileges, refuseRisky as refuse } from "../sql/privileges.ts";
import type { Row } from "../sql/run.ts";
import type { SourceConnection } from "./connection.ts";
import { quoteIdentifier } from "./dialect.ts";
import { type Grant, readGrant } from "./grants.ts";
import { type Facts, judge } from "./judgement.ts";

/** Roles that are looked into at most. */
const maxRoles = 50;

/** Asks one statement. */
type Ask = (text: string) => Promise<readonly Row[]>;

/**
 * Three statements, and some for each role: a role that is not active could be made so.
 * Which ones are active is the same afterwards.
 */
export async function readPrivileges(connection: SourceConnection, timeoutMs: number): Promise<Privileges> {
  const ask: Ask = (text) => connection.rows({ text, parameters: [] }, timeoutMs);
  const [row = []] = await ask(factsQuery);
  const [version, account, database, readOnly, files, activeRole] = row;
  const { isMariaDb } = connection.server;
  const facts: Facts = {
    isMariaDb,
    database: database ?? "",
    // MySQL reads and writes none where it names no place; at MariaDB that means any.
    filesReach: isMariaDb || files !== null,
  };
  const granted = await readGrants(ask, isMariaDb ? "" : ` FOR ${quotedAccount(account ?? "")}`);
  const own = granted.filter(({ to }) => isAccount(to) || to === "PUBLIC");
  const roles = own.flatMap(({ roles: names, to }) => names.map((role) => ({ role, to })));
  const held = [];
  for (const { role, to } of roles.slice(0, maxRoles)) {
    const using = ` FOR CURRENT_USER() USING ${role}`;
    const grants = await (isMariaDb ? readRole(ask, role, activeRole ?? null) : readGrants(ask, using));
    held.push({ role, to, grants });
  }
  return {
    server: `${isMariaDb ? "MariaDB" : "MySQL"} ${numbersOf(version ?? "")}`,
    user: userOf(account ?? ""),
    // MariaDB 12 says which locks are forbidden then, too.
    readOnlyServer: readOnly !== "0" && readOnly !== "OFF",
    ...judge(own, held, facts),
  };
}

const factsQuery = "SELECT VERSION(), CURRENT_USER(), DATABASE(), @@read_only, @@secure_file_priv, CURRENT_ROLE()";

/** A role has no host at MariaDB, where the grants of active roles are told, too. */
const isAccount = (to: string) => to.includes("@");

async function readGrants(ask: Ask, of: string): Promise<Grant[]> {
  const rows = await ask(`SHOW GRANTS${of}`);
  return rows.map(([line]) => readGrant(line ?? "")).filter((grant) => grant !== undefined);
}

/** MariaDB tells what a role may do only to those who have it as their own. */
async function readRole(ask: Ask, role: string, active: string | null): Promise<Grant[]> {
  await ask(`SET ROLE ${role}`);
  try {
    return await readGrants(ask, "");
  } finally {
    await ask(`SET ROLE ${active === null ? "NONE" : quoteIdentifier(active)}`);
  }
}

const numbersOf = (version: string) => /^[\d.]+/.exec(version)?.[0] ?? version;

/** Without the host: a user's name may hold an @. */
const userOf = (account: string) => account.slice(0, account.lastIndexOf("@"));

/** Unless it is named, MySQL tells of its active roles' privileges as if they were its own. */
function quotedAccount(account: string): string {
  const user = userOf(account);
  return `${quoteIdentifier(user)}@${quoteIdentifier(account.slice(user.length + 1))}`;
}

/** @throws Failure `configuration_rejected` that names the privileges, or the signal's reason */
export function refuseRisky(connection: SourceConnection, signal: AbortSignal): Promise<void> {
  return refuse((timeoutMs) => readPrivileges(connection, timeoutMs), "mysql", signal);
}
