/** What a filter carries is compared as text, whatever it would mean to the store's ORM. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type FreshDatabase, freshDatabase } from "../support/postgres.ts";
import { connectorTo, type TestService, testService } from "../support/service.ts";
import { run } from "./customer.ts";

let service: TestService;
let customer: FreshDatabase;
let connectorId: string;

beforeAll(async () => {
  [service, customer] = await Promise.all([testService(), freshDatabase()]);
  await run(customer.url, "CREATE TABLE place AS SELECT 1 AS id");
  const stranger = service.clientFor(await service.tokenFor("globex", "connector.admin"));
  for (const client of [service.client, stranger]) {
    for (const name of ["one", "two"]) {
      const { id } = await client.createConnector({
        ...connectorTo(customer.url, name),
        labels: { team: "data", name },
      });
      if (client === service.client) connectorId = id;
    }
  }
  await service.client.query(connectorId, { resource: "place" });
});

afterAll(async () => {
  await service.stop();
  await customer.drop();
});

interface Answer {
  readonly status: number;
  readonly connectors?: readonly { readonly name: string }[];
  readonly queries?: readonly unknown[];
  readonly code?: string;
}

/** A request as no client of ours would write it. */
async function post(method: string, body: string): Promise<Answer> {
  const response = await fetch(`${service.url}/connector.v1.ConnectorService/${method}`, {
    method: "POST",
    headers: { authorization: `Bearer ${service.token}`, "content-type": "application/json" },
    body,
  });
  return { status: response.status, ...((await response.json()) as object) };
}

const operators = [
  '{"$ne":""}',
  '{"$like":"%"}',
  '{"$in":["one"]}',
  '{"$not":null}',
  '{"toString":1}',
  '["%"]',
  "[[]]",
];
const structures = [
  ...operators.map((operator) => `{"providers":[${operator}]}`),
  ...operators.map((operator) => `{"namePrefix":${operator}}`),
  ...operators.map((operator) => `{"labels":{"team":${operator}}}`),
  '{"labels":["team"]}',
  '{"providers":{"$ne":[]}}',
  '{"disabled":{"$ne":null}}',
];

test.each(structures)("the connectors' filter %s is refused", async (filter) => {
  expect(await post("ListConnectors", `{"filter":${filter}}`)).toMatchObject({ status: 400, code: "invalid_argument" });
});

test.each(['{"$or":[{}]}', '{"organizationId":"globex"}', '{"__proto__":{"namePrefix":"x"}}', '{"constructor":{}}'])(
  "what the contract does not know in the filter %s finds what an empty one does, or is refused",
  async (filter) => {
    const { status, connectors = [] } = await post("ListConnectors", `{"filter":${filter}}`);
    if (status !== 400) expect(connectors.map(({ name }) => name)).toEqual(["one", "two"]);
  },
);

const texts = [
  "$ne",
  "$or",
  "$not",
  "$raw",
  "%",
  "_",
  "\\",
  "__proto__",
  "constructor",
  "' OR true --",
  "[object Object]",
  "{}",
];

test.each(texts)("the text %j means itself, in each place of a filter", async (text) => {
  const quoted = JSON.stringify(text);
  const filters = [
    `{"labels":{${quoted}:"data"}}`,
    `{"labels":{"team":${quoted}}}`,
    `{"labels":{"team":"data",${quoted}:"x"}}`,
    `{"providers":[${quoted}]}`,
    `{"namePrefix":${quoted}}`,
  ];
  for (const filter of filters) {
    const { status, connectors = [] } = await post("ListConnectors", `{"filter":${filter}}`);
    expect([filter, status, connectors]).toEqual([filter, 200, []]);
  }
  for (const field of ["principal", "agent"]) {
    const { status, queries = [] } = await post("ListQueries", JSON.stringify({ connectorId, [field]: text }));
    expect([field, status, queries]).toEqual([field, 200, []]);
  }
});

test.each(operators)("the history's filter by %s is refused", async (operator) => {
  for (const field of ["principal", "agent", "connectorId"]) {
    const answer = await post("ListQueries", `{"connectorId":"${connectorId}","${field}":${operator}}`);
    expect(answer).toMatchObject({ status: 400, code: "invalid_argument" });
  }
});

test.each(['{"key":{"$ne":null},"id":{"$gt":""}}', '{"time":{"$gt":0},"id":null}'])(
  "a page token that says %s leads nowhere",
  async (position) => {
    for (const pageToken of [position, Buffer.from(position).toString("base64url")]) {
      for (const [method, request] of [
        ["ListConnectors", { pageToken }],
        ["ListQueries", { pageToken, connectorId }],
      ] as const) {
        expect(await post(method, JSON.stringify(request))).toMatchObject({ status: 400, code: "invalid_argument" });
      }
    }
  },
);

test("the filters that are meant find what they name", async () => {
  const named = async (filter: object) =>
    (await post("ListConnectors", JSON.stringify({ filter }))).connectors?.map(({ name }) => name);
  expect(await named({ labels: { team: "data" } })).toEqual(["one", "two"]);
  expect(await named({ labels: { team: "data", name: "two" }, namePrefix: "t", providers: ["postgresql"] })).toEqual([
    "two",
  ]);
  expect((await post("ListQueries", JSON.stringify({ connectorId, principal: "tester" }))).status).toBe(200);
});
