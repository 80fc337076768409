import { describe, expect, test } from "vitest";
import type { Server } from "../../../src/providers/mysql/functions.ts";
import { checkStatement } from "../../../src/providers/mysql/statement.ts";

const mariaDb: Server = { isMariaDb: true, version: [10, 11, 19] };
const mysql: Server = { isMariaDb: false, version: [9, 1, 0] };
const functions = ["shop.rate", 'other."odd.name"'];

const check = (text: string, parameters = 0, server = mariaDb) =>
  checkStatement(text, parameters, { server, database: "shop", functions });

test.each([
  "select * from city where country = 'DE' order by name limit 5;",
  "VALUES (1), (2)",
  "TABLE city",
  "((SELECT 1))",
  "WITH a (x) AS (SELECT 1), b AS (TABLE a) SELECT * FROM a, b",
  "-- a comment\nSELECT 1 /* and; another */ # and one more",
  "SHOW TABLES",
  "SHOW VARIABLES LIKE 'sql_mode'",
  "SHOW CREATE PROCEDURE p",
  "EXPLAIN SELECT 1",
  "EXPLAIN FORMAT=JSON SELECT 1",
  "DESC city",
  "DESCRIBE shop.city 'n%'",
  "SELECT 'DROP TABLE x; INSERT INTO y', \"; DELETE FROM z\", `into`, a.update FROM `lock` a",
  "SELECT @@version, @@SESSION.sql_mode",
  "SELECT /*+ BKA(c) JOIN_ORDER(@q c, o) */ 1 FROM c JOIN o",
  "SELECT TABLE_NAME FROM INFORMATION_SCHEMA.TABLES",
  "SELECT * FROM accounting.invoice",
  "SELECT REPLACE('a', 'b', 'c'), INSERT('a', 1, 1, 'c'), CONVERT('a', CHAR(5) CHARACTER SET latin1)",
])("%s is allowed", (text) => {
  expect(() => check(text)).not.toThrow();
});

