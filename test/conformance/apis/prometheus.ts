import type { OwnPrometheus } from "../../support/prometheus.ts";
import type { Target } from "../fixture.ts";
import type { ReadOnlyApi, ReadOnlyFixture } from "../read-only/api.ts";
import { answerOf } from "./answer.ts";
import { baseUrl, withBase } from "./network.ts";

const text = { name: "value", path: "", type: "string", nullable: false };
const at = (path: string) => ({ format: "json", path });

/** Prometheus's HTTP API, as its documentation describes it. https://prometheus.io/docs/prometheus/latest/querying/api/ */
const resources = [
  { name: "labels", path: "/labels", rows: at("/data"), fields: [text] },
  {
    ...{ name: "label_values", path: "/label/{label}/values", rows: at("/data") },
    fields: [text, { name: "label", type: "string", parameter: true }],
    filters: [{ field: "label", parameter: { path: "label" } }],
  },
  {
    ...{ name: "alerts", path: "/alerts", rows: at("/data/alerts") },
    fields: [
      { name: "name", path: "/labels/alertname", type: "string" },
      { name: "state", type: "enum", labels: ["pending", "firing"] },
      { name: "labels", type: "json" },
      { name: "activeAt", type: "timestamp_tz" },
    ],
  },
  // What nobody has declared the fields of.
  { name: "rules", path: "/rules", rows: at("/data/groups/0/rules") },
  { name: "metadata", path: "/metadata", rows: at("/data") },
  {
    ...{ name: "query", path: "/query", rows: at("/data/result") },
    fields: [
      { name: "team", path: "/metric/team", type: "string" },
      { name: "metric", type: "json" },
      { name: "time", path: "/value/0", type: "timestamp_tz", format: "epoch_seconds" },
      { name: "value", path: "/value/1", type: "double" },
      { name: "query", type: "string", parameter: true },
    ],
    filters: [{ field: "query" }],
  },
  {
    ...{ name: "targets", path: "/targets", rows: at("/data/activeTargets") },
    fields: [
      { name: "scrapePool", type: "string", nullable: false },
      { name: "health", type: "enum", labels: ["unknown", "up", "down"] },
      { name: "lastScrape", type: "timestamp_tz" },
      { name: "lastScrapeDuration", type: "double" },
    ],
    filters: [{ field: "scrapePool", parameter: "scrapePool" }],
  },
];

export const prometheusFixture = (server: () => OwnPrometheus): ReadOnlyFixture => ({
  name: "Prometheus's API",
  unchanged: "alerts",
  network: baseUrl,
  mistakes: {
    database: withBase((base) => `${base}/nowhere`),
    tls: withBase((base) => base.replace("http:", "https:")),
  },
  open: async () => prometheusApi(server()),
});

export function prometheusApi({ url }: OwnPrometheus): ReadOnlyApi {
  const asked = (path: string, ...names: string[]) => answerOf(`${url}/api/v1${path}`, ["data", ...names]);
  const none = { type: "none" };
  const config = { base_url: `${url}/api/v1`, authentication: none, test: { path: "/status/buildinfo" }, resources };
  const target: Target = { config, credential: none };
  const query = "conformance_answer";
  return {
    target: async () => target,
    readings: [
      {
        query: { resource: "label_values", where: { label: "team" } },
        rows: () => asked("/label/team/values"),
        paths: { value: "", label: undefined },
      },
      { query: { resource: "alerts" }, rows: () => asked("/alerts", "alerts"), paths: { name: "/labels/alertname" } },
      {
        query: { resource: "query", fields: ["team", "metric", "value", "query"], where: { query } },
        rows: () => asked(`/query?query=${query}`, "result"),
        paths: { team: "/metric/team", value: "/value/1", query: undefined },
      },
    ],
  };
}
