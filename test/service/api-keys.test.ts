/** API keys over the wire: made, listed, used, revoked; in one replica and in two. */

import { inspect } from "node:util";
import { type Timestamp, timestampDate, timestampFromDate } from "@bufbuild/protobuf/wkt";
import { type Client, type ClientUnaryCall, Metadata, type ServiceError } from "@grpc/grpc-js";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { Code, type ConnectorClient, ConnectorError, createConnectorClient } from "../../src/client/index.ts";
import { grpcClient } from "../server/grpc-js.ts";
import { type FreshDatabase, freshDatabase } from "../support/postgres.ts";
import { type Replica, type Replicas, twoReplicas, until } from "../support/replicas.ts";
import { connectorTo, type TestService, testService } from "../support/service.ts";
import { run } from "./customer.ts";

let service: TestService;
let admin: ConnectorClient["rpc"];

beforeAll(async () => {
  service = await testService();
  admin = service.client.rpc;
});
afterAll(() => service.stop());

const reader = { principal: "reader", scopes: ["connector.read"] };

async function failureOf(call: Promise<unknown>): Promise<ConnectorError> {
  return call.then(
    () => expect.unreachable("the call was let through"),
    (error) => ConnectorError.from(error),
  );
}

async function keyFor(part: object) {
  const { apiKey, token } = await admin.createApiKey({ ...reader, ...part });
  if (apiKey === undefined) throw new Error("no key");
  return { key: apiKey, token, client: service.clientFor(token) };
}

describe("a key that is made", () => {
  test("is shown with what it may do, works at once, and its token is shown this once", async () => {
    const connectorIds = [crypto.randomUUID().toUpperCase()];
    const expireTime = timestampFromDate(new Date(Date.now() + 3_600_000));
    const given = { connectorIds, resources: ["public.city", "sales.*"], expireTime };
    const { key, token, client } = await keyFor(given);
    expect(key).toMatchObject({ ...reader, ...given, connectorIds: connectorIds.map((id) => id.toLowerCase()) });
    expect(key.revokeTime ?? key.lastUseTime).toBeUndefined();
    expect(Date.now() - timestampDate(key.createTime as Timestamp).getTime()).toBeLessThan(60_000);
    expect(await Array.fromAsync(client.listConnectors())).toEqual([]);
    const { apiKeys } = await admin.listApiKeys({});
    expect(apiKeys.find(({ id }) => id === key.id)).toEqual(key);
    expect(inspect(apiKeys, { depth: 9 })).not.toContain(token.split(".")[2]);
  });

  test("says who calls", async () => {
    const { client } = await keyFor({ principal: "nightly report", scopes: ["connector.read", "connector.query"] });
    const error = await failureOf(client.rpc.createConnector({ provider: "postgresql", name: "x" }));
    expect(error).toMatchObject({ code: Code.PermissionDenied, metadata: { scope: "connector.write" } });
  });

  test("ends when it expires", async () => {
    const { key, client } = await keyFor({ expireTime: timestampFromDate(new Date(Date.now() + 3_600_000)) });
    await client.listProviders();
    await run(service.storeUrl, "UPDATE api_key SET expire_time = now() WHERE id = $1", [key.id]);
    await until("the key is refused", async () => {
      const error = await client.listProviders().catch((cause: unknown) => cause);
      return error instanceof ConnectorError && error.message.includes("has expired");
    });
  });

  test.each([
    ["without scopes", { scopes: [] }, "scopes"],
    ["of an unknown scope", { scopes: ["connector.everything"] }, "scopes[0]"],
    ["without a name", { principal: "" }, "principal"],
    ["of a name that can't be stored", { principal: "a\0b" }, "principal"],
    ["for no connector's id", { connectorIds: ["all"] }, "connector_ids[0]"],
    ["for no resource's name", { resources: ["*"] }, "resources[0]"],
    ["that is past", { expireTime: timestampFromDate(new Date(0)) }, "expire_time"],
    ["of statements beside resources", { scopes: ["connector.query.native"], resources: ["a.b"] }, "scopes"],
  ])("%s is refused, and says which field is wrong", async (_, part, field) => {
    const error = await failureOf(admin.createApiKey({ ...reader, ...part }));
    expect(error).toMatchObject({ code: Code.InvalidArgument, fields: [expect.objectContaining({ field })] });
  });

  test("grants no more than its maker has", async () => {
    const connectorIds = [crypto.randomUUID()];
    const { client } = await keyFor({ scopes: ["connector.admin"], connectorIds, resources: ["sales.*"] });
    const make = (part: object) =>
      client.rpc.createApiKey({ ...reader, connectorIds, resources: ["sales.*"], ...part });
    await make({ resources: ["sales.orders"] });
    for (const part of [
      { connectorIds: [] },
      { connectorIds: [...connectorIds, crypto.randomUUID()] },
      { resources: [] },
      { resources: ["public.city"] },
    ]) {
      expect(await failureOf(make(part))).toMatchObject({ code: Code.PermissionDenied, reason: "PERMISSION_DENIED" });
    }
    for (const call of [client.rpc.listApiKeys({}), client.rpc.revokeApiKey({ apiKeyId: crypto.randomUUID() })]) {
      expect(await failureOf(call)).toMatchObject({ code: Code.PermissionDenied });
    }
  });
});