test.each([
  ["INSERT INTO t VALUES (1)", /INSERT is no query/],
  ["UPDATE t SET a = 1", /UPDATE/],
  ["DELETE FROM t", /DELETE/],
  ["REPLACE INTO t VALUES (1)", /REPLACE/],
  ["DROP TABLE t", /DROP/],
  ["WITH w AS (SELECT 1) DELETE FROM t", /DELETE changes/],
  ["WITH w AS (SELECT 1) UPDATE t SET a = 1", /UPDATE changes/],
  ["(SELECT 1) UNION DELETE FROM t", /DELETE/],
  ["SELECT 1 INTO OUTFILE '/tmp/x'", /SELECT INTO/],
  ["SELECT 1 INTO DUMPFILE '/tmp/x'", /SELECT INTO/],
  ["SELECT 1 INTO @a", /SELECT INTO|Variables/],
  ["(SELECT 1 INTO OUTFILE '/tmp/x')", /SELECT INTO/],
  ["SELECT 1 FROM t INTO/**/OUTFILE '/tmp/x'", /SELECT INTO/],
  ["SELECT * FROM t FOR UPDATE", /FOR UPDATE/],
  ["SELECT * FROM (SELECT * FROM t FOR/**/SHARE) s", /FOR SHARE/],
  ["SELECT * FROM t LOCK IN SHARE MODE", /LOCK/],
  ["SELECT * FROM t PROCEDURE ANALYSE()", /PROCEDURE/],
  ["SELECT NEXT VALUE FOR s", /sequence/],
  ["SELECT PREVIOUS VALUE FOR s", /sequence/],
  ["SELECT @a", /Variables/],
  ["SELECT @a := 1", /Variables/],
  ["SELECT @@datadir", /@@datadir/],
  ["SELECT @@global.secure_file_priv", /@@secure_file_priv/],
  ["SET max_statement_time = 0", /SET/],
  ["SET STATEMENT max_statement_time = 0 FOR SELECT 1", /SET/],
  ["START TRANSACTION READ WRITE", /START/],
  ["COMMIT AND CHAIN", /COMMIT/],
  ["ROLLBACK", /ROLLBACK/],
  ["BEGIN NOT ATOMIC DELETE FROM t; END", /./],
  ["HANDLER t OPEN", /HANDLER/],
  ["DO SLEEP(1)", /DO/],
  ["CALL p()", /CALL/],
  ["EXECUTE IMMEDIATE 'DROP TABLE t'", /EXECUTE/],
  ["PREPARE p FROM 'SELECT 1'", /PREPARE/],
  ["USE mysql", /USE/],
  ["LOAD DATA INFILE '/etc/passwd' INTO TABLE t", /LOAD/],
  ["KILL 1", /KILL/],
  ["DELIMITER //", /DELIMITER/],
  ["EXPLAIN ANALYZE SELECT 1", /EXPLAIN ANALYZE/],
  ["ANALYZE SELECT 1", /ANALYZE/],
  ["ANALYZE FORMAT=JSON SELECT 1", /ANALYZE/],
  ["EXPLAIN DELETE FROM t", /EXPLAIN of DELETE/],
  ["EXPLAIN FORMAT=JSON UPDATE t SET a = 1", /EXPLAIN of UPDATE/],
  ["EXPLAIN FOR CONNECTION 1", /EXPLAIN of FOR/],
  ["EXPLAIN INTO @a FORMAT=JSON SELECT 1", /EXPLAIN of INTO|Variables/],
  ["SHOW PROCESSLIST", /SHOW PROCESSLIST/],
  ["SHOW FULL PROCESSLIST", /SHOW/],
  ["SHOW GRANTS", /SHOW GRANTS/],
  ["SHOW CREATE USER root", /SHOW CREATE USER/],
  ["SHOW ENGINE INNODB STATUS", /SHOW ENGINE/],
  ["SHOW BINLOG EVENTS", /SHOW BINLOG/],
  ["SHOW VARIABLES", /SHOW VARIABLES/],
  ["SHOW VARIABLES LIKE '%'", /SHOW VARIABLES/],
  ["SHOW VARIABLES LIKE 'datadir'", /SHOW VARIABLES/],
  ["SHOW VARIABLES LIKE 'version' 'x'", /SHOW VARIABLES/],
  ["SHOW VARIABLES WHERE 1", /SHOW VARIABLES/],
  ["SHOW TABLES FROM mysql", /mysql/],
  ["SHOW COLUMNS FROM user FROM `mysql`", /mysql/],
  ["SHOW TABLES WHERE SLEEP(1)", /sleep/],
  ["SELECT * FROM mysql.user", /mysql/],
  ["SELECT * FROM `MySQL` . user", /mysql/],
  ["SELECT * FROM mysql/**/.user", /mysql/],
  ["SELECT * FROM `myſql`.user", /is not among the databases/],
  ["SELECT * FROM `mysql `.user", /is not among the databases/],
  ["SELECT * FROM `#mysql50#mysql`.user", /is not among the databases/],
  ["DESCRIBE mysql.user", /mysql/],
  ["TABLE performance_schema.threads", /performance_schema/],
  ["SELECT * FROM sys.session", /sys/],
  ["SELECT * FROM information_schema.processlist", /processlist/],
  ["SELECT * FROM INFORMATION_SCHEMA.INNODB_TRX", /innodb_trx/],
  ["SELECT * FROM `information_schema`.`USER_PRIVILEGES`", /user_privileges/],
  ["SELECT 1; SELECT 2", /more than one statement/],
  ["SELECT 1;; DROP TABLE t", /more than one statement/],
  ["SELECT 1 /*!50000 INTO OUTFILE '/tmp/x' */", /executes what is in a comment/],
  ["SELECT /*M!100100 SLEEP(1) */", /executes what is in a comment/],
  ["SELECT /*+ SET_VAR(sql_mode = '') */ 1", /hint/],
  ["SELECT /*+ MAX_EXECUTION_TIME(0) */ 1", /hint/],
  ["", /no statement/],
  [" ; -- nothing", /no statement/],
  ["'SELECT' 1", /does not begin/],
])("%s is rejected, and what is allowed is said", (text, reason) => {
  const wrong = { kind: "statement_rejected", message: expect.stringMatching(reason) };
  expect(() => check(text)).toThrow(expect.objectContaining(wrong));
  expect(() => check(text, 0, mysql)).toThrow(expect.objectContaining(wrong));
});

