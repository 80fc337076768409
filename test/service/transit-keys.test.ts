/** A service whose keys a transit engine holds: they are rotated by what the commands say, and it goes on. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterEach, expect, test } from "vitest";
import { createConnectorClient } from "../../src/client/index.ts";
import { signingKey } from "../support/keys.ts";
import { freshDatabase } from "../support/postgres.ts";
import { connectorTo, testService } from "../support/service.ts";
import { namedEngine, ownEngine, type TransitEngine } from "../support/transit-engine.ts";
import { runProgram } from "./process.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function environmentFor({ address, mount, key, token }: TransitEngine): Promise<Record<string, string>> {
  const directory = await mkdtemp(path.join(os.tmpdir(), "connector-transit-"));
  cleanups.push(() => rm(directory, { recursive: true }));
  const VAULT_TOKEN_FILE = path.join(directory, "token");
  await writeFile(VAULT_TOKEN_FILE, token);
  return { VAULT_ADDR: address, VAULT_TRANSIT_MOUNT: mount, VAULT_TRANSIT_KEY: key, VAULT_TOKEN_FILE };
}

const engines = [
  { name: "the tests' own engine", open: ownEngine },
  { name: "the engine that TEST_VAULT_URL names", open: namedEngine },
];

test.for(engines)("keys are rotated in $name while the service serves", async ({ open }, { skip }) => {
  if (open === undefined) return skip("TEST_VAULT_URL names none");
  const engine = await open();
  cleanups.push(engine.stop);
  const vault = await environmentFor(engine);
  const service = await testService(vault);
  cleanups.push(service.stop);
  const customer = await freshDatabase();
  cleanups.push(customer.drop);
  const { host } = new URL(customer.url);
  const environment = { DATABASE_URL: service.storeUrl, SIGNING_KEY: signingKey, EGRESS_ALLOW: host, ...vault };
  const keys = async (...args: string[]) => (await runProgram("cli/keys.ts", environment, args).ended).stdout;
  const id = (version: number) => `transit/${engine.mount}/${engine.key}/v${version}`;

  const first = await service.client.createConnector(connectorTo(customer.url, "first"));
  expect(await keys("list")).toMatch(new RegExp(`^${id(1)} +primary +20\\d\\d-.* 1 +0$`, "m"));
  const rotate = `vault write -f ${engine.mount}/keys/${engine.key}/rotate`;
  for (const command of [["add"], ["promote", "new"]]) expect(await keys(...command)).toContain(rotate);

  await engine.rotate();
  await service.client.createConnector(connectorTo(customer.url, "second"));
  const listed = await keys("list");
  expect(listed).toMatch(new RegExp(`^${id(1)} +decrypt-only .* 1 +0$`, "m"));
  expect(listed).toMatch(new RegExp(`^${id(2)} +primary .* 1 +0$`, "m"));
  expect(await keys("rewrap")).toContain(`Every credential and every kept answer is under ${id(2)}.`);
  const retired = await keys("retire", id(1));
  expect(retired).toContain(`/config min_decryption_version=2 min_encryption_version=2\n`);
  expect(retired).toContain(`/trim min_available_version=2\n`);

  await engine.retireBefore(2);
  expect(await keys("list")).toMatch(new RegExp(`^${id(1)} +destroyed +0 +0$`, "m"));
  const next = runProgram("main.ts", { ...environment, PORT: "0" });
  cleanups.push(
    () => next.ended,
    () => next.child.kill("SIGTERM"),
  );
  const client = createConnectorClient({ url: await next.url, token: service.token });
  cleanups.push(() => client.close());
  expect(await client.query(first.id, { native: "SELECT 1 AS one" })).toMatchObject({ rows: [{ one: 1 }] });
});
