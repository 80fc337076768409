import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Code, type ConnectorClient } from "../../src/client/index.ts";
import { ConnectorOrder } from "../../src/gen/connector/v1/connector_pb.js";
import { type TestService, testService } from "../support/service.ts";
import { run } from "./customer.ts";

let service: TestService;
let client: ConnectorClient;

type ListRequest = Parameters<ConnectorClient["listConnectors"]>[0];

beforeAll(async () => {
  service = await testService();
  client = service.client;
  // Created in an order that is not that of their names, and changed in a third.
  const names = ["beta", "alpha-1", "gamma", "alpha", "delta", "alphabet", "alpha-2"];
  const ids = new Map<string, string>();
  for (const [i, name] of names.entries()) {
    const labels = { team: i % 2 === 0 ? "even" : "odd", ...(i < 3 ? { early: "yes" } : {}) };
    ids.set(name, (await create(client, name, labels)).id);
  }
  for (const name of ["delta", "beta"]) await client.updateConnector(ids.get(name) as string, { disabled: true });
});

afterAll(() => service.stop());

function create(owner: ConnectorClient, name: string, labels: Record<string, string> = {}) {
  return owner.createConnector({
    ...{ provider: "postgresql", name, labels, credential: { password: "p" } },
    config: { host: "h", database: "d", user: "u" },
  });
}

async function namesOf(request: ListRequest, owner = client): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of owner.listConnectors(request)) names.push(name);
  return names;
}

describe("a filter", () => {
  test.each<[string, ListRequest, string[]]>([
    ["nothing", {}, ["alpha", "alpha-1", "alpha-2", "alphabet", "beta", "delta", "gamma"]],
    ["a prefix", { filter: { namePrefix: "alpha-" } }, ["alpha-1", "alpha-2"]],
    ["a prefix with a percent sign", { filter: { namePrefix: "%" } }, []],
    ["a prefix with an underscore", { filter: { namePrefix: "alpha_" } }, []],
    ["a prefix with a backslash", { filter: { namePrefix: "\\" } }, []],
    ["a label", { filter: { labels: { team: "odd" } } }, ["alpha", "alpha-1", "alphabet"]],
    ["two labels", { filter: { labels: { team: "even", early: "yes" } } }, ["beta", "gamma"]],
    ["a label of another value", { filter: { labels: { team: "od" } } }, []],
    ["what is disabled", { filter: { disabled: true } }, ["beta", "delta"]],
    [
      "what is not disabled",
      { filter: { disabled: false, namePrefix: "a" } },
      ["alpha", "alpha-1", "alpha-2", "alphabet"],
    ],
    ["a provider", { filter: { providers: ["postgresql", "other"], namePrefix: "g" } }, ["gamma"]],
    ["a provider that is not there", { filter: { providers: ["other"] } }, []],
    [
      "all at once",
      { filter: { providers: ["postgresql"], namePrefix: "b", labels: { early: "yes" }, disabled: true } },
      ["beta"],
    ],
  ])("by %s gives what matches", async (_, request, expected) => {
    expect(await namesOf(request)).toEqual(expected);
  });

  test.each([
    ["filter.name_prefix", { namePrefix: "a\0" }],
    ["filter.labels", { labels: { team: "\0" } }],
    ["filter.labels", { labels: { "\0": "x" } }],
    ["filter.providers", { providers: ["\0"] }],
  ])("with a NUL in %s is refused", async (field, filter) => {
    await expect(namesOf({ filter })).rejects.toMatchObject({
      code: Code.InvalidArgument,
      fields: [{ field: expect.stringContaining(field) }],
    });
  });
});

describe("an order", () => {
  const byName = ["alpha", "alpha-1", "alpha-2", "alphabet", "beta", "delta", "gamma"];
  const byCreation = ["beta", "alpha-1", "gamma", "alpha", "delta", "alphabet", "alpha-2"];
  const byUpdate = ["alpha-1", "gamma", "alpha", "alphabet", "alpha-2", "delta", "beta"];

  test.each([
    [ConnectorOrder.UNSPECIFIED, byName],
    [ConnectorOrder.NAME, byName],
    [ConnectorOrder.CREATE_TIME, byCreation],
    [ConnectorOrder.UPDATE_TIME, byUpdate],
  ])("%i holds in both directions, whatever the size of the pages", async (orderBy, expected) => {
    for (const pageSize of [0, 1, 3, 7]) {
      expect(await namesOf({ orderBy, pageSize })).toEqual(expected);
      expect(await namesOf({ orderBy, pageSize, descending: true })).toEqual(expected.toReversed());
    }
  });

  test("by time tells connectors of the same millisecond apart", async () => {
    const crowd = service.clientFor(await service.tokenFor(`crowd-${randomUUID()}`, "connector.admin"));
    const names = Array.from({ length: 40 }, (_, i) => `c-${i}`);
    await Promise.all(names.map((name) => create(crowd, name)));
    for (const orderBy of [ConnectorOrder.CREATE_TIME, ConnectorOrder.UPDATE_TIME]) {
      expect((await namesOf({ orderBy, pageSize: 3 }, crowd)).toSorted()).toEqual(names.toSorted());
      expect((await namesOf({ orderBy, pageSize: 3, descending: true }, crowd)).toSorted()).toEqual(names.toSorted());
    }
  });
});

