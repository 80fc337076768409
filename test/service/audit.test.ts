/** The audit log over the wire: what is told to it, who reads it, and the command that verifies it. */

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Code, type ConnectorClient, ConnectorError } from "../../src/client/index.ts";
import { AuditOutcome } from "../../src/gen/connector/v1/audit_pb.js";
import { enterableDirectory } from "../support/directory.ts";
import { encryptionKey, signingKey } from "../support/keys.ts";
import { type FreshDatabase, freshDatabase } from "../support/postgres.ts";
import { connectorTo, type TestService, testService } from "../support/service.ts";
import { newLogin, run } from "./customer.ts";
import { runProgram } from "./process.ts";

const canary = "canary-7f3a-s3cret";
let service: TestService;
let customer: FreshDatabase;
let rpc: ConnectorClient["rpc"];
let connectorId: string;

beforeAll(async () => {
  [service, customer] = await Promise.all([testService(), freshDatabase()]);
  rpc = service.client.rpc;
  await run(customer.url, "CREATE TABLE place AS SELECT n AS id FROM generate_series(1, 5) AS n");
  const login = await newLogin(customer.url, canary);
  await run(customer.url, `GRANT SELECT ON place TO ${login.user}`);
  connectorId = (await service.client.createConnector(connectorTo(login.url, "audited"))).id;
});

afterAll(async () => {
  await service.stop();
  await customer.drop();
});

async function logs(filter: object = {}, of = rpc) {
  return (await of.listAuditLogs({ filter, pageSize: 500 })).auditLogs;
}

async function failureOf(call: Promise<unknown>): Promise<ConnectorError> {
  return call.then(
    () => expect.unreachable("the call was let through"),
    (error) => ConnectorError.from(error),
  );
}

const native = (text: string, ...values: string[]) => ({
  connectorId,
  query: {
    source: {
      case: "native" as const,
      value: { text, parameters: values.map((value) => ({ kind: { case: "string" as const, value } })) },
    },
  },
});

