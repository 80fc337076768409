/** Page tokens that lead nowhere: made up, changed, borrowed or too old. */
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import type { ConnectorClient, QueryInput } from "../../src/client/index.ts";
import { connectorTo } from "../support/service.ts";
import { newConnector } from "./overrides.ts";
import { cities, expectAllAsBefore, refusalOf } from "./refusal.ts";
import { type Source, serviceWithSource } from "./source.ts";

let source: Source;

beforeAll(async () => {
  source = await serviceWithSource(cities);
});
afterEach(async () => {
  vi.useRealTimers();
  await expectAllAsBefore(source);
});
afterAll(() => source.stop());

const query: QueryInput = { resource: "city", orderBy: ["id"] };

async function firstToken(): Promise<string> {
  const page = await source.client.query(source.connectorId, query, { pageSize: 1 });
  expect(page.nextPageToken).not.toBe("");
  return page.nextPageToken;
}

async function expectRefused(message: RegExp, call: Promise<unknown>): Promise<void> {
  const refusal = await refusalOf(call);
  expect(refusal).toMatchObject({
    code: "InvalidArgument",
    reason: "INVALID_PAGE_TOKEN",
    where: "request",
    fields: ["page_token"],
  });
  expect(refusal.message).toMatch(message);
  expect(refusal.remedy).toContain("Start again from the first page");
}

test.each([
  ["a word", () => "garbage"],
  ["what is no base64", () => "%%%%"],
  ["a NUL", () => "\0"],
  ["a position in the clear", () => Buffer.from('[1,["1"]]').toString("base64url")],
  ["random bytes", () => Buffer.from(crypto.getRandomValues(new Uint8Array(200))).toString("base64url")],
  ["a token that was cut", async () => (await firstToken()).slice(0, -4)],
  ["a token with a changed letter", async () => (await firstToken()).replace(/.(?=.{20}$)/, other)],
  ["a token with something behind it", async () => `${await firstToken()}AAAA`],
])("%s is no page token", async (_what, make) => {
  const pageToken = await make();
  await expectRefused(/was not made by this service/, source.client.query(source.connectorId, query, { pageToken }));
});

const other = (letter: string) => (letter === "A" ? "B" : "A");

describe("a page token leads on from its own page only", () => {
  test.each<[string, QueryInput]>([
    ["with other fields", { ...query, fields: ["id"] }],
    ["with another filter", { ...query, where: { country: "DE" } }],
    ["in another order", { ...query, orderBy: ["-id"] }],
    ["with another limit", { ...query, limit: 2 }],
    ["of another resource", { resource: "journal" }],
    ["of a statement", { native: "SELECT 1" }],
  ])("not in a query %s", async (_what, changed) => {
    const pageToken = await firstToken();
    const call = source.client.query(source.connectorId, changed, { pageToken });
    await expectRefused(/belongs to another request/, call);
  });

  test("not in another connector, even to the same source", async () => {
    const [pageToken, id] = [await firstToken(), await newConnector(source, {})];
    await expectRefused(/belongs to another request/, source.client.query(id, query, { pageToken }));
  });

  test("not in another organization, even with the same query of the same source", async () => {
    const pageToken = await firstToken();
    const stranger = await strangerTo(source);
    const { id } = await stranger.createConnector(connectorTo(source.url));
    await expectRefused(/belongs to another request/, stranger.query(id, query, { pageToken }));
    const refusal = await refusalOf(stranger.query(source.connectorId, query, { pageToken }));
    expect(refusal).toMatchObject({ code: "NotFound", reason: "NOT_FOUND" });
  });

  test("not in another kind of call", async () => {
    const pageToken = await firstToken();
    await expectRefused(/belongs to another request/, source.client.getSchema(source.connectorId, { pageToken }));
    await expectRefused(/belongs to another request/, source.client.rpc.listConnectors({ pageToken }));
  });

  test("and not after a day", async () => {
    const pageToken = await firstToken();
    vi.useFakeTimers({ toFake: ["Date"] });
    vi.setSystemTime(Date.now() + 24 * 60 * 60 * 1_000 + 1);
    await expectRefused(/has expired/, source.client.query(source.connectorId, query, { pageToken }));
  });

  test("but with pages of another size", async () => {
    const pageToken = await firstToken();
    const page = await source.client.query(source.connectorId, query, { pageToken, pageSize: 50 });
    expect(page.rows.map((row) => row.name)).toEqual(["Chur", "Ulm"]);
  });
});

async function strangerTo({ service }: Source): Promise<ConnectorClient> {
  return service.clientFor(await service.tokenFor("strangers", "connector.admin"));
}

describe("the order of a map's entries, which some clients vary from call to call, makes no other request", () => {
  test("of a query's short filter", async () => {
    const where = { id: [1, 2, 3], country: ["CH", "DE", "FR", "IT"] };
    const turned = { country: where.country, id: where.id };
    const first = await source.client.query(source.connectorId, { ...query, where }, { pageSize: 1 });
    expect(first.nextPageToken).not.toBe("");
    const { nextPageToken: pageToken } = first;
    const next = await source.client.query(source.connectorId, { ...query, where: turned }, { pageToken });
    expect(next.rows.length).toBeGreaterThan(0);
  });

  test("of a list's labels", async () => {
    const labels = { team: "sales", stage: "live" };
    for (const name of ["labelled-a", "labelled-b"]) {
      await source.client.createConnector({ ...connectorTo(source.url, name), labels });
    }
    const first = await source.client.rpc.listConnectors({ filter: { labels }, pageSize: 1 });
    const next = await source.client.rpc.listConnectors({
      filter: { labels: { stage: labels.stage, team: labels.team } },
      pageToken: first.nextPageToken,
    });
    expect([...first.connectors, ...next.connectors].map(({ name }) => name)).toEqual(["labelled-a", "labelled-b"]);
  });
});
