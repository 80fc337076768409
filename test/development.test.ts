import { mkdir, readFile, rm, stat } from "node:fs/promises";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { scopes } from "../src/auth/principal.ts";
import { parseSigningKey } from "../src/auth/signing-key.ts";
import { Code, createConnectorClient } from "../src/client/index.ts";
import { developmentKeys, firstApiKey } from "../src/development.ts";
import { openStore } from "../src/store/store.ts";
import { localKeys } from "../src/vault/keys.ts";
import { run } from "./service/customer.ts";
import { runProgram } from "./service/process.ts";
import { seededDirectory } from "./support/cluster-seed.ts";
import { enterableDirectory } from "./support/directory.ts";
import { freshDatabase } from "./support/postgres.ts";
import { testService } from "./support/service.ts";

let directory: string;

beforeEach(async () => {
  directory = await enterableDirectory();
});

afterEach(() => rm(directory, { recursive: true, force: true }));

describe("the keys of a data directory", () => {
  test("are made once, can be used, and are for their owner's eyes only", async () => {
    const keys = await developmentKeys(directory);
    expect(await developmentKeys(directory)).toEqual(keys);
    localKeys(keys.encryptionKeys);
    parseSigningKey(keys.signingKey);
    expect((await stat(path.join(directory, "keys.json"))).mode & 0o777).toBe(0o600);
  });

  test("of two directories differ", async () => {
    const other = path.join(directory, "other");
    await mkdir(other);
    expect(await developmentKeys(other)).not.toEqual(await developmentKeys(directory));
  });
});

test("the first API key is made once, and the database holds nothing of it but its hash", async () => {
  const database = await freshDatabase();
  const store = await openStore({ url: database.url });
  onTestFinished(async () => {
    await store.close();
    await database.drop();
  });
  const signingKey = parseSigningKey((await developmentKeys(directory)).signingKey);
  const token = (await firstApiKey(store, signingKey)) ?? "";
  const [, id, secret] = token.split(".");
  expect(await firstApiKey(store, signingKey)).toBeUndefined();

  const rows = await run(database.url, "SELECT id, api_key::text FROM api_key");
  expect(rows.map(([found]) => found)).toEqual([id]);
  expect(String(rows[0]?.[1])).not.toContain(secret);
  // Revoked, it was made all the same: another one would be a way in that nobody asked for.
  await run(database.url, "UPDATE api_key SET revoke_time = now()");
  expect(await firstApiKey(store, signingKey)).toBeUndefined();
});

describe("the program that makes an API key", () => {
  const asked = ["--organization", "acme", "--principal", "ci", "--scopes", "connector.read,connector.query"];

  test("prints one that works for what it was asked for, in the service's database", async () => {
    const service = await testService();
    onTestFinished(service.stop);
    const { id } = await service.client.createConnector({
      ...{ provider: "postgresql", name: "one", credential: { password: "p" } },
      config: { host: "h", database: "d", user: "u" },
    });
    const environment = {
      DATABASE_URL: service.storeUrl,
      ENCRYPTION_KEYS: `test:${"4b".repeat(31)}02`,
      SIGNING_KEY: `${"5a".repeat(31)}01`,
    };
    const { status, stdout, stderr } = await runProgram("cli/api-key.ts", environment, asked).ended;
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/^csk\.\S+\n$/);
    const client = service.clientFor(stdout.trim());
    expect(await client.getConnector(id)).toMatchObject({ name: "one" });
    await expect(client.deleteConnector(id)).rejects.toMatchObject({ code: Code.PermissionDenied });

    const only = ["--connectors", crypto.randomUUID(), "--resources", "public.city, sales.*"];
    const limits = [...only, "--expires", "2999-01-01"];
    const limited = await runProgram("cli/api-key.ts", environment, [...asked, ...limits]).ended;
    expect(await Array.fromAsync(service.clientFor(limited.stdout.trim()).listConnectors())).toEqual([]);
    const [row] = await run(
      service.storeUrl,
      "SELECT principal, expire_time, resources FROM api_key WHERE expire_time IS NOT NULL",
    );
    expect(row).toEqual(["ci", new Date("2999-01-01"), ["public.city", "sales.*"]]);
  });

  test("makes one in the built-in database when the service does not run, and is refused while it does", async () => {
    const seeded = await seededDirectory();
    onTestFinished(() => rm(seeded, { recursive: true, force: true }));
    const environment = { CONNECTOR_DATA_DIR: seeded, PORT: "0" };
    const made = await runProgram("cli/api-key.ts", environment, asked).ended;
    expect(made).toMatchObject({ status: 0, stderr: "" });

    const service = runProgram("main.ts", environment);
    const client = createConnectorClient({ url: await service.url, token: made.stdout.trim() });
    onTestFinished(async () => {
      client.close();
      service.child.kill("SIGTERM");
      await service.ended;
    });
    expect(await client.listProviders()).not.toEqual([]);
    // The development organization has had no key yet.
    await service.said(/csk\./);

    const refused = await runProgram("cli/api-key.ts", environment, asked).ended;
    expect(refused).toMatchObject({ status: 1, stdout: "" });
    expect(refused.stderr).toContain("in use by connector-service");
    expect(await readFile(path.join(seeded, "cluster/data/postmaster.pid"), "utf8")).toMatch(/^\d+/);
  });

  test("shows how it is used to who asks", async () => {
    const { status, stdout, stderr } = await runProgram("cli/api-key.ts", {}, ["--help"]).ended;
    expect([status, stderr]).toEqual([0, ""]);
    for (const scope of scopes) expect(stdout).toContain(scope);
  });

  test.each([
    ["nothing", [], "--organization, --principal and --scopes are needed"],
    ["an unknown option", [...asked, "--admin"], "--admin"],
    ["an unknown scope", [...asked.slice(0, 5), "connector.reed"], "there is no connector.reed"],
    ["no scope", [...asked.slice(0, 5), ","], "names no scope"],
    ["an organization that can't be", ["--organization", "a b", ...asked.slice(2)], "organization"],
    ["a connector that can't be", [...asked, "--connectors", "sales"], "sales is not a connector's id"],
    ["a resource that can't be", [...asked, "--resources", "*"], "resources[0]: must be a resource's full name"],
    ["a date that is none", [...asked, "--expires", "tomorrow"], "tomorrow is not a date"],
    ["a date that is past", [...asked, "--expires", "2020-01-01"], "is past"],
  ])("given %s says how it is used, and makes nothing", async (_, args, expected) => {
    const { status, stdout, stderr } = await runProgram("cli/api-key.ts", { CONNECTOR_DATA_DIR: directory }, args)
      .ended;
    expect([status, stdout]).toEqual([2, ""]);
    expect(stderr).toContain(expected);
    expect(stderr).toContain("Usage: npm run api-key -- --organization");
    await expect(stat(path.join(directory, "cluster"))).rejects.toMatchObject({ code: "ENOENT" });
  });
});