describe("a call", () => {
  test.each([
    "SELECT SLEEP(1)",
    "SELECT sleep (1)",
    "SELECT sleep/**/(1)",
    "SELECT `sleep`(1)",
    "SELECT BENCHMARK(1000, MD5('a'))",
    "SELECT GET_LOCK('a', 1), RELEASE_LOCK('a')",
    "SELECT LOAD_FILE('/etc/passwd')",
    "SELECT MASTER_POS_WAIT('a', 1)",
    "SELECT LAST_INSERT_ID(5)",
    "SELECT NEXTVAL(s), SETVAL(s, 1)",
    "SELECT UUID_SHORT()",
    "SELECT sys_exec('id')",
    "SELECT ENCRYPT('a')",
    "SELECT shop.own(1)",
    "SELECT own(1)",
    "SELECT {fn own(1)}",
    "SELECT * FROM t WHERE a IN (SELECT own(1))",
    "SELECT COUNT (*)",
    "SELECT now ()",
    "SELECT NOW/**/()",
    "SELECT `now`()",
    "SELECT `if`(1)",
    "SELECT `in`(1)",
    "SELECT AGAINST(1)",
    "SELECT columns(1)",
    "SELECT of(1)",
    "SELECT any((SELECT 1))",
    "SELECT lateral(1)",
    "SELECT datetime(6)",
    "SELECT CONVERT(1, SIGNED), datetime(6)",
    "SELECT ıf(1)",
    "SELECT CONCAT(own(a), 1) AS (b)",
    "WITH a (x) AS (SELECT 1) SELECT own (x)",
    "SELECT 1, own (x) FROM t",
    "SELECT other.own(1)",
  ])("%s of what may do more than compute is rejected", (text) => {
    expect(() => check(text)).toThrow(
      expect.objectContaining({
        kind: "statement_rejected",
        message: expect.stringMatching(
          /^The function `.+` is not among those of the server's own that a query may call/,
        ),
        fields: [{ field: "query.native.text", description: expect.any(String) }],
      }),
    );
  });

  test.each([
    "SELECT shop.rate(1)",
    "SELECT rate(1)",
    "SELECT RATE (1)",
    "SELECT `shop`.`Rate`(1)",
    "SELECT other.`odd.name`()",
  ])("%s of what the configuration allows is allowed", (text) => {
    expect(() => check(text)).not.toThrow();
  });

  test.each(["SELECT other.rate(1)", "SELECT Shop.rate(1)", "SELECT `odd.name`()"])("%s is of another", (text) => {
    expect(() => check(text)).toThrow(expect.objectContaining({ kind: "statement_rejected" }));
  });

  test("of a name with more than one dot is rejected", () => {
    expect(() => check("SELECT a.shop.rate(1)")).toThrow(/one dot at most/);
  });

  test.each<[string, Server, boolean]>([
    ["ANY_VALUE(a)", mysql, true],
    ["ANY_VALUE(a)", mariaDb, false],
    ["NVL(a, 1)", mariaDb, true],
    ["NVL(a, 1)", mysql, false],
    ["JSON_OVERLAPS(a, b)", { isMariaDb: true, version: [10, 6, 20] }, false],
    ["JSON_OVERLAPS(a, b)", { isMariaDb: true, version: [11, 0, 0] }, true],
    ["JSON_VALUE(a, b)", { isMariaDb: false, version: [8, 0, 20] }, false],
    ["JSON_VALUE(a, b)", { isMariaDb: false, version: [8, 0, 21] }, true],
    ["JSON_VALUE(a, b)", { isMariaDb: false, version: [8, 4, 0] }, true],
  ])("of %s is the server's own from a version on", (call, server, own) => {
    const checking = () => check(`SELECT ${call} FROM t`, 0, server);
    if (own) expect(checking).not.toThrow();
    else expect(checking).toThrow(/is not among those of the server's own/);
  });
});

test.each(["mysql", "Performance_Schema", "information_schema", "sys"])(
  "in the server's own database %s none is allowed",
  (database) => {
    const checking = () => checkStatement("SELECT * FROM user", 0, { server: mariaDb, database, functions });
    expect(checking).toThrow(expect.objectContaining({ kind: "statement_rejected" }));
  },
);

test.each([
  ["SELECT 'é' , 'a", "query.native.text: The statement can't be read: a string has no end (at character 14)."],
  [
    "SELECT 1.e(2)",
    "query.native.text: The statement can't be read: a letter, digit or dot follows a number (at character 8).",
  ],
])("%s can't be read, and where is said", (text, message) => {
  expect(() => check(text)).toThrow(expect.objectContaining({ kind: "invalid_request", message }));
});

test.each(["\0DROP TABLE t", "SELECT 1\0; DROP TABLE t", "SELECT '\ud800'"])("%j holds what no text may", (text) => {
  expect(() => check(text)).toThrow(expect.objectContaining({ kind: "invalid_request" }));
});

test("there are as many parameters as were given", () => {
  check("SELECT ?, '?', `?` /* ? */ FROM t WHERE a = ? -- ?", 2);
  for (const [text, given] of [
    ["SELECT ?, ?", 1],
    ["SELECT ?", 0],
    ["SELECT '?'", 1],
  ] as const) {
    expect(() => check(text, given)).toThrow(
      expect.objectContaining({
        kind: "invalid_request",
        fields: [{ field: "query.native.parameters", description: expect.stringContaining(`${given} were given`) }],
      }),
    );
  }
});

const size = 1_000_000;
test.each<[string, string, string | undefined]>([
  ["parentheses", `SELECT ${"(".repeat(200_000)}1${")".repeat(200_000)}`, undefined],
  ["additions", `SELECT 1${"+1".repeat(size / 2)}`, "invalid_request"],
  ["a long text", `SELECT '${"x".repeat(size)}'`, undefined],
  ["quotes", `SELECT '${"''".repeat(size / 2)}'`, undefined],
  ["backslashes", `SELECT '${"\\\\".repeat(size / 2)}'`, undefined],
  ["an open text", `SELECT '${"''".repeat(size / 2)}`, "invalid_request"],
  ["a quoted name", `SELECT \`${"``".repeat(size / 2)}\``, undefined],
  ["blanks", `SELECT${" ".repeat(size)}1`, undefined],
  ["dashes", `SELECT ${"-".repeat(400_000)}1`, undefined],
  ["a name", `SELECT ${"a".repeat(size)}`, undefined],
  ["digits", `SELECT ${"1".repeat(size)}`, undefined],
  ["comments", `SELECT ${"/**/".repeat(size / 4)}1`, undefined],
  ["an open comment", `SELECT /*${"*".repeat(size)}`, "invalid_request"],
  ["a hint of one word", `SELECT /*+ ${"a".repeat(size)} */ 1`, undefined],
  ["a hint of words", `SELECT /*+ ${"a ".repeat(size / 2)} */ 1`, undefined],
  ["a list of names", `SELECT 1 AS a (${"a,".repeat(180_000)}a)`, undefined],
  ["lists of names", `SELECT ${"a (a, ".repeat(90_000)}`, "statement_rejected"],
  ["a long list", `SELECT 1 WHERE 1 IN (${Array.from({ length: size / 8 }, (_, i) => i).join(",")})`, undefined],
  ["many statements", "SELECT 1;".repeat(size / 9), "statement_rejected"],
  ["semicolons", ";".repeat(400_000), "statement_rejected"],
])("a megabyte of %s is judged at once", (_what, text, kind) => {
  const began = performance.now();
  if (kind === undefined) check(text);
  else expect(() => check(text)).toThrow(expect.objectContaining({ kind }));
  // Some tenths of a second on a free machine; what grows with the square of the length takes many minutes.
  expect(performance.now() - began).toBeLessThan(30_000);
});
