import type { TestService } from "../../support/service.ts";
import type { ReadOnlyApi, ReadOnlyFixture } from "../read-only/api.ts";
import { answerOf } from "./answer.ts";
import { baseUrl, withBase } from "./network.ts";

const connectors = 5;

export const serviceFixture = (service: () => TestService): ReadOnlyFixture => ({
  name: "this service's REST interface",
  unchanged: "providers",
  network: baseUrl,
  lacks: ["required_filter"],
  mistakes: {
    credential: ({ config }) => ({ config, credential: { type: "bearer", token: "no.token" } }),
    database: withBase((base) => `${base}/nowhere`),
    tls: withBase((base) => base.replace("http:", "https:")),
  },
  open: () => serviceApi(service()),
});

/** This service's own REST interface, by the OpenAPI document that it serves. */
async function serviceApi({ url, token, client }: TestService): Promise<ReadOnlyApi> {
  const config = { base_url: "https://api.example.com", authentication: { type: "none" } };
  const named = (i: number) => ({ provider: "rest", name: `c${i}`, config, credential: { type: "none" } });
  for (let i = 0; i < connectors; i++) await client.createConnector(named(i));
  const { id } = await client.createConnector(named(connectors));
  const headers = { authorization: `Bearer ${token}` };
  const asked = (path: string, ...names: string[]) => answerOf(`${url}/api/${path}`, names, { headers });
  const target = {
    config: {
      base_url: url,
      authentication: { type: "bearer" },
      ...{ openapi: { path: "/openapi.json" }, test: { path: "/api/connectors" } },
    },
    credential: { type: "bearer", token },
  };
  return {
    target: async () => target,
    readings: [
      { query: { resource: "connectors" }, rows: () => asked("connectors", "connectors") },
      { query: { resource: "connectors", where: { id } }, rows: () => asked(`connectors/${id}`) },
      { query: { resource: "api-keys" }, rows: () => asked("api-keys", "apiKeys") },
      { query: { resource: "providers" }, rows: () => asked("providers", "providers"), isLarge: true },
    ],
  };
}
