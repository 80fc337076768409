/** APIs as they are: Figma's by its own document, Prometheus's as it is declared, an OpenID server's, and this service's own. */
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createConnectorClient } from "../../src/client/index.ts";
import { CheckOutcome } from "../../src/gen/connector/v1/connector_pb.js";
import { Permission } from "../../src/gen/connector/v1/grant_pb.js";
import { SchemaView } from "../../src/gen/connector/v1/schema_pb.js";
import { FieldType } from "../../src/gen/connector/v1/value_pb.js";
import { refusalOf } from "../service/refusal.ts";
import { type OAuthServer, startOAuthServer } from "../support/oauth-server.ts";
import { figmaMock, type Mock } from "../support/prism.ts";
import { type OwnPrometheus, ownPrometheus } from "../support/prometheus.ts";
import { type TestService, testService } from "../support/service.ts";
import { figmaFixture, figmaTarget, unwellFigma } from "./apis/figma.ts";
import { openIdFixture, openIdTarget } from "./apis/openid.ts";
import { prometheusApi, prometheusFixture } from "./apis/prometheus.ts";
import { serviceFixture } from "./apis/service.ts";
import { readOnlyConformance } from "./conformance.ts";
import type { Target } from "./fixture.ts";
import { readPages } from "./reading.ts";

let service: TestService;
let figma: Mock;
let prometheus: OwnPrometheus;
let oauth: OAuthServer;
let other: TestService;

beforeAll(async () => {
  const starting = [testService(), figmaMock(), ownPrometheus(), startOAuthServer(), testService()] as const;
  [service, figma, prometheus, oauth, other] = await Promise.all(starting);
});

afterAll(() => Promise.all([service?.stop(), figma?.stop(), prometheus?.stop(), oauth?.stop(), other?.stop()]));

async function connector({ config, credential }: Target): Promise<string> {
  const name = `c-${randomUUID()}`;
  return (await service.client.createConnector({ provider: "rest", name, config, credential })).id;
}

for (const fixture of [
  figmaFixture(() => figma),
  prometheusFixture(() => prometheus),
  openIdFixture(() => oauth),
  serviceFixture(() => other),
]) {
  readOnlyConformance("rest", fixture, () => service);
}

