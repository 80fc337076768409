/** What a test says of a user who may do more than read, and the policy that refuses such a user. */
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { Check } from "../../../src/providers/contract.ts";
import { newMysqlLogin } from "../../support/mariadb.ts";
import { isMariadb } from "../../support/mysql-server.ts";
import { callFor, rowsOf } from "../sql/asking.ts";
import { connect, type Database, openDatabase } from "./client.ts";
import { openedSession } from "./opened-session.ts";

let database: Database;

beforeAll(async () => {
  database = await openDatabase();
  await database.execute("CREATE TABLE city (name varchar(20)); INSERT INTO city VALUES ('Bern')");
});
afterAll(() => database.close());

interface User {
  readonly name: string;
  readonly url: string;
  /** Its session's own word on what it may do. */
  check(refuseRiskyPrivileges?: boolean): Promise<Check | undefined>;
}

/** A user who may read the city, and what else the statements give; `$` stands for its name in them, `#` for the database. */
async function userWith(...statements: string[]): Promise<User> {
  const login = await newMysqlLogin(database.url, "x", [`SELECT ON ${database.name}.city`]);
  onTestFinished(login.drop);
  const filled = statements.map((text) => text.replaceAll("$", `'${login.user}'@'%'`).replaceAll("#", database.name));
  if (filled.length > 0) await database.execute(filled.join(";"));
  const check = async (refuseRiskyPrivileges = false) => {
    const session = openedSession(login.url, { refuseRiskyPrivileges });
    const { checks, ok } = await session.test(callFor(20_000));
    await session.close();
    const found = checks.find((each) => each.name === "privileges");
    expect(ok).toBe(found?.outcome !== "failed");
    return found;
  };
  return { name: login.user, url: login.url, check };
}

const defaultRole = (role: string, user: string) =>
  `SET DEFAULT ROLE ${role} ${isMariadb ? "FOR" : "TO"} '${user}'@'%'`;

/** A role that goes with the test. */
async function newRole(...grants: string[]): Promise<string> {
  const role = `role_${crypto.randomUUID().slice(0, 8)}`;
  await database.execute([`CREATE ROLE ${role}`, ...grants.map((grant) => `GRANT ${grant} TO ${role}`)].join(";"));
  onTestFinished(() => database.execute(`DROP ROLE ${role}`));
  return role;
}

test("of a user who only reads, or also writes, there is nothing to say", async () => {
  const { check } = await userWith();
  const passed = { outcome: "passed", message: "The user may read and not write.", remedy: "" };
  expect(await check()).toMatchObject(passed);
  expect(await check(true)).toMatchObject(passed);
  const writer = await userWith("GRANT INSERT, UPDATE (name) ON #.city TO $");
  expect(await writer.check(true)).toMatchObject({ outcome: "passed", message: "The user may read and write tables." });
});

