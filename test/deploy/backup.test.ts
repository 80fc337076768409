/** The service's database is lost and comes back from a backup, by the commands of OPERATING.md. */
import { rm } from "node:fs/promises";
import path from "node:path";
import pg from "pg";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { parseSigningKey } from "../../src/auth/signing-key.ts";
import { type ConnectorClient, createConnectorClient } from "../../src/client/index.ts";
import { readConfig } from "../../src/config.ts";
import { createApiKey } from "../../src/development.ts";
import { startService } from "../../src/main.ts";
import { createLog } from "../../src/observability/log.ts";
import { openStore } from "../../src/store/store.ts";
import { run } from "../service/customer.ts";
import { runProgram } from "../service/process.ts";
import { enterableDirectory } from "../support/directory.ts";
import { type InstalledPostgres, installedPostgres } from "../support/installed-postgres.ts";
import { encryptionKey, signingKey } from "../support/keys.ts";
import { logFile } from "../support/outputs.ts";
import { patience } from "../support/patience.ts";
import { type FreshDatabase, freshDatabase } from "../support/postgres.ts";
import { connectorTo, sharedServer } from "../support/service.ts";
import { follow } from "./guide.ts";

const passwords = { CONNECTOR_PASSWORD: crypto.randomUUID(), BACKUP_PASSWORD: crypto.randomUUID() };
const names = ["first", "second", "third"];

let server: InstalledPostgres;
let source: FreshDatabase;
let directory: string;
/** What an operator has set who follows the commands. */
let operator: Record<string, string>;
let settings: Record<string, string>;

beforeAll(async () => {
  [server, source, directory] = await Promise.all([installedPostgres(), freshDatabase(), enterableDirectory()]);
  await run(source.url, "CREATE TABLE effect (note text NOT NULL)");
  const as = (user: string, password: string) => `postgres://${user}:${password}@127.0.0.1:${server.port}/connector`;
  operator = {
    ...passwords,
    PATH: `${server.bin}:${process.env.PATH}`,
    ADMIN_URL: server.url("postgres"),
    DATABASE_ADMIN_URL: server.url("connector"),
    BACKUP_URL: as("connector_backup", passwords.BACKUP_PASSWORD),
    BACKUP: path.join(directory, "connector.dump"),
  };
  settings = {
    PORT: "0",
    DATABASE_URL: as("connector", passwords.CONNECTOR_PASSWORD),
    ENCRYPTION_KEYS: `test:${encryptionKey}`,
    SIGNING_KEY: signingKey,
    EGRESS_ALLOW: `127.0.0.0/8,${sharedServer(source.url)}`,
  };
});

afterAll(async () => {
  await Promise.all([server.stop(), source.drop(), rm(directory, { recursive: true, force: true })]);
});

/** While the service runs, as its least user. */
async function served<Result>(token: string, work: (client: ConnectorClient) => Promise<Result>): Promise<Result> {
  const service = await startService(readConfig(settings), createLog("info", logFile()));
  const client = createConnectorClient({ url: service.url, token });
  try {
    return await work(client);
  } finally {
    client.close();
    await service.stop();
  }
}

async function administer(statements: string): Promise<void> {
  const admin = new pg.Client({ connectionString: server.url("postgres") });
  await admin.connect();
  for (const statement of statements.split(";")) await admin.query(statement);
  await admin.end();
}

/** The entries that have their place in the organization's chain. */
async function linked(): Promise<number> {
  const count = "SELECT count(*)::int FROM audit_link WHERE organization_id = 'acme'";
  return Number((await run(server.url("connector"), count))[0]?.[0]);
}

async function auditVerified() {
  const { status, stdout, stderr } = await runProgram("cli/audit.ts", settings).ended;
  return { status, entries: Number(/✓ acme: (\d+) entries/.exec(stdout)?.[1]), stderr };
}

async function newToken(): Promise<string> {
  const store = await openStore({ url: settings.DATABASE_URL ?? "", poolSize: 2 });
  try {
    const key = { organizationId: "acme", principal: "tester", scopes: ["connector.admin"] };
    return await createApiKey(store, parseSigningKey(signingKey), key);
  } finally {
    await store.close();
  }
}

test("a database that is lost comes back: every connector opens, keys hold, and the audit log is whole", async () => {
  await follow("database", operator);
  const token = await newToken();
  const ids = await served(token, async (client) => {
    const made = [];
    for (const name of names) made.push(await client.createConnector(connectorTo(source.url, name)));
    for (const { id, name } of made) await client.execute(id, { create: "effect", rows: [{ note: name }] });
    // An intent and an outcome for each of three, and those before: all have their places in the chain.
    await vi.waitUntil(async () => (await linked()) >= 3 * names.length, { ...patience, interval: 50 });
    await follow("backup", operator);
    return made.map(({ id }) => id);
  });

  await administer(
    `DROP DATABASE connector WITH (FORCE); DROP ROLE connector; DROP ROLE connector_backup; DROP ROLE connector_owner;
     DROP ROLE connector_application; DROP ROLE connector_audit; DROP ROLE connector_keys`,
  );
  await follow("restore", operator);

  const { status, entries, stderr } = await auditVerified();
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  expect(entries).toBeGreaterThanOrEqual(3 * names.length);
  await served(token, async (client) => {
    for (const id of ids) {
      const { rows } = await client.query(id, { native: "SELECT count(*)::int AS count FROM effect" });
      expect(rows).toHaveLength(1);
      await client.execute(id, { create: "effect", rows: [{ note: "after" }] });
    }
  });
});
