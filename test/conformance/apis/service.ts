import type { TestService } from "../../support/service.ts";
import type { Target } from "../fixture.ts";
import type { ReadOnlyApi, ReadOnlyFixture } from "../read-only/api.ts";
import { answerOf } from "./answer.ts";
import { baseUrl, withBase } from "./network.ts";

const connectors = 5;
const fields = [
  { name: "id", type: "uuid", nullable: false },
  { name: "name", type: "string", nullable: false },
  { name: "config", type: "json" },
  { name: "createTime", type: "timestamp_tz" },
];

export const serviceFixture = (service: () => TestService): ReadOnlyFixture => ({
  name: "this service",
  network: baseUrl,
  mistakes: {
    credential: ({ config }) => ({ config, credential: { type: "bearer", token: "no.token" } }),
    database: withBase((base) => `${base}/nowhere`),
    tls: withBase((base) => base.replace("http:", "https:")),
  },
  open: () => serviceApi(service()),
});

/** This service's own HTTP interface, with connectors that are listed in pages of two. */
async function serviceApi({ url, token, client }: TestService): Promise<ReadOnlyApi> {
  for (let i = 0; i < connectors; i++) {
    const config = { base_url: "https://api.example.com", authentication: { type: "none" } };
    await client.createConnector({ provider: "rest", name: `c${i}`, config, credential: { type: "none" } });
  }
  const base = `${url}/connector.v1.ConnectorService`;
  const asked = (method: string, ...names: string[]) =>
    answerOf(`${base}/${method}`, names, { body: {}, headers: { authorization: `Bearer ${token}` } });
  return {
    target: async () => targetOf(base, token),
    readings: [
      { query: { resource: "connectors" }, rows: () => asked("ListConnectors", "connectors") },
      { query: { resource: "providers" }, rows: () => asked("ListProviders", "providers"), isLarge: true },
    ],
  };
}

function targetOf(base: string, token: string): Target {
  const size = { parameter: { body: "/pageSize" }, max: 2 };
  const paging = { style: "token", parameter: { body: "/pageToken" }, next: "/nextPageToken", size };
  const rows = (path: string) => ({ rows: { format: "json", path } });
  const resources = [
    { name: "connectors", path: "/ListConnectors", method: "POST", ...rows("/connectors"), fields, paging },
    // What only reads, the Connect protocol takes by GET, too.
    {
      name: "providers",
      path: "/ListProviders",
      query: { connect: "v1", encoding: "json", message: "{}" },
      ...rows("/providers"),
    },
  ];
  return {
    config: { base_url: base, authentication: { type: "bearer" }, resources },
    credential: { type: "bearer", token },
  };
}