describe("by Figma's own document", () => {
  let connectorId: string;
  beforeAll(async () => {
    connectorId = await connector(figmaTarget(figma));
  });

  test("resources have types, labels and keys", async () => {
    const { resources } = await service.client.getSchema(connectorId, { pageSize: 1_000 });
    expect(resources.length).toBeGreaterThan(35);
    const webhooks = resources.find(({ name }) => name === "webhooks");
    expect(webhooks?.primaryKey).toEqual(["id"]);
    const status = webhooks?.fields.find(({ name }) => name === "status");
    expect(status).toMatchObject({ type: FieldType.ENUM, enumLabels: ["ACTIVE", "PAUSED"] });
    const comments = resources.find(({ name }) => name === "files.comments");
    const created = comments?.fields.find(({ name }) => name === "created_at");
    expect(created).toMatchObject({ type: FieldType.TIMESTAMP_TZ, nativeType: "string(date-time)" });
  });

  test("rows are created, updated and deleted, and an operation is called by its name", async () => {
    const { client } = service;
    const comment = { file_key: "string", message: "Looks good" };
    const created = await client.execute(
      connectorId,
      { create: "files.comments", rows: [comment] },
      { returning: ["id"] },
    );
    expect(created.rows.map(({ id }) => id)).toEqual(["string"]);
    const where = { id: "7" };
    // Figma's document wants all of these, also the first, which it does not describe.
    const hook = { team_id: "1", event_type: "PING", endpoint: "https://example.com", passcode: "p" };
    const updated = await client.execute(connectorId, { update: "webhooks", values: hook, where });
    expect(updated.affectedRows).toBe(1n);
    const deleted = await client.execute(connectorId, { delete: "files.comments", where: { ...where, file_key: "k" } });
    expect(deleted.affectedRows).toBe(1n);
    const input = { dev_resources: [{ name: "Docs", url: "https://example.com", file_key: "k", node_id: "1:2" }] };
    const called = client.execute(connectorId, { action: "postDevResources", input });
    // Prism is not given this operation.
    expect(await refusalOf(called)).toMatchObject({ metadata: { status: "404" } });
    const reaction = { file_key: "k", comment_id: "7", emoji: ":eyes:" };
    const undone = await client.execute(connectorId, { action: "deleteCommentReaction", input: reaction });
    expect(undone.output).toBeDefined();
  });

  test("operations that change more than rows are shown with what they ask for, and an agent sees those of its grant", async () => {
    const { client, token, url } = service;
    const { actions } = await client.getSchema(connectorId, { namePrefix: "post" });
    expect(actions.map(({ name }) => name)).toContain("postDevResources");
    const input = actions.find(({ name }) => name === "postDevResources")?.input;
    expect(input).toMatchObject({ type: "object", required: ["dev_resources"] });
    const { actions: names } = await client.getSchema(connectorId, { namePrefix: "post", view: SchemaView.BASIC });
    expect(names.find(({ name }) => name === "postDevResources")?.input).toBeUndefined();
    const permissions = [Permission.QUERY, Permission.EXECUTE];
    await client.rpc.grantConnector({ agent: "bot", connectorId, permissions, actions: ["deleteCommentReaction"] });
    const bot = createConnectorClient({ url, token, agent: "bot" });
    expect((await bot.getSchema(connectorId)).actions.map(({ name }) => name)).toEqual(["deleteCommentReaction"]);
    bot.close();
  });

  test.each([
    ["code=400", "InvalidArgument", "STATEMENT_REJECTED"],
    ["code=401", "FailedPrecondition", "CREDENTIAL_REJECTED"],
    ["code=403", "FailedPrecondition", "UPSTREAM_PERMISSION_DENIED"],
    ["code=429", "ResourceExhausted", "UPSTREAM_RATE_LIMITED"],
    ["code=500", "Unavailable", "UPSTREAM_UNAVAILABLE"],
  ])("an answer of %s is told as %s %s", async (prefer, code, reason) => {
    const unwell = await connector(unwellFigma(figma, prefer));
    expect(await refusalOf(service.client.query(unwell, { resource: "logs" }))).toMatchObject({ code, reason });
  });

  test("pages that lead back to themselves end with an error, after their rows", async () => {
    const stage = { client: service.client, connectorId };
    const reading = readPages(stage, { resource: "teams.components", where: { team_id: "1" } }, 10);
    expect(await refusalOf(reading)).toMatchObject({ reason: "UPSTREAM_UNAVAILABLE" });
  });
});

test("an API that serves its own document is read by it, and one that serves something else is told so", async () => {
  const schema = { type: "array", items: { type: "object", properties: { id: { type: "integer" } } } };
  const get = { responses: { 200: { description: "", content: { "application/json": { schema } } } } };
  const answers: Record<string, unknown> = {
    "/v1/openapi.json": { openapi: "3.0.3", info: { title: "things", version: "1" }, paths: { "/things": { get } } },
    "/v1/things": [{ id: 1 }, { id: 2 }],
  };
  const server = createServer(({ url = "" }, response) => void response.end(JSON.stringify(answers[url] ?? {})));
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  const at = (path: string) => {
    const base = { base_url: `http://127.0.0.1:${port}/v1`, authentication: { type: "none" } };
    return connector({ config: { ...base, openapi: { path } }, credential: { type: "none" } });
  };
  const stage = { client: service.client, connectorId: await at("/openapi.json") };
  expect((await readPages(stage, { resource: "things" }, 10)).rows).toEqual([["1"], ["2"]]);
  const wrong = await at("/things.json");
  const refused = await refusalOf(service.client.getSchema(wrong));
  expect(refused).toMatchObject({
    reason: "CONFIGURATION_REJECTED",
    message: expect.stringContaining("no OpenAPI document"),
  });
  const { ok, checks } = await service.client.testConnector(wrong);
  const failed = {
    name: "configuration",
    outcome: CheckOutcome.FAILED,
    reason: refused.reason,
    remedy: refused.remedy,
  };
  expect([ok, checks.find(({ outcome }) => outcome === CheckOutcome.FAILED)]).toMatchObject([false, failed]);
  server.close();
  server.closeAllConnections();
});

