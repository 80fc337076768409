import { describe, expect, test } from "vitest";
import { readGrant } from "../../../src/providers/mysql/grants.ts";
import { type Facts, judge } from "../../../src/providers/mysql/judgement.ts";

describe("a line of SHOW GRANTS", () => {
  test.each([
    ["GRANT USAGE ON *.* TO `u`@`%`", ["USAGE"], "server", "*.*", "`u`@`%`"],
    [
      "GRANT SELECT, REPLICATION SLAVE ON *.* TO `u`@`%` IDENTIFIED BY PASSWORD '*hunter2' REQUIRE SSL",
      ["SELECT", "REPLICATION SLAVE"],
      "server",
      "*.*",
      "`u`@`%`",
    ],
    [
      "GRANT BACKUP_ADMIN,XA_RECOVER_ADMIN ON *.* TO `u`@`%`",
      ["BACKUP_ADMIN", "XA_RECOVER_ADMIN"],
      "server",
      "*.*",
      "`u`@`%`",
    ],
    ["GRANT ALL PRIVILEGES ON `a\\_b`.* TO 'u'@'%'", ["ALL PRIVILEGES"], "database", "`a\\_b`.*", "'u'@'%'"],
    ["GRANT CREATE VIEW ON `a``ON`.`TO.b` TO `r`", ["CREATE VIEW"], "table", "`a``ON`.`TO.b`", "`r`"],
    [
      "GRANT SELECT (`a`, `b)`), UPDATE (`a`) ON `d`.`t` TO PUBLIC",
      ["SELECT (`a`,`b)`)", "UPDATE (`a`)"],
      "table",
      "`d`.`t`",
      "PUBLIC",
    ],
    ["GRANT EXECUTE ON PACKAGE BODY `d`.`p` TO `u`@`%`", ["EXECUTE"], "routine", "PACKAGE BODY `d`.`p`", "`u`@`%`"],
    ["GRANT SELECT ON function.* TO u@localhost", ["SELECT"], "database", "function.*", "u@localhost"],
    ["GRANT PROXY ON ''@'%' TO 'u'@'%'", ["PROXY"], "user", "''@'%'", "'u'@'%'"],
  ])("%s", (line, privileges, kind, on, to) => {
    const grant = readGrant(line);
    expect(grant).toMatchObject({ on: { kind, text: on }, to, roles: [], passable: false });
    expect(grant?.privileges.map(({ text }) => text)).toEqual(privileges);
    expect(JSON.stringify(grant)).not.toContain("hunter2");
    expect(readGrant(`${line} WITH GRANT OPTION`)?.passable).toBe(true);
  });

  test("names roles, and those that may be passed on", () => {
    expect(readGrant("GRANT `r`@`%`,`s`@`%` TO `u`@`%`")).toMatchObject({
      roles: ["`r`@`%`", "`s`@`%`"],
      passable: false,
    });
    expect(readGrant("GRANT `r` TO `WITH ADMIN OPTION`@`%`")).toMatchObject({ roles: ["`r`"], passable: false });
    expect(readGrant("GRANT `r` TO `u`@`%` WITH ADMIN OPTION")?.passable).toBe(true);
  });

  test.each(["", "SET DEFAULT ROLE `r` FOR `u`@`%`", "REVOKE INSERT ON `d`.* FROM `u`@`%`", "GRANT", "`", "GRANT (("])(
    "that grants nothing is none: %j",
    (line) => expect(readGrant(line)).toBeUndefined(),
  );
});

