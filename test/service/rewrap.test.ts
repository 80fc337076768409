/** Encryption keys are changed under load, by commands in processes of their own, one of which is killed. */

import { rm } from "node:fs/promises";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { afterEach, expect, test, vi } from "vitest";
import { parseSigningKey } from "../../src/auth/signing-key.ts";
import { type ConnectorClient, ConnectorError, createConnectorClient } from "../../src/client/index.ts";
import { createApiKey } from "../../src/development.ts";
import { Connector } from "../../src/store/entities/connector.ts";
import { openStore } from "../../src/store/store.ts";
import { sealCredential } from "../../src/vault/credential.ts";
import { withNewKey } from "../../src/vault/key-changes.ts";
import { changeKeyFile, readKeyFile } from "../../src/vault/key-file.ts";
import { keysAtHand } from "../../src/vault/keys.ts";
import { createVault } from "../../src/vault/vault.ts";
import { newConnector } from "../store/rows.ts";
import { enterableDirectory } from "../support/directory.ts";
import { encryptionKey, signingKey } from "../support/keys.ts";
import { patience } from "../support/patience.ts";
import { freshDatabase } from "../support/postgres.ts";
import { connectorTo } from "../support/service.ts";
import { scaled } from "../torture/scale.ts";
import { run } from "./customer.ts";
import { type Ended, runProgram } from "./process.ts";

const size = scaled({ test: 500, torture: 20_000 });
const callers = 4;
/** Milliseconds between two calls of one caller: the programs that are run meanwhile share the machine with them. */
const everyMs = 10;
const insertedAtOnce = 500;

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Stage {
  readonly environment: Readonly<Record<string, string>>;
  readonly keyFile: string;
  readonly client: ConnectorClient;
  /** In the order of the store. */
  readonly ids: readonly string[];
  /** The store, as the superuser. */
  readonly admin: pg.Client;
  /** How often the service has taken another key file into use. */
  changesSeen(): number;
}

/** A service that runs, and whose credentials are all under the key "old". */
async function setStage(): Promise<Stage> {
  const [database, customer, directory] = await Promise.all([freshDatabase(), freshDatabase(), enterableDirectory()]);
  cleanups.push(database.drop, customer.drop, () => rm(directory, { recursive: true }));
  const keyFile = path.join(directory, "keys.json");
  await changeKeyFile(keyFile, (keys) => withNewKey(keys, "old", "primary"));
  const environment = {
    ...{ DATABASE_URL: database.url, ENCRYPTION_KEYS_FILE: keyFile, SIGNING_KEY: signingKey, PORT: "0" },
    // Where the store is, too.
    ...{ EGRESS_ALLOW: new URL(customer.url).host, MAX_CONNECTIONS_PER_HOST: "10" },
  };
  await run(customer.url, "CREATE TABLE effect (note text)");
  const { token, ids } = await fillStore(database.url, environment.SIGNING_KEY, keyFile, customer.url);
  const service = runProgram("main.ts", environment);
  cleanups.push(
    () => service.ended,
    () => service.child.kill("SIGTERM"),
  );
  const client = createConnectorClient({ url: await service.url, token });
  const admin = new pg.Client({ connectionString: database.url });
  await admin.connect();
  cleanups.push(
    () => client.close(),
    () => admin.end(),
  );
  const changesSeen = () => service.output().stdout.match(/the key file has changed/g)?.length ?? 0;
  return { environment, keyFile, client, ids, admin, changesSeen };
}

async function fillStore(storeUrl: string, signingKey: string, keyFile: string, customerUrl: string) {
  const store = await openStore({ url: storeUrl, poolSize: 2 });
  try {
    const { keys } = await readKeyFile(keyFile);
    const vault = createVault(keysAtHand(() => keys));
    const { provider, config, credential } = connectorTo(customerUrl);
    const rows = await Promise.all(
      Array.from({ length: size }, async () => {
        const row = newConnector("acme", { config, provider, credentialVersion: 1, credentialUpdateTime: new Date() });
        const endpoint = { ...config, ca: "" };
        const place = { organizationId: "acme", connectorId: row.id, version: 1, provider, endpoint };
        return { ...row, sealedCredential: Buffer.from(await sealCredential(vault, place, credential)) };
      }),
    );
    for (let from = 0; from < size; from += insertedAtOnce) {
      const some = rows.slice(from, from + insertedAtOnce);
      await store.withOrganization("acme", async (em) => some.forEach((row) => void em.create(Connector, row)));
    }
    const key = { organizationId: "acme", principal: "tester", scopes: ["connector.admin"] };
    return { token: await createApiKey(store, parseSigningKey(signingKey), key), ids: rows.map(({ id }) => id).sort() };
  } finally {
    await store.close();
  }
}

/** Calls through one connector after the other until it is told to stop. */
function loadOn({ client, ids }: Stage) {
  const failures: unknown[] = [];
  let calls = 0;
  let stopping = false;
  const call = async () => {
    for (let n = Math.floor(Math.random() * ids.length); !stopping; n += 7) {
      try {
        await client.query(ids[n % ids.length] as string, { native: "SELECT 1 AS one" });
      } catch (error) {
        failures.push(error instanceof ConnectorError ? `${error.reason}: ${error.message}` : error);
      }
      calls++;
      await delay(everyMs);
    }
  };
  const running = Promise.all(Array.from({ length: callers }, call));
  return {
    /** Resolves when so many more calls have ended. */
    async more(count: number): Promise<void> {
      const goal = calls + count;
      await vi.waitUntil(() => calls >= goal, patience);
    },
    async stop() {
      stopping = true;
      await running;
      return { calls, failures };
    },
  };
}