test("a connector's life is told of with its actor, and a change that fails is not", async () => {
  const { id } = await service.client.createConnector(connectorTo(customer.url, "short-lived"));
  await rpc.updateConnector({ connectorId: id, connector: { displayName: "x", disabled: true } });
  await failureOf(rpc.updateConnector({ connectorId: id, connector: { displayName: "y" }, etag: "v1000" }));
  await rpc.deleteConnector({ connectorId: id });
  const entries = await logs({ connectorId: id });
  expect(entries.map(({ event, outcome }) => [event, outcome])).toEqual([
    ["connector.delete", AuditOutcome.SUCCEEDED],
    ["connector.update", AuditOutcome.SUCCEEDED],
    ["connector.create", AuditOutcome.SUCCEEDED],
  ]);
  for (const { actor, details } of entries) {
    expect(actor).toBe("tester");
    expect(details).toMatchObject({
      ...{ name: "short-lived", provider: "postgresql", authentication: "api_key", client_address: "127.0.0.1" },
      request_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
  }
  expect(entries[1]?.details).toMatchObject({ changed: ["displayName", "disabled"] });
});

test("API keys that are made and revoked are told of, once", async () => {
  const { apiKey } = await rpc.createApiKey({ principal: "short", scopes: ["connector.read"] });
  await rpc.revokeApiKey({ apiKeyId: apiKey?.id ?? "" });
  await rpc.revokeApiKey({ apiKeyId: apiKey?.id ?? "" });
  const entries = (await logs()).filter(({ details }) => details?.api_key === apiKey?.id);
  expect(entries.map(({ event }) => event)).toEqual(["api_key.revoke", "api_key.create"]);
  expect(entries[1]?.details).toMatchObject({ principal: "short", scopes: ["connector.read"] });
});

test("a native statement is told of before it is sent and when it has ended, paged, streamed or failed", async () => {
  await rpc.query(native("SELECT id FROM place WHERE id::text <> $1", canary));
  await Array.fromAsync(rpc.streamQuery(native("SELECT id FROM place")));
  await failureOf(rpc.query(native("DELETE FROM place")));
  await expect
    .poll(async () => (await logs({ connectorId })).filter(({ event }) => event === "query.native"))
    .toHaveLength(6);
  const entries = (await logs({ connectorId })).filter(({ event }) => event === "query.native").reverse();
  const told = entries.map(({ outcome, reason, details }) => [details?.method, outcome, reason, details?.rows]);
  for (const expected of [
    ["Query", AuditOutcome.INTENDED, "", undefined],
    ["Query", AuditOutcome.SUCCEEDED, "", 5],
    ["StreamQuery", AuditOutcome.INTENDED, "", undefined],
    ["StreamQuery", AuditOutcome.SUCCEEDED, "", 5],
    ["Query", AuditOutcome.INTENDED, "", undefined],
    ["Query", AuditOutcome.FAILED, "STATEMENT_REJECTED", undefined],
  ]) {
    expect(told).toContainEqual(expected);
  }
  expect(new Set(entries.map(({ details }) => details?.statement_hash)).size).toBe(3);
});

test("a query of a resource is no entry, and the credential that it needs is one", async () => {
  const before = await logs({ connectorId });
  await rpc.query({ connectorId, query: { source: { case: "resource", value: "place" } } });
  expect(await logs({ connectorId })).toHaveLength(before.length);
  const opened = before.filter(({ event }) => event === "credential.open");
  expect(opened).toMatchObject([
    { actor: "service", outcome: AuditOutcome.SUCCEEDED, details: { version: 1, key: "test" } },
  ]);
});

test("what a caller may not do is told of as denied: an RPC, a statement, and a connector out of its reach", async () => {
  const token = await service.tokenFor("denied", "connector.query");
  const client = service.clientFor(token);
  await failureOf(client.rpc.createConnector({ provider: "postgresql", name: "x" }));
  const limited = await rpc.createApiKey({
    ...{ principal: "limited", scopes: ["connector.query"], connectorIds: [crypto.randomUUID()] },
  });
  const stranger = service.clientFor(limited.token).rpc;
  expect(await failureOf(stranger.query(native("SELECT 1")))).toMatchObject({ code: Code.NotFound });
  const reader = await rpc.createApiKey({ principal: "reader", scopes: ["connector.query"] });
  const { rpc: reading } = service.clientFor(reader.token);
  expect(await failureOf(reading.query(native("SELECT 1")))).toMatchObject({ code: Code.PermissionDenied });
  expect(await failureOf(Array.fromAsync(reading.streamQuery(native("SELECT 1"))))).toMatchObject({
    code: Code.PermissionDenied,
  });
  const denied = { event: "permission.deny", reason: "PERMISSION_DENIED", outcome: AuditOutcome.DENIED };
  const native_ = { scope: "connector.query.native" };
  expect(await logs({ outcome: AuditOutcome.DENIED })).toMatchObject([
    { ...denied, actor: "reader", details: { ...native_, method: "StreamQuery" } },
    { ...denied, actor: "reader", details: { ...native_, method: "Query" } },
    { ...denied, actor: "limited", details: { method: "Query" } },
  ]);
  const other = service.clientFor(await service.tokenFor("denied", "connector.audit.read"));
  expect(await logs({}, other.rpc)).toMatchObject([
    { ...denied, actor: "tester", details: { method: "CreateConnector", scope: "connector.write" } },
  ]);
});

test("the log is read page by page, exported, and shown to no other organization", async () => {
  const whole = await logs();
  const paged: bigint[] = [];
  let pageToken = "";
  do {
    const page = await rpc.listAuditLogs({ pageSize: 4, pageToken });
    paged.push(...page.auditLogs.map(({ createTime }) => createTime?.seconds ?? 0n));
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  expect(paged).toHaveLength(whole.length);
  const exported = (await Array.fromAsync(rpc.exportAuditLogs({}))).flatMap(({ auditLogs }) => auditLogs);
  expect(exported.map(({ details }) => details?.id)).toEqual(whole.map(({ details }) => details?.id).reverse());
  const { nextPageToken } = await rpc.listAuditLogs({ pageSize: 1 });
  const stranger = service.clientFor(await service.tokenFor("globex", "connector.admin")).rpc;
  expect(await logs({}, stranger)).toEqual([]);
  expect(await failureOf(stranger.listAuditLogs({ pageToken: nextPageToken }))).toMatchObject({
    reason: "INVALID_PAGE_TOKEN",
  });
  await expect
    .poll(async () => (await logs()).every(({ sequence, hash }) => sequence > 0n && hash.length === 32))
    .toBe(true);
});

test("while the log can't be written a denial stays one, no statement is sent, and nothing is changed", async () => {
  await run(service.storeUrl, "REVOKE INSERT ON audit_event FROM connector_application");
  try {
    const client = service.clientFor(await service.tokenFor("unwritten", "connector.query"));
    const denied = client.rpc.createConnector({ provider: "postgresql", name: "x" });
    expect(await failureOf(denied)).toMatchObject({ code: Code.PermissionDenied });
    expect(await failureOf(rpc.query(native("SELECT id FROM place")))).toMatchObject({ reason: "SERVICE_UNAVAILABLE" });
    await failureOf(service.client.createConnector(connectorTo(customer.url, "never-made")));
  } finally {
    await run(service.storeUrl, "GRANT INSERT ON audit_event TO connector_application");
  }
  expect(await run(service.storeUrl, "SELECT FROM connector WHERE name = 'never-made'")).toEqual([]);
});

test("who rewraps credentials is told of in a chain that no caller reads", async () => {
  const environment = {
    DATABASE_URL: service.storeUrl,
    ENCRYPTION_KEYS: `test:${encryptionKey}`,
    SIGNING_KEY: signingKey,
  };
  expect(await runProgram("cli/keys.ts", environment, ["rewrap"]).ended).toMatchObject({ status: 0 });
  const entries = await run(service.storeUrl, "SELECT entry FROM audit_event WHERE organization_id = '@service'");
  expect(entries.flat().map((entry) => JSON.parse(String(entry)))).toMatchObject([
    { event: "encryption_key.rewrap", outcome: "succeeded", details: { key: "test", rewrapped: 0, failed: 0 } },
  ]);
});

test("no entry holds a credential, a token, a statement or a value", async () => {
  const rows = (await run(service.storeUrl, "SELECT entry FROM audit_event")).flat().join("\n");
  for (const secret of [canary, service.token.split(".")[2] ?? "", "DELETE FROM", "SELECT id"]) {
    for (const form of [secret, Buffer.from(secret).toString("base64"), Buffer.from(secret).toString("hex")]) {
      expect(rows).not.toContain(form);
    }
  }
});

test("audit:verify says that all is whole, and ends with 1 at an entry that was changed", async () => {
  await expect.poll(() => run(service.storeUrl, "SELECT FROM audit_task WHERE kind = 'link'")).toEqual([]);
  const environment = {
    ...{
      DATABASE_URL: service.storeUrl,
      ENCRYPTION_KEYS: `test:${encryptionKey}`,
      SIGNING_KEY: signingKey,
    },
  };
  const verify = (...args: string[]) => runProgram("cli/audit.ts", environment, args).ended;
  const directory = await enterableDirectory();
  const [exported, key, wrong] = ["exported", "key.pem", "wrong"].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  expect(await verify("--export", exported)).toMatchObject({ status: 0, stderr: "" });
  await writeFile(key, (await verify("--print-public-key")).stdout);
  const whole = await verify("--checkpoints", exported, "--public-key", key);
  expect(whole).toMatchObject({ status: 0, stderr: "", stdout: expect.stringMatching(/✓ acme: .* 0 broken/s) });
  await writeFile(wrong, "{}");
  expect(await verify("--checkpoints", wrong)).toMatchObject({ status: 1, stderr: expect.stringContaining("Line 1") });

  const file = join(directory, "away", "file");
  expect(await verify("--export", file)).toMatchObject({ status: 1, stderr: expect.stringContaining("(ENOENT)") });
  const nobody = expect.stringContaining("no chain of an organization nobody");
  expect(await verify("--organization", "nobody")).toMatchObject({ status: 1, stdout: "", stderr: nobody });

  await run(
    service.storeUrl,
    `UPDATE audit_event SET entry = replace(entry, 'tester', 'nobody') WHERE id =
      (SELECT event_id FROM audit_link WHERE organization_id = 'acme' AND sequence = 3)`,
  );
  const broken = await verify("--organization", "acme");
  expect(broken).toMatchObject({ status: 1, stdout: expect.stringContaining("✗ acme: broken at 3. The entry is not") });
});
