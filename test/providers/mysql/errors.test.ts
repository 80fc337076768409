import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { createRetries } from "../../../src/execution/retry/retry.ts";
import type { Failure, FailureKind, FailurePlace } from "../../../src/failure.ts";
import { SourceConnection } from "../../../src/providers/mysql/connection.ts";
import { classify } from "../../../src/providers/mysql/errors.ts";
import { ServerError } from "../../../src/providers/mysql/protocol.ts";
import { newMysqlLogin } from "../../support/mariadb.ts";
import { mysqlClient } from "../../support/mysql-client.ts";
import { isMariadb } from "../../support/mysql-server.ts";
import { type Database, openDatabase } from "./client.ts";
import { dial, loginOf, open } from "./opened.ts";

let database: Database;

beforeAll(async () => {
  database = await openDatabase();
  await database.execute(`
    CREATE TABLE t (a int PRIMARY KEY, secret varchar(20)); INSERT INTO t VALUES (1, 'hunter2');
    CREATE TABLE lost (a int); CREATE VIEW broken AS SELECT a FROM lost; DROP TABLE lost`);
});
afterAll(() => database.close());

/** The error that something real ends in. */
async function errorOf(failing: Promise<unknown>): Promise<Error> {
  return failing.then(
    () => {
      throw new Error("it succeeded");
    },
    (error: Error) => error,
  );
}

describe("a number of the server's", () => {
  const native = { statement: "SELECT 1" };
  test.each<[number, string, object, FailureKind, FailurePlace]>([
    [1045, "28000", {}, "credential_rejected", "credential"],
    [1045, "28000", native, "upstream_permission_denied", "upstream"],
    [1698, "28000", {}, "credential_rejected", "credential"],
    [1130, "HY000", {}, "credential_rejected", "credential"],
    [1251, "08004", {}, "credential_rejected", "credential"],
    [3118, "HY000", {}, "credential_rejected", "credential"],
    [4151, "HY000", {}, "credential_rejected", "credential"],
    [1862, "HY000", {}, "credential_rejected", "credential"],
    [1820, "HY000", {}, "credential_rejected", "credential"],
    [1049, "42000", {}, "configuration_rejected", "connector"],
    [1049, "42000", native, "statement_rejected", "upstream"],
    [1044, "42000", {}, "configuration_rejected", "connector"],
    [1044, "42000", native, "upstream_permission_denied", "upstream"],
    [3159, "HY000", {}, "tls_failed", "upstream"],
    [1040, "", {}, "upstream_unavailable", "upstream"],
    [1203, "42000", {}, "upstream_unavailable", "upstream"],
    [1226, "42000", {}, "upstream_unavailable", "upstream"],
    [1129, "", {}, "upstream_unavailable", "upstream"],
    [1461, "42000", {}, "upstream_unavailable", "upstream"],
    [1205, "HY000", {}, "upstream_unavailable", "upstream"],
    [1213, "40001", {}, "upstream_unavailable", "upstream"],
    [1412, "HY000", {}, "upstream_unavailable", "upstream"],
    [1114, "HY000", {}, "upstream_unavailable", "upstream"],
    [2013, "HY000", {}, "upstream_unavailable", "upstream"],
    [1317, "70100", {}, "cancelled", "upstream"],
    [3024, "HY000", {}, "cancelled", "upstream"],
    [1969, "70100", {}, "cancelled", "upstream"],
    [1053, "08S01", {}, "upstream_lost", "upstream"],
    [1927, "70100", {}, "upstream_lost", "upstream"],
    [4031, "HY000", {}, "upstream_lost", "upstream"],
    [1835, "HY000", {}, "upstream_lost", "upstream"],
    [1142, "42000", native, "upstream_permission_denied", "upstream"],
    [1143, "42000", {}, "upstream_permission_denied", "upstream"],
    [1370, "42000", native, "upstream_permission_denied", "upstream"],
    [1290, "HY000", native, "statement_rejected", "upstream"],
    [1792, "25006", native, "statement_rejected", "upstream"],
    [1153, "08S01", native, "statement_rejected", "upstream"],
    [1064, "42000", native, "statement_rejected", "upstream"],
    [1146, "42S02", {}, "unknown_resource", "request"],
    [1146, "42S02", native, "statement_rejected", "upstream"],
    [1054, "42S22", {}, "unknown_field", "request"],
    [3140, "22032", native, "statement_rejected", "upstream"],
    [9999, "22999", native, "statement_rejected", "upstream"],
    [9999, "42999", native, "statement_rejected", "upstream"],
    [9999, "08999", native, "upstream_lost", "upstream"],
    [9999, "40999", native, "upstream_unavailable", "upstream"],
    [9999, "HY000", native, "statement_rejected", "upstream"],
    [9999, "", {}, "statement_rejected", "upstream"],
  ])("%i (%s) with %j is %s at the %s, and never says the server's text", (errno, state, context, kind, where) => {
    const failure = classify(new ServerError(errno, state, "Access to 'hunter2' near 'hunter2'"), context);
    expect(failure).toMatchObject({ kind, where, upstream: "mysql", status: state || "HY000" });
    expect(failure?.metadata).toMatchObject({ errno: String(errno) });
    expect(failure?.remedy).toMatch(/\.$/);
    expect(`${failure?.message}${failure?.remedy}${JSON.stringify(failure?.fields)}`).not.toContain("hunter2");
  });

  test.each([1040, 1203, 1205, 1213, 1053, 4031])("%i is asked again where only reading is done", async (errno) => {
    await expect(attempts(classify(new ServerError(errno, "HY000", "")))).resolves.toBe(2);
  });

  test.each([1045, 1049, 1130, 1142, 1054, 1064, 1317])("%i is not asked again", async (errno) => {
    await expect(attempts(classify(new ServerError(errno, "HY000", "")))).resolves.toBe(1);
  });
});