describe("a user who may do much more than read", () => {
  test.each([
    ["GRANT ALL ON *.* TO $ WITH GRANT OPTION", /may do everything at the server/],
    [
      isMariadb ? "GRANT SUPER, READ_ONLY ADMIN ON *.* TO $" : "GRANT SUPER, SYSTEM_VARIABLES_ADMIN ON *.* TO $",
      /is an administrator .* may administer the server/,
    ],
    ["GRANT FILE ON *.* TO $", /files of the server \(FILE\)/],
    ["GRANT PROCESS ON *.* TO $", /sees other users' statements/],
    ["GRANT CREATE USER ON *.* TO $", /become other users/],
    [
      `GRANT REPLICATION SLAVE, ${isMariadb ? "BINLOG MONITOR" : "REPLICATION CLIENT"} ON *.* TO $`,
      /copy the whole server/,
    ],
    ["GRANT RELOAD, SHUTDOWN ON *.* TO $", /may administer the server \(RELOAD, SHUTDOWN\)/],
    ["GRANT SELECT ON #.city TO $ WITH GRANT OPTION", /GRANT OPTION/],
    ["GRANT EXECUTE ON *.* TO $", /every stored routine/],
    ["GRANT DELETE ON `%`.* TO $", /the server's accounts on `%`\.\*/],
  ])("by %s is warned of, refused by policy, and let in when the remedy was run", async (grant, message) => {
    const { name, url, check } = await userWith(grant);
    expect(await check()).toMatchObject({ outcome: "warning", message: expect.stringMatching(message), reason: "" });
    const failed = await check(true);
    expect(failed).toMatchObject({ outcome: "failed", reason: "CONFIGURATION_REJECTED" });
    expect(failed?.message).toMatch(message);
    const session = openedSession(url, { refuseRiskyPrivileges: true });
    onTestFinished(() => session.close());
    await expect(rowsOf(session, "SELECT name FROM city")).rejects.toMatchObject({
      kind: "configuration_rejected",
      where: "connector",
      final: true,
      message: expect.stringContaining(name),
    });
    await database.execute(remedyIn(failed));
    expect(await rowsOf(session, "SELECT name FROM city")).toEqual([["Bern"]]);
    expect(await check(true)).toMatchObject({ outcome: "passed" });
  });

  test.each([true, false])("by a role, active at the beginning (%s) or not, is too", async (active) => {
    const [inner, outer] = [await newRole("SUPER ON *.*"), await newRole()];
    const { check, url, name } = await userWith(`GRANT ${inner} TO ${outer}`, `GRANT ${outer} TO $`);
    if (active) await database.execute(defaultRole(outer, name));
    const failed = await check(true);
    expect(failed).toMatchObject({
      outcome: "failed",
      message: expect.stringContaining(`(SUPER) by the role \`${outer}\``),
    });
    const reader = await connect(url);
    onTestFinished(reader.close);
    await database.execute(remedyIn(failed));
    expect(await check(true)).toMatchObject({ outcome: "passed" });
  });

  test("by a role that it may pass on is too", async () => {
    const role = await newRole(`SELECT ON ${database.name}.city`);
    const { check } = await userWith(`GRANT ${role} TO $ WITH ADMIN OPTION`);
    const failed = await check(true);
    expect(failed).toMatchObject({ outcome: "failed", message: expect.stringContaining("ADMIN OPTION") });
    await database.execute(remedyIn(failed));
    expect(await check(true)).toMatchObject({ outcome: "passed" });
  });
});

describe("what is only worth knowing is told, and refused by no policy", () => {
  test.each([
    ["GRANT SELECT ON *.* TO $", /read every database, the accounts' password hashes among them/],
    ["GRANT SELECT ON mysql.* TO $", /read the accounts' password hashes/],
    ["GRANT CREATE, DROP ON #.* TO $", /tables of `test_\w+`\.\* themselves \(CREATE, DROP\)/],
    ["GRANT ALL ON `test%`.* TO $", /tables of `test%`\.\* themselves \(ALL PRIVILEGES\)/],
  ])("%s", async (grant, message) => {
    const { check } = await userWith(grant);
    for (const refuses of [false, true]) {
      expect(await check(refuses)).toMatchObject({ outcome: "warning", message: expect.stringMatching(message) });
    }
    await database.execute(remedyIn(await check()));
    expect((await check())?.outcome).toBe("passed");
  });
});

test("a role that is active stays so when a connection is looked at", async () => {
  const [active, other] = [await newRole(`SELECT ON ${database.name}.*`), await newRole("USAGE ON *.*")];
  const { name, url } = await userWith(`GRANT ${active} TO $`, `GRANT ${other} TO $`);
  await database.execute(defaultRole(active, name));
  const session = openedSession(url, { refuseRiskyPrivileges: true });
  onTestFinished(() => session.close());
  // The second time in a session that was begun anew.
  for (const _ of ["first", "second"])
    expect(await rowsOf(session, "SELECT CURRENT_ROLE()")).toEqual([[isMariadb ? active : `\`${active}\`@\`%\``]]);
});

function remedyIn(check: Check | undefined): string {
  return /administrator run: (.*)\.$/s.exec(check?.remedy ?? "")?.[1] ?? "";
}
