import net from "node:net";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Failure } from "../../../src/failure.ts";
import { classify } from "../../../src/providers/postgresql/errors.ts";
import { type Database, openDatabase } from "./client.ts";

let database: Database;

beforeAll(async () => {
  database = await openDatabase();
  await database.execute("CREATE TABLE t (a int, secret text); INSERT INTO t VALUES (1, 'hunter2')");
});
afterAll(() => database.close());

/** The error that something real ends in. */
async function errorOf(failing: Promise<unknown>): Promise<unknown> {
  return failing.then(
    () => {
      throw new Error("it succeeded");
    },
    (error: unknown) => error,
  );
}

async function connectionError(change: (url: URL) => void, options: pg.ClientConfig = {}): Promise<unknown> {
  const url = new URL(database.url);
  change(url);
  return errorOf(new pg.Client({ connectionString: url.href, connectionTimeoutMillis: 5_000, ...options }).connect());
}

describe("an answer of the server", () => {
  test.each([
    ["SELECT * FROM nowhere", "42P01", "statement_rejected", /a table that is not there, at character 15, `nowhere`\./],
    ["SELECT nothing FROM t", "42703", "statement_rejected", /a column that is not there, at character 8, `nothing`\./],
    ["SELECT nothing(1)", "42883", "statement_rejected", /at character 8, `nothing`\./],
    ["SELECT 'é', b FROM t", "42703", "statement_rejected", /at character 13, `b`\./],
    ["SELECT 'hunter2'::int", "22P02", "statement_rejected", /does not fit the type.*, at character 8\.$/],
    ["SELECT secret::int FROM t", "22P02", "statement_rejected", /does not fit the type/],
    ["SELECT 1 / 0", "22012", "statement_rejected", /./],
    ["SELECT secret FROM t GROUP BY a", "42803", "statement_rejected", /`secret`/],
    ["INSERT INTO t VALUES (2)", "25006", "statement_rejected", /read-only/],
    ["SELECT pg_sleep(10)", "57014", "cancelled", /cancelled/],
    ["SELECT pg_terminate_backend(pg_backend_pid())", "57P01", "upstream_lost", /./],
  ])("to %s is %s, and says nothing of values", async (statement, status, kind, message) => {
    const client = new pg.Client({
      connectionString: database.url,
      options: "-c default_transaction_read_only=on -c statement_timeout=200",
    });
    client.on("error", () => {});
    await client.connect();
    const cause = await errorOf(client.query({ text: statement, values: [], queryMode: "extended" } as pg.QueryConfig));
    await client.end().catch(() => {});
    const failure = classify(cause, { statement });
    expect(failure).toMatchObject({
      kind,
      status,
      upstream: "postgresql",
      message: expect.stringMatching(message),
      cause,
    });
    expect(failure?.remedy).toBeTruthy();
    expect(`${failure?.message} ${failure?.remedy} ${JSON.stringify(failure?.fields)}`).not.toContain("hunter2");
  });

  test("about a name is not the statement's fault when the statement is ours", async () => {
    const cause = await errorOf(database.run("SELECT * FROM nowhere", []));
    expect(classify(cause)).toMatchObject({ kind: "unknown_resource", status: "42P01", fields: [] });
    expect(classify(await errorOf(database.run("SELECT nothing FROM t", [])))).toMatchObject({ kind: "unknown_field" });
  });

  test("that the user may not read is a missing grant", async () => {
    const role = `nobody_${crypto.randomUUID().slice(0, 8)}`;
    await database.execute(`CREATE ROLE ${role}; SET ROLE ${role}`);
    const cause = await errorOf(database.run("SELECT * FROM t", []));
    await database.execute(`RESET ROLE; DROP ROLE ${role}`);
    expect(classify(cause)).toMatchObject({ kind: "upstream_permission_denied", status: "42501" });
  });
});

describe("a connection that fails", () => {
  test("for its password names the user and not the password", async () => {
    const role = `guest_${crypto.randomUUID().slice(0, 8)}`;
    await database.execute(`CREATE ROLE ${role} LOGIN PASSWORD 'right'`);
    const cause = await connectionError((url) => {
      url.username = role;
      url.password = "hunter2";
    });
    await database.execute(`DROP ROLE ${role}`);
    const failure = classify(cause, { user: role });
    expect(failure).toMatchObject({ kind: "credential_rejected", where: "credential", status: "28P01" });
    expect(failure?.message).toContain(role);
    expect(failure?.message).not.toContain("hunter2");
  });

  test("for its database names the database", async () => {
    const cause = await connectionError((url) => {
      url.pathname = "/nowhere";
    });
    expect(classify(cause, { database: "nowhere" })).toMatchObject({
      kind: "configuration_rejected",
      status: "3D000",
      message: "The source has no database `nowhere`.",
    });
  });

  test("for encryption that the server does not offer is a failure of TLS", async () => {
    const cause = await connectionError(() => {}, { ssl: { rejectUnauthorized: false } });
    expect(classify(cause)).toMatchObject({ kind: "tls_failed" });
  });

  test("for a port where nobody listens, or a name without address, says which to check", async () => {
    const free = net.createServer().listen(0);
    const { port } = free.address() as net.AddressInfo;
    await new Promise((resolve) => free.close(resolve));
    const refused = await connectionError((url) => {
      url.port = String(port);
    });
    expect(classify(refused)).toMatchObject({
      kind: "upstream_unreachable",
      remedy: expect.stringContaining("config.port"),
    });
    const unnamed = await connectionError((url) => {
      url.hostname = "nowhere.invalid";
    });
    expect(classify(unnamed)).toMatchObject({
      kind: "upstream_unreachable",
      remedy: expect.stringContaining("config.host"),
    });
  });

  test("because the other side hangs up or keeps silent is lost or unreachable", async () => {
    const hangsUp = net.createServer((socket) => socket.destroy()).listen(0);
    const silent = net.createServer().listen(0);
    const portOf = (server: net.Server) => String((server.address() as net.AddressInfo).port);
    const lost = await connectionError((url) => {
      url.port = portOf(hangsUp);
    });
    const late = await connectionError(
      (url) => {
        url.port = portOf(silent);
      },
      { connectionTimeoutMillis: 100 },
    );
    hangsUp.close();
    silent.close();
    expect(classify(lost)).toMatchObject({ kind: "upstream_lost" });
    expect(classify(late)).toMatchObject({ kind: "upstream_unreachable" });
  });

  test.each([
    ["CERT_HAS_EXPIRED", "tls_failed"],
    ["DEPTH_ZERO_SELF_SIGNED_CERT", "tls_failed"],
    ["ERR_TLS_CERT_ALTNAME_INVALID", "tls_failed"],
    ["ERR_SSL_WRONG_VERSION_NUMBER", "tls_failed"],
    ["EHOSTUNREACH", "upstream_unreachable"],
    ["EPIPE", "upstream_lost"],
  ])("with %s is %s, alone or as one of several attempts", (code, kind) => {
    const cause = Object.assign(new Error("private text"), { code });
    expect(classify(cause)).toMatchObject({ kind, upstream: "postgresql" });
    expect(classify(new AggregateError([cause]))).toMatchObject({ kind });
    expect(classify(cause)?.message).not.toContain("private");
  });
});

test("what is none of PostgreSQL's is left alone", () => {
  expect(classify(new TypeError("x is not a function"))).toBeUndefined();
  expect(classify("text")).toBeUndefined();
  const failure = new Failure("cancelled", "The caller has cancelled.");
  expect(classify(failure)).toBe(failure);
});