test("who has no grant at the OpenID server is told so", async () => {
  const { config, credential } = await openIdTarget(oauth);
  const stranger = await connector({ config, credential: { ...credential, refresh_token: "another one's" } });
  const refused = { code: "FailedPrecondition", reason: "CREDENTIAL_REJECTED" };
  expect(await refusalOf(service.client.query(stranger, { resource: "userinfo" }))).toMatchObject(refused);
});

describe("an OpenAPI document that a connector is given", () => {
  const given = (document: string) => ({
    config: { base_url: "http://127.0.0.1:9", authentication: { type: "none" }, openapi: { document } },
    credential: { type: "none" },
  });
  const swagger = "swagger: '2.0'\npaths: {}";
  const wrong = { code: "InvalidArgument", reason: "INVALID_REQUEST" };

  test("is refused by its field when it can't be used, where the connector is made and where it is changed", async () => {
    const created = await refusalOf(connector(given(swagger)));
    expect(created).toMatchObject({ ...wrong, fields: ["config.openapi.document"] });
    expect(created.descriptions[0]).toContain("Swagger 2.0");
    const id = await connector(figmaTarget(figma));
    for (const [config, updateMask] of [
      [given(swagger).config, undefined],
      [{ openapi: { document: swagger } }, ["config.openapi"]],
    ] as const) {
      const changed = service.client.updateConnector(id, { config }, updateMask === undefined ? {} : { updateMask });
      expect(await refusalOf(changed)).toMatchObject({ ...wrong, fields: ["connector.config.openapi.document"] });
    }
  });

  test("is told by a test of the connector what was left out of it", async () => {
    const get = {
      responses: { 200: { content: { "application/json": { schema: { $ref: "https://a.example/b" } } } } },
    };
    const document = JSON.stringify({
      openapi: "3.0.3",
      info: { title: "a", version: "1" },
      paths: { "/v1/me": { get } },
    });
    const { config, credential } = figmaTarget(figma);
    const id = await connector({ config: { ...config, openapi: { document } }, credential });
    const { ok, checks } = await service.client.testConnector(id);
    expect(ok).toBe(true);
    const configuration = checks.find(({ name }) => name === "configuration");
    expect(configuration).toMatchObject({ outcome: CheckOutcome.WARNING, reason: "" });
    expect(configuration?.message).toContain("https://a.example/b");
    expect(configuration?.remedy).toContain("resources");
  });
});

describe("by a declaration of Prometheus's API", () => {
  let stage: { readonly client: TestService["client"]; readonly connectorId: string };
  beforeAll(async () => {
    stage = { client: service.client, connectorId: await connector(await prometheusApi(prometheus).target()) };
  });

  test.each([
    ["vector(0) / 0", "NaN"],
    ["vector(1) / 0", "Infinity"],
    ["vector(1e308)", "1e+308"],
    ["vector(0.1) + 0.2", "0.30000000000000004"],
  ])("the value of %s is %s", async (query, value) => {
    const { rows } = await readPages(stage, { resource: "query", fields: ["value"], where: { query } }, 10);
    expect(rows).toEqual([[value]]);
  });

  test("a query that Prometheus can't read is refused as it refuses it", async () => {
    const refused = await refusalOf(
      stage.client.query(stage.connectorId, { resource: "query", where: { query: "sum(" } }),
    );
    expect(refused).toMatchObject({
      code: "InvalidArgument",
      reason: "STATEMENT_REJECTED",
      metadata: { status: "400" },
    });
  });

  test("fields that nobody has declared are those that rows have", async () => {
    const { fields, rows } = await readPages(stage, { resource: "rules" }, 10);
    const types = Object.fromEntries(fields.map(({ name, type }) => [name, type]));
    expect(types).toMatchObject({ name: FieldType.STRING, labels: FieldType.JSON, evaluationTime: FieldType.DOUBLE });
    expect(rows).toHaveLength(3);
  });

  test("the targets that it finds are there when it has found them", async () => {
    const targets = async () => {
      const query = { resource: "targets", fields: ["scrapePool", "health"] };
      return (await readPages(stage, query, 10)).rows.toSorted();
    };
    await expect.poll(targets).toEqual([
      ["itself", "up"],
      ["nobody", "down"],
    ]);
  });
});