test("pages repeat nothing and miss nothing that was there all the time, while others come and go", async () => {
  const busy = service.clientFor(await service.tokenFor(`busy-${randomUUID()}`, "connector.admin"));
  const lasting = Array.from({ length: 30 }, (_, i) => `lasting-${String(i).padStart(2, "0")}`);
  await Promise.all(lasting.map((name) => create(busy, name)));
  const passing: string[] = [];
  for (let i = 0; i < 10; i++) passing.push((await create(busy, `a-passing-${i}`)).id);

  const seen: string[] = [];
  let pageToken = "";
  for (let round = 0; round === 0 || pageToken !== ""; round++) {
    const page = await busy.rpc.listConnectors({ pageSize: 4, pageToken });
    seen.push(...page.connectors.map(({ name }) => name));
    pageToken = page.nextPageToken;
    // One that stands before the page's end goes, others come on both of its sides.
    const gone = passing.shift();
    if (gone !== undefined) await busy.deleteConnector(gone);
    await create(busy, `a-new-${round}`);
    if (round < 5) await create(busy, `z-new-${round}`);
  }
  expect(new Set(seen).size).toBe(seen.length);
  expect(seen.filter((name) => name.startsWith("lasting"))).toEqual(lasting);
});

test("a page holds at most what was asked for, and never more than 500", async () => {
  const organizationId = `crowd-${randomUUID()}`;
  await run(
    service.storeUrl,
    `INSERT INTO connector (id, organization_id, provider, name, config, create_time, update_time)
     SELECT gen_random_uuid(), $1, 'postgresql', 'c-' || i, '{}', now(), now() FROM generate_series(1, 501) i`,
    [organizationId],
  );
  const crowd = service.clientFor(await service.tokenFor(organizationId, "connector.read"));
  expect((await crowd.rpc.listConnectors({})).connectors).toHaveLength(50);
  expect((await crowd.rpc.listConnectors({ pageSize: 2 })).connectors).toHaveLength(2);
  expect((await crowd.rpc.listConnectors({ pageSize: 2_000_000_000 })).connectors).toHaveLength(500);
  expect(await namesOf({ pageSize: 500 }, crowd)).toHaveLength(501);
  await expect(client.rpc.listConnectors({ pageSize: -1 })).rejects.toMatchObject({ code: Code.InvalidArgument });
});

describe("a page token", () => {
  const invalid = { code: Code.InvalidArgument, reason: "INVALID_PAGE_TOKEN" };
  const next = (owner: ConnectorClient, request: ListRequest) =>
    owner.listConnectors(request)[Symbol.asyncIterator]().next();

  test("of another request is refused, and of the same one good with another page size", async () => {
    const { nextPageToken: pageToken } = await client.rpc.listConnectors({ pageSize: 2 });
    for (const other of [
      { descending: true },
      { orderBy: ConnectorOrder.CREATE_TIME },
      { filter: { namePrefix: "a" } },
    ]) {
      await expect(next(client, { ...other, pageToken })).rejects.toMatchObject(invalid);
    }
    expect(await namesOf({ pageSize: 5, pageToken })).toHaveLength(5);
  });

  test("of another organization is refused", async () => {
    const { nextPageToken: pageToken } = await client.rpc.listConnectors({ pageSize: 2 });
    const stranger = service.clientFor(await service.tokenFor("globex", "connector.admin"));
    await expect(next(stranger, { pageToken })).rejects.toMatchObject(invalid);
  });

  test.each(["x", "%%%", "AAAA", "x".repeat(4096)])("that the service did not make is refused", async (pageToken) => {
    await expect(next(client, { pageToken })).rejects.toMatchObject(invalid);
  });
});