/** How often a reading call is tried that fails so the first time. */
async function attempts(failure: Failure | undefined): Promise<number> {
  let made = 0;
  const call = {
    subject: { organizationId: "o", connectorId: "c", provider: "mysql" },
    repeatable: true,
    signal: AbortSignal.timeout(20_000),
    deadline: performance.now() + 20_000,
    enter: () => {},
  };
  const attempt = async () => {
    made++;
    if (made === 1) throw failure;
  };
  await createRetries({ observe: () => {}, random: () => 0 })
    .run(call as never, attempt)
    .catch(() => {});
  return made;
}

describe("an answer of the server", () => {
  test.each([
    ["SELECT * FROM nowhere", 1146, "statement_rejected", /a table that is not there, at character 15, `nowhere`\.$/],
    ["SELECT nothing FROM t", 1054, "statement_rejected", /a column that is not there, at character 8, `nothing`\.$/],
    ["SELECT 'nothing', x.nothing FROM t x", 1054, "statement_rejected", /at character 21, `nothing`\.$/],
    ["SELECT 'é', `no``thing` FROM t", 1054, "statement_rejected", /at character 13/],
    ["SELECT a FROM t, (SELECT 1 AS a) x", 1052, "statement_rejected", /several tables, at character 8, `a`\.$/],
    ["SELECT nothing(1)", 1305, "statement_rejected", /a function that is not there, at character 8, `nothing`\.$/],
    ["SELECT 1 FORM t WHERE 'hunter2'", 1064, "statement_rejected", /a syntax error, at character 15, `t`\.$/],
    ["SELECT 1 WHERE", 1064, "statement_rejected", /a syntax error, at its end\.$/],
    ["SELECT 'é' + + ; SELECT 'hunter2'", 1064, "statement_rejected", /a syntax error, at character 16\.$/],
    ["SELECT a FROM broken", 1356, "statement_rejected", /a view of something that is not there/],
    ["SELECT secret REGEXP '(' FROM t", isMariadb ? 1139 : 3691, "statement_rejected", /regular expression/],
    ["SELECT (SELECT a FROM t UNION SELECT 2)", 1242, "statement_rejected", /don't fit together/],
    ["SELECT CAST('hunter2' AS DATE) + 9223372036854775807 * 2", 1690, "statement_rejected", /does not fit/],
    ["INSERT INTO t VALUES (2, 'hunter2')", 1792, "statement_rejected", /read-only/],
    ["CREATE TABLE made (a int)", 1792, "statement_rejected", /read-only/],
    [
      "KILL CONNECTION_ID()",
      isMariadb ? 1927 : 1317,
      isMariadb ? "upstream_lost" : "cancelled",
      /an administrator|cancelled/,
    ],
    ["SELECT a FROM t WHERE SLEEP(30)", isMariadb ? 1969 : 3024, "cancelled", /cancelled/],
  ])("to %s is %i, %s, and says nothing of values", async (text, errno, kind, message) => {
    const connection = await open(database.url);
    const cause = await errorOf(connection.rows({ text, parameters: [] }, text.includes("SLEEP") ? 1 : 20_000));
    const failure = classify(cause, { statement: text });
    expect(failure).toMatchObject({ kind, metadata: { errno: String(errno) }, cause });
    expect(failure?.message).toMatch(message);
    expect(failure?.remedy).toBeTruthy();
    expect(`${failure?.message} ${failure?.remedy} ${JSON.stringify(failure?.fields)}`).not.toContain("hunter2");
  });

  test("about a name is not the statement's fault when the statement is ours", async () => {
    const missing = await errorOf(database.run("SELECT * FROM nowhere", []));
    expect(classify(missing)).toMatchObject({ kind: "unknown_resource", status: "42S02", fields: [] });
    expect(classify(await errorOf(database.run("SELECT nothing FROM t", [])))).toMatchObject({ kind: "unknown_field" });
  });

  test("that the user may not read, a table or a column, is a missing grant", async () => {
    const login = await newMysqlLogin(database.url, "x", [`SELECT (a) ON ${database.name}.t`]);
    onTestFinished(login.drop);
    const connection = await open(login.url);
    for (const text of ["SELECT secret FROM t", "SELECT * FROM mysql.global_priv"]) {
      const failure = classify(await errorOf(connection.rows({ text, parameters: [] }, 20_000)), { statement: text });
      expect(failure).toMatchObject({ kind: "upstream_permission_denied", status: "42000" });
    }
  });

  // MySQL has no such wait for one statement.
  test.runIf(isMariadb)("about a lock is one to wait for, and a deadlock one to try again", async () => {
    const holder = await mysqlClient(database.url);
    onTestFinished(() => holder.close());
    await holder.run("LOCK TABLES t WRITE");
    const connection = await open(database.url);
    const text = "SET STATEMENT lock_wait_timeout = 0 FOR SELECT a FROM t";
    const failure = classify(await errorOf(connection.rows({ text, parameters: [] }, 20_000)), { statement: text });
    expect(failure).toMatchObject({ kind: "upstream_unavailable", metadata: { errno: "1205" } });
  });
});

describe("a login that fails", () => {
  /** What the connection of a new user fails with. */
  async function loginFailure(options: string, change: (url: URL) => void = () => {}): Promise<Failure | undefined> {
    const made = await newMysqlLogin(database.url, "right", [`SELECT ON ${database.name}.*`]);
    onTestFinished(made.drop);
    if (options !== "") await database.execute(`ALTER USER '${made.user}'@'%' ${options}`);
    const url = new URL(made.url);
    change(url);
    const [login, password] = loginOf(url.href);
    const opening = SourceConnection.open(login, password, dial, AbortSignal.timeout(20_000));
    return classify(await errorOf(opening), login);
  }

  const wrongPassword = (url: URL) => {
    url.password = "hunter2";
  };
  const wrongDatabase = (url: URL) => {
    url.pathname = "/nowhere";
  };

  test.each([
    [
      "for its password",
      "",
      wrongPassword,
      // A server that does not remember this password asks for it, which is not sent without TLS.
      isMariadb ? "1045" : undefined,
      "credential_rejected",
      isMariadb ? /rejected the stored credential of the user/ : /it is wrong, or/,
    ],
    ["for a locked account", "ACCOUNT LOCK", undefined, isMariadb ? "4151" : "3118", "credential_rejected", /locked/],
    [
      "for an expired password",
      "PASSWORD EXPIRE",
      undefined,
      isMariadb ? "1820" : "1862",
      "credential_rejected",
      /expired/,
    ],
    ["for lack of encryption", "REQUIRE X509", undefined, "1045", "credential_rejected", /./],
    ["for its database", "", wrongDatabase, "1044", "configuration_rejected", /no database of this name, or/],
  ] as const)("%s says so, and not the password", async (_, options, change, errno, kind, message) => {
    const failure = await loginFailure(options, change);
    expect(failure).toMatchObject({ kind, message: expect.stringMatching(message) });
    expect(failure?.metadata.errno).toBe(errno);
    expect(`${failure?.message}${failure?.remedy}`).not.toContain("hunter2");
  });

  test("for a database that is not there names it to who may see them all", async () => {
    const url = new URL(database.url);
    wrongDatabase(url);
    const [login, password] = loginOf(url.href);
    const cause = await errorOf(SourceConnection.open(login, password, dial, AbortSignal.timeout(20_000)));
    expect(classify(cause, login)).toMatchObject({
      kind: "configuration_rejected",
      message: "The source has no database `nowhere`.",
    });
  });

  test("as one more than the user may make is for later", async () => {
    const made = await newMysqlLogin(database.url, "right", [`SELECT ON ${database.name}.*`]);
    onTestFinished(made.drop);
    await database.execute(`ALTER USER '${made.user}'@'%' WITH MAX_USER_CONNECTIONS 1`);
    await open(made.url);
    const cause = await errorOf(open(made.url));
    expect(classify(cause)).toMatchObject({ kind: "upstream_unavailable", metadata: { errno: "1226" } });
  });
});

describe("a connection that fails", () => {
  test.each([
    ["CERT_HAS_EXPIRED", "tls_failed"],
    ["DEPTH_ZERO_SELF_SIGNED_CERT", "tls_failed"],
    ["ERR_TLS_CERT_ALTNAME_INVALID", "tls_failed"],
    ["ERR_SSL_WRONG_VERSION_NUMBER", "tls_failed"],
    ["ECONNREFUSED", "upstream_unreachable"],
    ["EHOSTUNREACH", "upstream_unreachable"],
    ["EPIPE", "upstream_lost"],
  ])("with %s is %s, alone or as one of several attempts", (code, kind) => {
    const cause = Object.assign(new Error("private text"), { code, errno: -111 });
    expect(classify(cause)).toMatchObject({ kind, upstream: "mysql" });
    expect(classify(new AggregateError([cause]))).toMatchObject({ kind });
    expect(classify(cause)?.message).not.toContain("private");
  });
});

test("what is none of the source's is left alone", () => {
  expect(classify(new TypeError("x is not a function"))).toBeUndefined();
  expect(classify("text")).toBeUndefined();
});
