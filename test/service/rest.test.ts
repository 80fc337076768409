/** REST on the whole service: every operation of its OpenAPI document, each held against the document. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Page } from "../../src/client/index.ts";
import { connectorTo, testService } from "../support/service.ts";
import { type RestCaller, restCaller } from "./rest-caller.ts";
import { type Source, serviceWithSource, until } from "./source.ts";

const large = 30_000;

let source: Source;
let rest: RestCaller;
let path: { connectorId: string };

beforeAll(async () => {
  source = await serviceWithSource(`
    CREATE TABLE city (id bigint PRIMARY KEY, name text NOT NULL, country char(2), area numeric(40, 2), seen timestamptz,
      capital boolean, small smallint, share float8, raw bytea, extra json);
    INSERT INTO city VALUES
      (9007199254740993, 'Bern', 'CH', 12345678901234567890.10, '2026-11-22 13:45:00.000001+00', true, 7, 'NaN', '\\xff00', '{"a":\n1.0}'),
      (2, E'Chur "C"\\n', 'CH', NULL, 'infinity', false, -7, 1e300, '', 'null'),
      (3, 'Zürich 🦉', NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL);
    CREATE TABLE large AS SELECT i AS id, repeat('x', 100) AS note FROM generate_series(1, ${large}) i`);
  rest = await restCaller(source.service.url, source.service.token);
  path = { connectorId: source.connectorId };
});

afterAll(() => source.stop());

const byId = [{ field: "id" }];
const query = { resource: "city", orderBy: byId };

test("a connector is made, read, listed, changed and deleted", async () => {
  const made = await rest.call("createConnector", {
    body: { ...connectorTo(source.url, "by-rest"), labels: { team: "a.b" } },
  });
  expect(made).toMatchObject({ status: 201, json: { name: "by-rest", provider: "postgresql", disabled: false } });
  expect(JSON.stringify(made.json)).not.toContain("password");
  const at = { connectorId: made.json.id };
  const read = await rest.call("getConnector", { path: at });
  expect(read.json).toEqual(made.json);
  expect(read.headers.get("etag")).toBe(`"${made.json.etag}"`);

  const listed = await rest.call("listConnectors", {
    query:
      "filter.labels[team]=a.b&filter.disabled=false&filter.providers=postgresql&filter.providers=mysql&pageSize=1",
  });
  expect(listed.json).toMatchObject({ connectors: [{ id: made.json.id }], nextPageToken: "" });

  const changed = await rest.call("updateConnector", {
    path: at,
    body: { displayName: "By REST" },
    headers: { "if-match": `"${made.json.etag}"` },
  });
  expect(changed.json).toMatchObject({ name: "by-rest", displayName: "By REST" });
  const late = await rest.call("updateConnectorByPut", {
    path: at,
    query: `etag=${made.json.etag}`,
    body: { name: "x" },
  });
  expect(late).toMatchObject({ status: 409, json: { reason: "CONFLICT", code: "aborted" } });
  const put = await rest.call("updateConnectorByPut", {
    path: at,
    query: "updateMask=displayName",
    body: { name: "x" },
  });
  expect(put.json).toMatchObject({ name: "by-rest", displayName: "" });

  expect(await rest.call("deleteConnector", { path: at })).toMatchObject({ status: 204, json: undefined });
  expect(await rest.call("getConnector", { path: at })).toMatchObject({ status: 404, json: { reason: "NOT_FOUND" } });
});

test("providers, a test, a schema and an explanation come as the document says", async () => {
  const { json } = await rest.call("listProviders");
  expect(json.providers.map(({ id }: { id: string }) => id)).toContain("postgresql");
  expect((await rest.call("testConnector", { path })).json).toMatchObject({ ok: true, readOnly: false });
  const schema = await rest.call("getSchema", { path, query: "refresh=true&kinds=RESOURCE_KIND_TABLE&namePrefix=ci" });
  expect(schema.json.resources).toMatchObject([{ name: "public.city", primaryKey: ["id"] }]);
  const explained = await rest.call("explainQuery", { path, body: { query } });
  expect(explained.json.statement).toContain("city");
});

test("a query comes in pages, with every value as protobuf's JSON has it", async () => {
  const first = await rest.call("query", { path, body: { query, pageSize: 2 } });
  expect(first.json.rows[1].values.slice(0, 2)).toEqual([{ int64: "3" }, { string: "Zürich 🦉" }]);
  const second = await rest.call("query", { path, body: { query, pageSize: 2, pageToken: first.json.nextPageToken } });
  expect(second.json).toMatchObject({ nextPageToken: "", truncated: false, cached: false });
  expect(second.json.rows[0].values[0]).toEqual({ int64: "9007199254740993" });
});

test("a stream is a line for its header, each row and its trailer, lossless", async () => {
  const [header, ...rows] = await rest.lines("streamQuery", { path, body: { query } });
  const trailer = rows.pop();
  expect(header).toMatchObject({ header: { keys: expect.arrayContaining(["id", "extra"]) } });
  expect(trailer).toMatchObject({ trailer: { rows: "3", truncated: "TRUNCATION_UNSPECIFIED", attempts: 1 } });
  expect(rows).toEqual([
    {
      ...{ id: "2", name: 'Chur "C"\n', country: "CH", area: null, seen: "infinity", capital: false, small: -7 },
      ...{ share: 1e300, raw: "", extra: "null" },
    },
    {
      ...{ id: "3", name: "Zürich 🦉", country: null, area: "0.00", seen: null, capital: null, small: null },
      ...{ share: null, raw: null, extra: null },
    },
    {
      ...{ id: "9007199254740993", name: "Bern", country: "CH", area: "12345678901234567890.10" },
      ...{ seen: "2026-11-22 13:45:00.000001+00", capital: true, small: 7, share: "NaN", raw: "/wA=" },
      extra: '{"a":\n1.0}',
    },
  ]);
});

test("a large stream has every row", async () => {
  const response = await rest.send("streamQuery", { path, body: { query: { resource: "large", orderBy: byId } } });
  expect(response.headers.get("content-type")).toBe("application/x-ndjson");
  const text = await response.text();
  const first = text.indexOf("\n") + 1;
  const last = text.lastIndexOf("\n", text.length - 2) + 1;
  const rows = Array.from({ length: large }, (_, i) => `{"id":${i + 1},"note":"${"x".repeat(100)}"}\n`);
  expect(text.slice(first, last) === rows.join("")).toBe(true);
  expect(JSON.parse(text.slice(last))).toMatchObject({ trailer: { rows: String(large) } });
});

test("a stream that nobody reads on stops at the source", async () => {
  const leaving = new AbortController();
  const left = await rest.send("streamQuery", { path, body: { query: { native: { text: endless } } } }, leaving.signal);
  await left.body?.getReader().read();
  await until(source, ofTheService, "1");
  leaving.abort();
  await until(source, ofTheService, "0");
});

const endless = "SELECT repeat('y', 1000), generate_series(1, 1000000000)";
const ofTheService = `SELECT count(*) FROM pg_stat_activity
  WHERE datname = current_database() AND query LIKE '%generate_series(1, 1000000000)%' AND state = 'active' AND pid <> pg_backend_pid()`;

test("what fails before the first row is a problem, and what fails behind it a last line", async () => {
  const unknown = await rest.call("streamQuery", { path, body: { query: { resource: "citty" } } });
  expect(unknown).toMatchObject({ status: 400, json: { reason: "UNKNOWN_RESOURCE", code: "invalid_argument" } });
  expect(unknown.json.detail).toContain("city");
  const text = "SELECT repeat('z', 1000), 1 / (1000 - generate_series(1, 1000000))";
  const lines = await rest.lines("streamQuery", { path, body: { query: { native: { text } } } });
  expect(lines.length).toBeGreaterThan(2);
  expect(lines.at(-1)).toMatchObject({ problem: { reason: "STATEMENT_REJECTED", status: 400 } });
});

test("an action with the header Idempotency-Key has one effect", async () => {
  const row = { values: [{ int64: "4" }, { string: "Ulm" }] };
  const request = {
    path,
    body: { create: { resource: "city", fields: ["id", "name"], rows: [row] }, returning: ["name"] },
    headers: { "idempotency-key": '"make-ulm"' },
  };
  const first = await rest.call("execute", request);
  expect(first.json).toMatchObject({ affectedRows: "1", rows: [{ values: [{ string: "Ulm" }] }], replayed: false });
  expect((await rest.call("execute", request)).json).toMatchObject({ affectedRows: "1", replayed: true });
  expect(await source.run("SELECT count(*) FROM city WHERE id = 4")).toEqual([["1"]]);
  const authorization = await rest.call("startAuthorization", { path, body: { returnUri: "https://example.com/" } });
  expect(authorization).toMatchObject({ status: expect.any(Number), json: { domain: "connector.v1" } });
  expect(authorization.status).toBeGreaterThanOrEqual(400);
});

test("an agent's grants are given, listed and taken back", async () => {
  const agent = "bots/a:1%";
  const body = { permissions: ["PERMISSION_QUERY"], resources: [{ resource: "public.city", fields: ["id"] }] };
  const granted = await rest.call("grantConnector", { path: { ...path, agent }, body });
  expect(granted.json).toMatchObject({ agent, permissions: ["PERMISSION_QUERY"] });
  await rest.call("grantConnectorByPost", { path: { agent }, body: { ...body, ...path } });
  const listed = await rest.call("listAgentConnectors", { path: { agent } });
  expect(listed.json.grants).toMatchObject([{ connectorId: path.connectorId }]);
  const headers = { "connector-agent": agent };
  const asAgent = await rest.lines("streamQuery", { path, headers, body: { query: { resource: "public.city" } } });
  expect(asAgent[1]).toEqual({ id: expect.any(String) });
  expect(await rest.call("revokeConnector", { path: { ...path, agent } })).toMatchObject({ status: 204 });
  const refused = await rest.call("query", { path, headers, body: { query: { resource: "public.city" } } });
  expect(refused).toMatchObject({ status: 403, json: { reason: "PERMISSION_DENIED", metadata: { grant: "absent" } } });
});

test("API keys are made, listed and revoked, and a revoked one is refused with what to show", async () => {
  const made = await rest.call("createApiKey", { body: { principal: "curl", scopes: ["connector.read"] } });
  expect(made.status).toBe(201);
  const as = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });
  expect((await rest.call("listConnectors", as(made.json.token))).status).toBe(200);
  const { json } = await rest.call("listApiKeys", { query: "pageSize=500" });
  expect(json.apiKeys.map(({ id }: { id: string }) => id)).toContain(made.json.apiKey.id);
  expect((await rest.call("revokeApiKey", { path: { apiKeyId: made.json.apiKey.id } })).status).toBe(204);
  const refused = await rest.call("listConnectors", as(made.json.token));
  expect(refused).toMatchObject({ status: 401, json: { reason: "UNAUTHENTICATED" } });
  expect(refused.headers.get("www-authenticate")).toBe("Bearer");
});

test("statistics and history are there, by time", async () => {
  await expect.poll(async () => (await rest.call("listQueries", { path })).json.queries.length).toBeGreaterThan(0);
  const none = await rest.call("listQueries", {
    path,
    query: "startTime=2000-01-01T00:00:00Z&endTime=2001-01-01T00:00:00Z",
  });
  expect(none.json).toEqual({ queries: [], nextPageToken: "" });
  expect((await rest.call("getStats", { path, query: "window=STATS_WINDOW_DAY" })).json.window).toBe(
    "STATS_WINDOW_DAY",
  );
});

test("the audit log is listed, and exported whole with its number of entries", async () => {
  const { json } = await rest.call("listAuditLogs", { query: "pageSize=2&filter.outcome=AUDIT_OUTCOME_SUCCEEDED" });
  expect(json.auditLogs).toHaveLength(2);
  const ofConnector = await rest.call("listAuditLogsByPath", { path });
  expect(ofConnector.json.auditLogs.every((log: { connectorId: string }) => log.connectorId === path.connectorId)).toBe(
    true,
  );
  const lines = await rest.lines("exportAuditLogs", { query: "filter.actor=tester" });
  expect(lines.at(-1)).toEqual({ trailer: { entries: lines.length - 1 } });
  expect(lines.slice(0, -1).map(({ event }) => event)).toContain("connector.create");
});

test("the service's own REST is a source like others, by nothing but its own document", async () => {
  const other = await testService();
  const { url, token } = source.service;
  const { id } = await other.client.createConnector({
    provider: "rest",
    name: "own",
    config: { base_url: url, authentication: { type: "bearer" }, openapi: { path: "/openapi.json" } },
    credential: { type: "bearer", token },
  });
  for (const name of ["own-1", "own-2", "own-3"]) await source.client.createConnector(connectorTo(source.url, name));
  const where = { "filter.namePrefix": "own-" };
  const names: unknown[] = [];
  for (let pageToken: string | undefined = ""; pageToken !== undefined; ) {
    const page: Page = await other.client.query(id, { resource: "connectors", where }, { pageSize: 2, pageToken });
    names.push(...page.rows.map(({ name }) => name));
    pageToken = page.nextPageToken || undefined;
  }
  expect(names).toEqual(["own-1", "own-2", "own-3"]);
  const input = { principal: "made-by-itself", scopes: ["connector.read"] };
  const action = { case: "named" as const, value: { name: "createApiKey", input } };
  await other.client.rpc.execute({ connectorId: id, action });
  const keys = await other.client.query(id, { resource: "api-keys" });
  expect(keys.rows.map(({ principal }) => principal)).toContain("made-by-itself");
  await other.stop();
});

test("every operation of the document was called", () => {
  expect([...rest.called].sort()).toEqual([...rest.operations].sort());
});
