import { once } from "node:events";
import { readFile, rm } from "node:fs/promises";
import net from "node:net";
import path from "node:path";
import pg from "pg";
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { Code, type ConnectorClient, ConnectorError, createConnectorClient } from "../../src/client/index.ts";
import { migrationLockKey } from "../../src/store/database.ts";
import { seededDirectory } from "../support/cluster-seed.ts";
import { encryptionKey, signingKey } from "../support/keys.ts";
import { patience } from "../support/patience.ts";
import { freshDatabase } from "../support/postgres.ts";
import { connectorTo } from "../support/service.ts";
import { stopwatch } from "../support/stopwatch.ts";
import { run } from "./customer.ts";
import { runProgram, type ServiceProcess } from "./process.ts";

let directory: string;
const started: ServiceProcess[] = [];

beforeEach(async () => {
  directory = await seededDirectory();
});

afterEach(async () => {
  for (const each of started.splice(0)) {
    each.child.kill("SIGTERM");
    await each.ended;
  }
  await rm(directory, { recursive: true, force: true });
});

function start(environment: Record<string, string> = {}): ServiceProcess {
  const service = runProgram("main.ts", { PORT: "0", CONNECTOR_DATA_DIR: directory, ...environment });
  started.push(service);
  return service;
}

const keyPattern = /csk\.[\w-]+\.[\w-]+/;

async function firstKey(service: ServiceProcess): Promise<string> {
  const [token] = await service.said(keyPattern);
  return token;
}

function clientOf(url: string, token: string): ConnectorClient {
  const client = createConnectorClient({ url, token });
  onTestFinished(() => client.close());
  return client;
}

/** A customer's database with rows to read. */
async function customerWith(rows: number) {
  const customer = await freshDatabase();
  onTestFinished(customer.drop);
  await run(customer.url, `CREATE TABLE wide AS SELECT i, repeat('x', 1000) AS pad FROM generate_series(1, ${rows}) i`);
  return customer;
}

test("a wrong configuration ends the start with every wrong variable, and no stack", async () => {
  const { status, stdout, stderr } = await start({ PORT: "http", LOG_LEVEL: "loud", EGRESS_ALLOW: "10.0.0.0/99" })
    .ended;
  expect(status).toBe(1);
  expect(stdout).toBe("");
  expect(stderr).toContain("connector-service can't start. The configuration is not valid:");
  for (const name of ["PORT", "LOG_LEVEL", "EGRESS_ALLOW"])
    expect(stderr).toMatch(new RegExp(`^  ${name}: must be`, "m"));
  expect(stderr).not.toMatch(/^\s+at /m);
});

test("a port in use ends the start with what to do, and leaves no database behind", async () => {
  const other = net.createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  onTestFinished(() => void other.close());
  const { port } = other.address() as net.AddressInfo;

  const { status, stderr, stdout } = await start({ PORT: `${port}` }).ended;
  expect(status).toBe(1);
  expect(stderr).toBe(
    `connector-service can't start. Another program listens on 127.0.0.1:${port} already.\n` +
      "Stop it, or choose another port with PORT.\n",
  );
  expect(stdout).not.toMatch(keyPattern);
  await expect(readFile(path.join(directory, "cluster/data/postmaster.pid"))).rejects.toMatchObject({ code: "ENOENT" });

  // The key that could not be used was not made: the next start shows it.
  expect(await firstKey(start())).toMatch(keyPattern);
});

test("an address that is not this machine's ends the start with what to do", async () => {
  const { status, stderr } = await start({ HOST: "192.0.2.1" }).ended;
  expect(status).toBe(1);
  expect(stderr).toContain("can't listen on 192.0.2.1:0 (EADDRNOTAVAIL)");
  expect(stderr).toContain("HOST");
});

test("a database that can't be reached ends the start with its address and without the password", async () => {
  const { status, stdout, stderr } = await start({
    DATABASE_URL: "postgres://someone:s3cret-pa55word@127.0.0.1:1/connector",
    ENCRYPTION_KEY: encryptionKey,
    SIGNING_KEY: signingKey,
    LOG_LEVEL: "trace",
  }).ended;
  expect(status).toBe(1);
  expect(stderr).toContain("127.0.0.1:1");
  expect(stderr).toContain("DATABASE_URL");
  expect(stderr).not.toMatch(/^\s+at /m);
  expect(`${stdout}${stderr}`).not.toContain("s3cret-pa55word");
});

