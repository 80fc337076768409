/** What a test says of a user who may do more than read, and the policy that refuses such a user. */
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { Check } from "../../../src/providers/contract.ts";
import { type Source, serviceWithSource } from "../../service/source.ts";
import { callFor, rowsOf } from "../sql/asking.ts";
import { openedSession } from "./opened.ts";

let source: Source;

beforeAll(async () => {
  source = await serviceWithSource("CREATE TABLE city (name text); INSERT INTO city VALUES ('Bern')");
});
afterAll(() => source.stop());

interface Role {
  readonly name: string;
  readonly url: string;
  /** Its session's own word on what it may do. */
  check(refuseRiskyPrivileges?: boolean): Promise<Check | undefined>;
}

/** A user who may read the city, and what else the statements give; `$` stands for its name in them. */
async function roleWith(...statements: string[]): Promise<Role> {
  const name = `role_${crypto.randomUUID().replaceAll("-", "")}`;
  const grants = statements.map((statement) => statement.replaceAll("$", name));
  await source.run([`CREATE ROLE ${name} LOGIN PASSWORD 'x'`, `GRANT SELECT ON city TO ${name}`, ...grants].join("; "));
  onTestFinished(async () => {
    await source.run(`REASSIGN OWNED BY ${name} TO CURRENT_USER; DROP OWNED BY ${name}; DROP ROLE ${name}`);
  });
  const url = new URL(source.url);
  url.username = name;
  url.password = "x";
  const check = async (refuseRiskyPrivileges = false) => {
    const session = openedSession(url.href, { refuseRiskyPrivileges });
    const { checks, ok } = await session.test(callFor(20_000));
    await session.close();
    const found = checks.find((each) => each.name === "privileges");
    expect(ok).toBe(found?.outcome !== "failed");
    return found;
  };
  return { name, url: url.href, check };
}

test("of a user who only reads there is nothing to say", async () => {
  const { check } = await roleWith();
  const passed = { outcome: "passed", message: "The user may read and not write.", remedy: "" };
  expect(await check()).toMatchObject(passed);
  expect(await check(true)).toMatchObject(passed);
});

describe("a user who may do much more than read", () => {
  test.each([
    ["ALTER ROLE $ SUPERUSER", /is a superuser/],
    ["ALTER ROLE $ BYPASSRLS", /bypasses row-level security/],
    ["ALTER ROLE $ CREATEROLE", /may make and change users/],
    ["ALTER ROLE $ REPLICATION", /may copy the whole server/],
    ["GRANT pg_read_server_files TO $", /may read files of the server/],
    ["GRANT pg_write_server_files TO $", /may write files of the server/],
    ["GRANT pg_execute_server_program TO $ WITH INHERIT FALSE", /may run programs on the server/],
  ])("by %s is warned of, refused by policy, and let in when the remedy was run", async (grant, message) => {
    const { name, url, check } = await roleWith(grant);
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
    await source.run(/administrator run: (.*)\.$/.exec(failed?.remedy ?? "")?.[1] ?? "");
    expect(await rowsOf(session, "SELECT name FROM city")).toEqual([["Bern"]]);
    expect(await check(true)).toMatchObject({ outcome: "passed" });
  });
});

test("every privilege is named at once, each with its own remedy", async () => {
  const { name, check } = await roleWith("ALTER ROLE $ BYPASSRLS CREATEROLE", "GRANT pg_read_server_files TO $");
  const check_ = await check();
  expect(check_?.message).toMatch(/bypasses .*, may make .* and may read files/);
  for (const statement of ["NOBYPASSRLS", "NOCREATEROLE", "REVOKE pg_read_server_files"]) {
    expect(check_?.remedy).toContain(statement);
  }
  expect(check_?.remedy).toContain(`"${name}"`);
});

describe("what is only worth knowing is told, and refused by no policy", () => {
  test.each([
    ["GRANT pg_read_all_data TO $", /may read every table/],
    ["GRANT pg_signal_backend TO $", /may end other users' sessions/],
    ["CREATE TABLE owned_by_$ (); ALTER TABLE owned_by_$ OWNER TO $", /owns 1 table/],
    ["CREATE EXTENSION dblink", /may use dblink, which reaches beyond the database/],
    ["CREATE EXTENSION file_fdw; GRANT USAGE ON FOREIGN DATA WRAPPER file_fdw TO $", /may use file_fdw/],
  ])("%s", async (grant, message) => {
    onTestFinished(async () => void (await source.run("DROP EXTENSION IF EXISTS dblink, file_fdw CASCADE")));
    const { check } = await roleWith(grant);
    for (const refuses of [false, true]) {
      expect(await check(refuses)).toMatchObject({ outcome: "warning", message: expect.stringMatching(message) });
    }
  });
});

test("the policy is the connector's, is stored with it, and holds from the next call on", async () => {
  const { client, connectorId } = source;
  const reading = () => client.query(connectorId, { native: "SELECT name FROM city" });
  expect((await reading()).rows).toMatchObject([{ name: "Bern" }]);
  const { policy } = await client.updateConnector(connectorId, { policy: { refuseRiskyPrivileges: true } });
  expect(policy?.refuseRiskyPrivileges).toBe(true);
  await expect(reading()).rejects.toMatchObject({ reason: "CONFIGURATION_REJECTED", where: "connector" });
  expect(await client.testConnector(connectorId)).toMatchObject({ ok: false });
  await client.updateConnector(connectorId, { policy: {} });
  expect((await reading()).rows).toMatchObject([{ name: "Bern" }]);
});
