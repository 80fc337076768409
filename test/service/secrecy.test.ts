import { readdir, readFile, rm } from "node:fs/promises";
import path from "node:path";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { seededDirectory } from "../support/cluster-seed.ts";
import { connectorTo, rogueServer } from "../support/service.ts";
import { run } from "./customer.ts";
import { runProgram, type ServiceProcess } from "./process.ts";
import { mysqlCustomer, postgresqlCustomer, type SecretCustomer } from "./secret-customers.ts";
import { anySpelling } from "./spellings.ts";

const base = "/connector.v1.ConnectorService";
let directory: string;
let customers: readonly SecretCustomer[];
let service: ServiceProcess;
let url: string;
let token: string;
/** Every byte that the service has answered, headers included. */
const answers: string[] = [];

beforeAll(async () => {
  directory = await seededDirectory();
  customers = await Promise.all([postgresqlCustomer(), mysqlCustomer()]);
  service = runProgram("main.ts", {
    PORT: "0",
    METRICS_PORT: "0",
    CONNECTOR_DATA_DIR: directory,
    LOG_LEVEL: "trace",
    DRAIN_SECONDS: "1",
  });
  url = await service.url;
  [token] = await service.said(/csk\.[\w.-]+/);
});

afterAll(async () => {
  service.child.kill("SIGKILL");
  await service.ended;
  await rm(directory, { recursive: true, force: true });
  for (const customer of customers) await customer.drop();
});

/** Calls as anybody's HTTP client does, and keeps what comes back. */
async function call(rpc: string, request: unknown, body = JSON.stringify(request)): Promise<Record<string, unknown>> {
  const headers = { "content-type": "application/json", authorization: `Bearer ${token}` };
  const response = await fetch(`${url}${base}/${rpc}`, { method: "POST", headers, body }).catch((error) => {
    throw new Error(`the service is gone: ${service.output().stderr}`, { cause: error });
  });
  const text = await response.text();
  answers.push(`${rpc} ${response.status} ${JSON.stringify([...response.headers])} ${text}`);
  return JSON.parse(text) as Record<string, unknown>;
}

/** A streamed call, whose error comes in its last message. */
async function stream(request: object): Promise<void> {
  const json = Buffer.from(JSON.stringify(request));
  const envelope = Buffer.alloc(5);
  envelope.writeUInt32BE(json.length, 1);
  const headers = { "content-type": "application/connect+json", authorization: `Bearer ${token}` };
  const body = Buffer.concat([envelope, json]);
  const response = await fetch(`${url}${base}/StreamQuery`, { method: "POST", headers, body });
  answers.push(`StreamQuery ${await response.text()}`);
}

async function createConnector(
  { provider, url, canary }: SecretCustomer,
  name: string,
  changes: object = {},
  credential: unknown = { password: canary },
) {
  const request = connectorTo(url, `${provider}-${name}`);
  const { connector } = await call("CreateConnector", {
    ...request,
    config: { ...request.config, ...changes },
    credential,
  });
  return (connector as { id: string } | undefined)?.id;
}

/** Every way of using a connector, whether it works or not. */
async function use(connectorId: string | undefined): Promise<void> {
  const query = { resource: "place" };
  await call("TestConnector", { connectorId });
  await call("GetConnector", { connectorId });
  await call("GetSchema", { connectorId, refresh: true });
  await call("Query", { connectorId, query });
  await call("ExplainQuery", { connectorId, query });
  await stream({ connectorId, query });
}