test("a second process on the same data directory is refused, and the first goes on", async () => {
  const first = start();
  const url = await first.url;
  const client = clientOf(url, await firstKey(first));

  const { status, stderr } = await start().ended;
  expect(status).toBe(1);
  expect(stderr).toContain(`in use by connector-service (process ${first.child.pid})`);
  expect(stderr).toContain("CONNECTOR_DATA_DIR");
  expect(await client.listProviders()).not.toEqual([]);
});

test("after kill -9 connectors, credentials and the first API key are still good, and no other key is shown", async () => {
  const customer = await customerWith(10);
  const first = start();
  const token = await firstKey(first);
  const { id } = await clientOf(await first.url, token).createConnector(connectorTo(customer.url));
  first.child.kill("SIGKILL");
  expect((await first.ended).status).toBe("SIGKILL");

  const second = start();
  const client = clientOf(await second.url, token);
  expect(await client.testConnector(id)).toMatchObject({ ok: true });
  expect((await client.query(id, { resource: "wide" })).rows).toHaveLength(10);
  second.child.kill("SIGTERM");
  expect(await second.ended).toMatchObject({ status: 0, stdout: expect.not.stringMatching(keyPattern) });
});

test("SIGTERM lets a stream that runs come to its end, and exits 0", async () => {
  const customer = await customerWith(50_000);
  const service = start({ DRAIN_SECONDS: "20" });
  const client = clientOf(await service.url, await firstKey(service));
  const { id } = await client.createConnector(connectorTo(customer.url));

  const stream = client.stream(id, { resource: "wide" });
  let rows = 0;
  for await (const _ of stream) if (rows++ === 0) service.child.kill("SIGTERM");
  expect(rows).toBe(50_000);
  expect(await stream.trailer).toMatchObject({ rows: 50_000n });
  expect(await service.ended).toMatchObject({ status: 0, stderr: "" });
  expect(service.output().stdout).toContain('"msg":"stopped"');
});

test("SIGTERM ends a stream that does not end in time as unavailable, and exits 0", async () => {
  const customer = await customerWith(1);
  const service = start({ DRAIN_SECONDS: "1" });
  const client = clientOf(await service.url, await firstKey(service));
  const { id } = await client.createConnector(connectorTo(customer.url));

  const reading = Array.fromAsync(
    client.stream(id, { native: "SELECT i, pg_sleep(0.05) FROM generate_series(1, 2000) i" }),
  );
  const running = "SELECT FROM pg_stat_activity WHERE query LIKE '%pg_sleep(0.05)%' AND pid <> pg_backend_pid()";
  await vi.waitFor(async () => expect(await run(customer.url, running)).not.toEqual([]), patience);
  const took = stopwatch();
  service.child.kill("SIGTERM");
  const error = await reading.then(() => expect.unreachable("the stream came to its end"), ConnectorError.from);
  expect(error).toMatchObject({ code: Code.Unavailable, reason: "SHUTTING_DOWN" });
  expect((await service.ended).status).toBe(0);
  expect(took()).toBeLessThan(10_000);
});

test("SIGTERM during a start that does not end is waited for as long as a drain may take, and exits 0", async () => {
  const database = await freshDatabase();
  onTestFinished(database.drop);
  const other = new pg.Client({ connectionString: database.url });
  await other.connect();
  onTestFinished(() => other.end());
  await other.query(`SELECT pg_advisory_lock(${migrationLockKey})`);
  const service = start({
    ...{ DATABASE_URL: database.url, ENCRYPTION_KEY: encryptionKey, SIGNING_KEY: signingKey },
    ...{ DRAIN_SECONDS: "1", LOG_LEVEL: "debug" },
  });
  await service.said(/The schema waits for another/);
  service.child.kill("SIGTERM");
  expect(await service.ended).toMatchObject({ status: 0, stderr: "" });
  expect(service.output().stdout).toContain('"msg":"stopped before it had started"');
});