describe("grants of MySQL", () => {
  const facts: Facts = { isMariaDb: false, database: "shop_1", filesReach: true };
  const judged = (lines: readonly string[], more: Partial<Facts> = {}) => {
    const grants = lines.map((line) => readGrant(`${line} TO \`u\`@\`%\``)).filter((grant) => grant !== undefined);
    return judge(grants, [], { ...facts, ...more });
  };

  test.each([
    ["GRANT SELECT, SHOW VIEW ON `shop_1`.*", false],
    ["GRANT INSERT (`a`) ON `shop_1`.`t`", true],
    ["GRANT UPDATE ON `shop\\_1`.*", true],
    ["GRANT UPDATE ON `s%`.*", true],
    ["GRANT UPDATE ON `shop__`.*", true],
    ["GRANT UPDATE ON `%\\_1`.*", true],
    ["GRANT UPDATE ON `shop`.*", false],
    ["GRANT UPDATE ON `shop\\_\\_`.*", false],
    ["GRANT UPDATE ON `%_2`.*", false],
    ["GRANT UPDATE ON `shop__`.`t`", false],
    ["GRANT UPDATE ON `shop_1_`.*", false],
  ])("let the user write where they are for the connector's database: %s", (line, mayWrite) => {
    expect(judged([line])).toMatchObject({ mayWrite, superuser: false, risks: [], notes: [] });
  });

  test("that are all there are, in one line or one by one, are one", () => {
    const names = Array.from({ length: 21 }, (_, i) => `SOME_${i}_ADMIN`).join(",");
    for (const all of ["ALL PRIVILEGES", names]) {
      expect(judged([`GRANT ${all} ON *.*`, "GRANT FILE ON *.*", "GRANT PROXY ON ``@``"])).toEqual({
        superuser: true,
        mayWrite: true,
        notes: [],
        risks: [
          {
            is: "may do everything at the server",
            remedy: "REVOKE ALL PRIVILEGES, GRANT OPTION FROM `u`@`%`; GRANT SELECT ON `shop_1`.* TO `u`@`%`",
          },
        ],
      });
    }
  });

  test.each([
    ["SUPER", /administrator of the server \(SUPER\)$/],
    ["PROCESS", /sees other users' statements/],
    ["CREATE USER, ROLE_ADMIN", /other users \(CREATE USER, ROLE_ADMIN\)$/],
    ["SET_USER_ID", /other users/],
    ["REPLICATION SLAVE, REPLICATION CLIENT", /copy the whole server/],
    ["BINLOG_ADMIN", /copy the whole server/],
    ["RELOAD, SHUTDOWN, SYSTEM_VARIABLES_ADMIN", /may administer the server/],
    ["WHATEVER_COMES_NEXT", /may administer the server/],
    ["EXECUTE", /every stored routine/],
    ["INSERT, DROP", /every database, the server's accounts among them \(INSERT, DROP\)$/],
    ["FILE", /files of the server/],
  ])("on the whole server that reach beyond reading are risks: %s", (names, is) => {
    const remedy = `REVOKE ${names} ON *.* FROM \`u\`@\`%\``;
    expect(judged([`GRANT ${names} ON *.*`]).risks).toEqual([{ is: expect.stringMatching(is), remedy }]);
  });

  test("reach no file where the server lets none be reached", () => {
    const { risks, notes } = judged(["GRANT FILE ON *.*"], { filesReach: false });
    expect([risks.length, notes.length]).toEqual([0, 1]);
  });

  test("on the server's own database are risks by pattern, too", () => {
    for (const on of ["`mysql`.*", "`m%`.*", "`%`.*", "`mysql`.`user`"]) {
      expect(judged([`GRANT INSERT ON ${on}`]).risks).toMatchObject([{ is: expect.stringContaining("accounts") }]);
    }
    expect(judged(["GRANT INSERT ON `mysql\\_`.*"]).risks).toEqual([]);
  });

  test("of a name that is all wildcards are judged at once", () => {
    expect(judged([`GRANT INSERT ON \`${"%_".repeat(32)}x\`.*`], { database: "a".repeat(64) }).mayWrite).toBe(false);
  });

  test("that a role adds are told with the role, and those that the user has anyway are not", () => {
    const own = [readGrant("GRANT PROCESS ON *.* TO `u`@`%`")].filter((grant) => grant !== undefined);
    const grants = [readGrant("GRANT PROCESS, RELOAD ON *.* TO `u`@`%`")].filter((grant) => grant !== undefined);
    const { risks } = judge(own, [{ role: "`r`@`%`", to: "`u`@`%`", grants }], facts);
    expect(risks).toEqual([
      { is: "sees other users' statements (PROCESS)", remedy: "REVOKE PROCESS ON *.* FROM `u`@`%`" },
      { is: "may administer the server (RELOAD) by the role `r`@`%`", remedy: "REVOKE `r`@`%` FROM `u`@`%`" },
    ]);
  });
});