test("a credential comes out nowhere: in no answer, no log line, no metric, no table and no file", {
  timeout: 120_000,
}, async () => {
  for (const customer of customers) await useAndFail(customer);
  await call("ListConnectors", {});
  const all = answers.join("\n");
  const metrics = await scraped();
  expect(metrics).toMatch(/connector_calls_total\{.*reason="credential_rejected"/i);
  expectNoOrganizationsData(metrics);
  const tables = await dumpOfStore();
  for (const { user } of customers) expect(tables).toContain(user);
  const { stdout, stderr } = await stopped();
  expect(stdout).toContain('"level":30');
  const canaries = customers.flatMap(({ canary, wrongCanary }) => [canary, wrongCanary]);
  expectNowhere(canaries, { answers: all, log: stdout, errors: stderr, metrics, tables });

  // The API key is in the one print of the first start.
  const secret = token.split(".")[2] as string;
  expect(stdout.split(secret)).toHaveLength(2);
  expectNowhere([secret], { answers: all, errors: stderr, metrics, tables });
  await expectInNoFile([...canaries, secret]);
});

async function useAndFail(customer: SecretCustomer): Promise<void> {
  const first = answers.length;
  const good = await createConnector(customer, "good");
  await use(good);
  expect(answers.at(-1)).toContain("trailer");
  await failAtTheSource(customer, good);
  await failToConnect(customer);
  await failToConfigure(customer, good);
  // That the failures were those that they should be: else nothing was shown.
  const all = answers.slice(first).join("\n");
  for (const reason of [
    ...["CREDENTIAL_REJECTED", "UPSTREAM_UNREACHABLE", "TLS_FAILED", "CONFIGURATION_REJECTED", "EGRESS_DENIED"],
    ...["STATEMENT_REJECTED", "UNKNOWN_RESOURCE", "INVALID_REQUEST", "ALREADY_EXISTS"],
  ]) {
    expect(all).toContain(reason);
  }
}

async function failAtTheSource({ failing }: SecretCustomer, connectorId: string | undefined): Promise<void> {
  for (const text of failing) {
    const query = { native: { text } };
    await call("Query", { connectorId, query });
    await stream({ connectorId, query });
  }
  await call("Query", { connectorId, query: { resource: "nowhere" } });
  await call("Query", { connectorId, query: { resource: "place", where: { id: "x" } } });
}

async function failToConnect(customer: SecretCustomer): Promise<void> {
  const create = (name: string, changes: object) => createConnector(customer, name, changes);
  await use(await createConnector(customer, "wrong-password", {}, { password: customer.wrongCanary }));
  await use(await create("wrong-user", { user: "nobody-here" }));
  await use(await create("wrong-database", { database: "not_there" }));
  await use(await create("wrong-port", { port: 1 }));
  await use(await create("wrong-tls", { tls: "verify_full" }));
  await use(await create("denied", { host: "10.255.255.1" }));
  // One that asks for the password in clear text, and one that talks nonsense.
  const asking = await rogueServer(customer.askInClear);
  const babbling = await rogueServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
  try {
    await use(await create("asking", { port: asking.port }));
    await use(await create("babbling", { port: babbling.port }));
  } finally {
    await Promise.all([asking.stop(), babbling.stop()]);
  }
}

async function failToConfigure(customer: SecretCustomer, connectorId: string | undefined): Promise<void> {
  const { canary, wrongCanary } = customer;
  for (const credential of [
    canary,
    [canary],
    { password: [canary] },
    { password: { password: canary } },
    { password: `${canary}\0` },
    { password: canary, token: canary },
    { secret: canary },
  ]) {
    await createConnector(customer, "misshapen", {}, credential);
    await call("UpdateConnector", { connectorId, connector: { credential } });
  }
  await createConnector(customer, "good");
  await createConnector(customer, "in-the-host", { host: `postgres://reader:${canary}@db.example.com` });
  await createConnector(customer, "in-the-config", { password: canary, port: canary, tls: canary, ca: canary });
  const request = { ...connectorTo(customer.url, "broken"), credential: { password: canary } };
  await call("CreateConnector", {}, `${JSON.stringify(request).slice(0, -1)},}`);
  await call("CreateConnector", { ...request, passwort: canary });
  await call("CreateConnector", { ...request, name: [canary] });
  await call("CreateConnector", { ...request, policy: canary });
  await call("UpdateConnector", { connectorId, connector: { config: { host: "db.example.com" } } });
  await call("UpdateConnector", { connectorId, connector: { credential: { password: canary } }, etag: "v999" });
  await call("UpdateConnector", { connectorId, connector: { credential: { password: canary } } });
  await call("UpdateConnector", { connectorId, connector: { credential: { password: wrongCanary } } });
  await use(connectorId);
}

/** In both formats. */
async function scraped(): Promise<string> {
  const [, port] = await service.said(/"metricsPort":(\d+)/);
  const texts = ["text/plain", "application/openmetrics-text"].map(async (accept) => {
    const response = await fetch(`http://127.0.0.1:${port}/metrics`, { headers: { accept } });
    expect(response.headers.get("content-type")).toContain(accept);
    return response.text();
  });
  return (await Promise.all(texts)).join("\n");
}

/** Connectors stand in metrics by their ids; who has them, what they are called and where they lead does not. */
function expectNoOrganizationsData(metrics: string): void {
  expect(metrics).toMatch(/connector_top_calls_total\{connector="[\da-f-]{36}",provider="mysql"/);
  // The one organization there is, its first principal, parts of connectors' names, and what was asked for.
  const words = ["development", "first-key", "wrong-password", "babbling", "nobody-here", "not_there", "10.255.255.1"];
  const users = customers.flatMap(({ user, url }) => [user, new URL(url).pathname.slice(1)]);
  for (const word of [...words, ...users, "nowhere"]) expect(metrics).not.toContain(word);
}

/** Every row of every table of the service's own database, the system's too, as text. */
async function dumpOfStore(): Promise<string> {
  const [pid, , , port] = (await readFile(path.join(directory, "cluster/data/postmaster.pid"), "utf8")).split("\n");
  expect(pid).toMatch(/^\d+$/);
  const password = await readFile(path.join(directory, "cluster/password"), "utf8");
  const store = `postgres://postgres:${encodeURIComponent(password)}@127.0.0.1:${port}/connector`;
  const tables = await run(
    store,
    "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relkind = 'r'",
  );
  expect(tables.flat()).toContain("public.connector");
  const client = new pg.Client({ connectionString: store });
  await client.connect();
  try {
    const dumps: string[] = [];
    for (const table of tables.flat()) {
      // Bytes as they are too, where they are text.
      const { rows } = await client.query({ text: `SELECT t, t::text FROM ${table} t`, rowMode: "array" });
      const bytes = rows
        .flat()
        .map((cell) =>
          `${cell}`.replaceAll(/\\\\x([0-9a-f]+)/g, (_, hex) => Buffer.from(hex, "hex").toString("latin1")),
        );
      dumps.push(JSON.stringify(rows), ...bytes);
    }
    return dumps.join("\n");
  } finally {
    await client.end();
  }
}

async function stopped() {
  service.child.kill("SIGTERM");
  const ended = await service.ended;
  expect(ended.status).toBe(0);
  return ended;
}

function expectNowhere(secrets: readonly string[], places: Readonly<Record<string, string>>): void {
  const sought = anySpelling(secrets);
  for (const [place, text] of Object.entries(places)) {
    const bytes = Buffer.from(text).toString("latin1");
    const at = bytes.search(sought);
    expect(at, `a secret in ${place}: ${bytes.slice(Math.max(0, at - 200), at + 200)}`).toBe(-1);
  }
}

async function expectInNoFile(secrets: readonly string[]): Promise<void> {
  const sought = anySpelling(secrets);
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && !entry.parentPath.includes("postgresql-binaries"));
  expect(files.length).toBeGreaterThan(500);
  for (const file of files) {
    const content = await readFile(path.join(file.parentPath, file.name), "latin1");
    expect(sought.test(content), `a secret in ${file.parentPath}/${file.name}`).toBe(false);
  }
}