describe("the list", () => {
  test("gives every key of the organization once, the latest first, and no other's", async () => {
    const token = await service.tokenFor("lister", "connector.admin");
    const { rpc } = service.clientFor(token);
    const made = [token.split(".")[1]];
    for (let i = 0; i < 6; i++) made.unshift((await rpc.createApiKey({ ...reader, principal: `p${i}` })).apiKey?.id);
    const listed: string[] = [];
    let pageToken = "";
    do {
      const page = await rpc.listApiKeys({ pageSize: 3, pageToken });
      listed.push(...page.apiKeys.map(({ id }) => id));
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    expect(listed.toSorted()).toEqual(made.toSorted());
    const { apiKeys } = await rpc.listApiKeys({});
    const times = apiKeys.map(({ createTime }) => timestampDate(createTime as Timestamp).getTime());
    expect(times).toEqual(times.toSorted((a, b) => b - a));
    const { nextPageToken } = await rpc.listApiKeys({ pageSize: 1 });
    expect(await failureOf(admin.listApiKeys({ pageToken: nextPageToken }))).toMatchObject({
      reason: "INVALID_PAGE_TOKEN",
    });
  });
});

describe("a key that is revoked", () => {
  test("is refused in the very next call, stays in the list, and may be revoked again", async () => {
    const { key, client } = await keyFor({});
    await client.listProviders();
    await admin.revokeApiKey({ apiKeyId: key.id.toUpperCase() });
    expect(await failureOf(client.listProviders())).toMatchObject({
      code: Code.Unauthenticated,
      message: expect.stringContaining("has been revoked"),
    });
    const find = async () => (await admin.listApiKeys({})).apiKeys.find(({ id }) => id === key.id);
    const revoked = await find();
    expect(revoked?.revokeTime).toBeDefined();
    await admin.revokeApiKey({ apiKeyId: key.id });
    expect(await find()).toEqual(revoked);
  });

  test("ends the calls that run with it, and no other's", async () => {
    const source = await freshDatabase();
    onTestFinished(() => source.drop());
    const { connector } = await admin.createConnector(connectorTo(source.url, `c-${crypto.randomUUID()}`));
    const connectorId = connector?.id ?? "";
    const scopes = ["connector.query", "connector.query.native"];
    const [revoked, other] = [await keyFor({ scopes }), await keyFor({ scopes })];
    const native = "SELECT pg_sleep(60)::text AS slept";
    const stream = revoked.client.stream(connectorId, { native });
    const streamed = failureOf(Array.fromAsync(stream));
    const queried = failureOf(revoked.client.query(connectorId, { native }));
    const left = new AbortController();
    const others = failureOf(other.client.query(connectorId, { native }, { signal: left.signal }));
    const sleeping = "SELECT count(*)::int FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND datname = $1";
    const running = async () =>
      (await run(service.storeUrl, sleeping, [new URL(source.url).pathname.slice(1)]))[0]?.[0];
    await expect.poll(running).toBe(3);

    await admin.revokeApiKey({ apiKeyId: revoked.key.id });
    for (const ended of [streamed, queried]) {
      expect(await ended).toMatchObject({
        ...{ code: Code.Unauthenticated, message: expect.stringContaining("has been revoked") },
      });
    }
    await expect.poll(running).toBe(1);
    left.abort();
    expect(await others).toMatchObject({ code: Code.Canceled });
    await expect.poll(running).toBe(0);
  });

  test("must be one of the organization's", async () => {
    const { key, client } = await keyFor({});
    const stranger = service.clientFor(await service.tokenFor("globex", "connector.admin")).rpc;
    for (const apiKeyId of [key.id, crypto.randomUUID()]) {
      expect(await failureOf(stranger.revokeApiKey({ apiKeyId }))).toMatchObject({ reason: "NOT_FOUND" });
    }
    await client.listProviders();
  });
});

test("a client of grpc-js makes a key, calls with it, and revokes it", async () => {
  const client = grpcClient(
    Number(new URL(service.url).port),
    "connector.v1.ConnectorService",
    "connector/v1/service.proto",
  );
  const call = <T>(method: string, request: object, token: string) => callWith<T>(client, method, request, token);
  const made = await call<{ token: string; api_key: { id: string; resources: string[] } }>(
    "CreateApiKey",
    { ...reader, resources: ["public.city"] },
    service.token,
  );
  expect(made.api_key.resources).toEqual(["public.city"]);
  await call("ListProviders", {}, made.token);
  const listed = await call<{ api_keys: { id: string }[] }>("ListApiKeys", { page_size: 500 }, service.token);
  expect(listed.api_keys.map(({ id }) => id)).toContain(made.api_key.id);
  await call("RevokeApiKey", { api_key_id: made.api_key.id }, service.token);
  await expect(call("ListProviders", {}, made.token)).rejects.toMatchObject({ code: 16 });
});

function callWith<T>(client: Client, method: string, request: object, token: string): Promise<T> {
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${token}`);
  const unary = client[method as keyof Client] as unknown as (...args: unknown[]) => ClientUnaryCall;
  return new Promise((resolve, reject) => {
    unary.call(client, request, metadata, (error: ServiceError | null, answer: T) =>
      error === null ? resolve(answer) : reject(error),
    );
  });
}

describe("in two replicas", () => {
  let store: FreshDatabase;
  let database: pg.Client;
  let replicas: Replicas;

  beforeAll(async () => {
    store = await freshDatabase();
    replicas = await twoReplicas(store.url);
    database = new pg.Client({ connectionString: store.url });
    await database.connect();
  });
  afterAll(async () => {
    await database.end();
    await store.drop();
  });

  /** A client of the replica that has used the key once, so that it is remembered there. */
  async function using({ port }: Replica, token: string): Promise<ConnectorClient> {
    const client = createConnectorClient({ url: `http://127.0.0.1:${port}`, token });
    onTestFinished(() => client.close());
    await client.listProviders();
    return client;
  }

  async function isRefused(client: ConnectorClient): Promise<boolean> {
    const error = await client.listProviders().catch((cause: unknown) => cause);
    return error instanceof ConnectorError && error.code === Code.Unauthenticated;
  }

  test("a key that one revokes is refused by it in the next call, and by the other one at once", async () => {
    const { first, second } = replicas;
    const { apiKey, token } = await first.client.rpc.createApiKey(reader);
    const [here, there] = [await using(first, token), await using(second, token)];
    await first.client.rpc.revokeApiKey({ apiKeyId: apiKey?.id ?? "" });
    expect(await isRefused(here)).toBe(true);
    expect(await until("the other replica refuses the key", () => isRefused(there))).toBeLessThan(500);
  });

  test("a key that somebody deletes by hand is refused at once", async () => {
    const { apiKey, token } = await replicas.first.client.rpc.createApiKey(reader);
    const client = await using(replicas.second, token);
    await database.query("DELETE FROM api_key WHERE id = $1", [apiKey?.id]);
    expect(await until("the deleted key is refused", () => isRefused(client))).toBeLessThan(500);
  });

  test("when a key was used is written when they stop, and its use is told to nobody as a change", async () => {
    const before = Date.now();
    await replicas.first.client.listProviders();
    const lastUse = async () => {
      const { rows } = await database.query("SELECT last_use_time FROM api_key WHERE principal = 'tester'");
      return rows[0].last_use_time as Date | null;
    };
    expect(await lastUse()).toBeNull();
    const told: string[] = [];
    database.on("notification", ({ channel }) => void told.push(channel));
    await database.query("LISTEN api_key_changed");
    await replicas.stop();
    const time = await lastUse();
    expect(Math.abs((time?.getTime() ?? 0) - before)).toBeLessThan(60_000);
    expect(told).toEqual([]);
  });
});