/** Writes a note once, however often it is called; whether it is told what was answered before. */
async function note({ client, ids }: Stage, text: string): Promise<boolean> {
  const action = { create: "effect", rows: [{ note: text }] };
  const { affectedRows, replayed } = await client.execute(ids[0] as string, action, { idempotencyKey: text });
  expect(affectedRows).toBe(1n);
  return replayed;
}

async function keys({ environment }: Stage, ...args: string[]): Promise<Ended> {
  return runProgram("cli/keys.ts", environment, args).ended;
}

/** How many credentials each key wraps. */
async function counts({ admin }: Stage): Promise<Record<string, number>> {
  const { rows } = await admin.query(
    "SELECT credential_key_id AS id, count(*)::int AS count FROM connector GROUP BY 1",
  );
  return Object.fromEntries(rows.map(({ id, count }) => [id, count]));
}

/** Rewraps until it meets a row that somebody holds, and is killed there. */
async function rewrapKilledInTheMiddle(stage: Stage): Promise<Ended> {
  const { admin, ids, environment } = stage;
  await admin.query("BEGIN");
  await admin.query("SELECT FROM connector WHERE id = $1 FOR UPDATE", [ids[Math.floor(size / 2)]]);
  const rewrap = runProgram("cli/keys.ts", environment, ["rewrap", "--batch", "20"]);
  const waiting = `SELECT FROM pg_locks AS held JOIN pg_locks AS wanted USING (transactionid)
    WHERE held.pid = pg_backend_pid() AND held.granted AND NOT wanted.granted`;
  await vi.waitUntil(async () => (await admin.query(waiting)).rows.length > 0, patience);
  rewrap.child.kill("SIGKILL");
  const ended = await rewrap.ended;
  await admin.query("ROLLBACK");
  return ended;
}

test(`a key is changed for another under load, though the rewrap of ${size} credentials is killed in the middle: no call fails, and the old key goes`, {
  timeout: scaled({ test: 400_000, torture: 1_800_000 }),
}, async () => {
  const stage = await setStage();
  const load = loadOn(stage);
  await load.more(callers);
  expect(await note(stage, "before")).toBe(false);

  expect(await keys(stage, "add", "new")).toMatchObject({ status: 0, stdout: expect.stringContaining("pending") });
  expect(await keys(stage, "promote", "new")).toMatchObject({ status: 0, stderr: "" });
  await vi.waitUntil(() => stage.changesSeen() > 0, patience);
  const tooEarly = await keys(stage, "retire", "old");
  expect(tooEarly).toMatchObject({
    status: 1,
    stderr: expect.stringContaining(`wraps ${size.toLocaleString("en")} credentials and 1 kept answer.`),
  });

  const killed = await rewrapKilledInTheMiddle(stage);
  expect(killed.status).toBe("SIGKILL");
  const half = await counts(stage);
  expect(half.new).toBeGreaterThan(0);
  expect(half.old).toBeGreaterThan(0);
  const { stdout: listed } = await keys(stage, "list");
  expect(listed).toMatch(new RegExp(`^old +decrypt-only .* ${half.old?.toLocaleString("en")} +1$`, "m"));
  expect(listed).toMatch(new RegExp(`^new +primary .* ${half.new?.toLocaleString("en")} +0$`, "m"));

  const versions = "SELECT sum(version)::int AS version, max(update_time) AS time FROM connector";
  const before = await stage.admin.query(versions);
  const begin = performance.now();
  const resumed = await keys(stage, "rewrap");
  const seconds = (performance.now() - begin) / 1_000;
  expect(resumed).toMatchObject({ status: 0, stderr: "", stdout: expect.stringContaining("0 remain") });
  expect(await counts(stage)).toEqual({ new: size });
  expect((await stage.admin.query(versions)).rows).toEqual(before.rows);

  // Within the hour of the data key that the first one was sealed under.
  expect(await note(stage, "after")).toBe(false);
  expect((await keys(stage, "list")).stdout).toMatch(/^new +primary .* 2$/m);

  expect(await keys(stage, "retire", "old")).toMatchObject({ status: 0, stderr: "" });
  for (const text of ["before", "after"]) expect(await note(stage, text)).toBe(true);
  expect((await readKeyFile(stage.keyFile)).keys).toMatchObject([
    { id: "old", state: "destroyed", key: undefined },
    { id: "new", state: "primary" },
  ]);
  await load.more(60);
  const { calls, failures } = await load.stop();
  expect(failures).toEqual([]);
  const told = await stage.admin.query(
    "SELECT entry::json ->> 'event' AS event, entry::json #>> '{details,key}' AS key FROM audit_event WHERE organization_id = '@service' ORDER BY id",
  );
  expect(told.rows.map(({ event, key }) => `${event} ${key}`)).toEqual([
    "encryption_key.add new",
    "encryption_key.promote new",
    "encryption_key.rewrap new",
    "encryption_key.retire old",
  ]);
  // Whoever starts it without the key hears so at once, and not from one caller after the other.
  const { ENCRYPTION_KEYS_FILE: _, ...rest } = stage.environment;
  const without = runProgram("main.ts", { ...rest, ENCRYPTION_KEYS: `other:${encryptionKey}` });
  expect(await without.ended).toMatchObject({ status: 1, stderr: expect.stringContaining("does not have: new.") });
  console.log(
    `rewrap: ${size} credentials, ${half.new} before SIGKILL, ${half.old} after it in ${seconds.toFixed(1)} s; ${calls} calls, ${failures.length} failed`,
  );
});
