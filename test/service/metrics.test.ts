import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createConnectorClient } from "../../src/client/index.ts";
import { connectorTo } from "../support/service.ts";
import { counted } from "./metrics.ts";
import { type Source, serviceWithSource } from "./source.ts";

/** Takes spans, so that calls are traced. */
const collector = createServer((request, response) => request.resume().once("end", () => response.end()));
let source: Source;

beforeAll(async () => {
  await new Promise<void>((resolve) => collector.listen(0, "127.0.0.1", resolve));
  const { port } = collector.address() as AddressInfo;
  source = await serviceWithSource("CREATE TABLE place AS SELECT generate_series(1, 1000) AS id", {
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
    METRICS_CONNECTORS: "1",
    BUILD_COMMIT: "0123abc",
  });
});

afterAll(async () => {
  await source?.stop();
  collector.closeAllConnections();
  collector.close();
});

/** The value of a metric; 0 when there is none. */
const now = (name: string, labels?: Readonly<Record<string, string>>) => counted(source.service, name, labels);

/** How much a metric grows while something is done, and maybe a little after. */
async function growth(name: string, labels: Readonly<Record<string, string>>, work: () => Promise<unknown>) {
  const before = await now(name, labels);
  await work();
  return { toBe: (more: number) => expect.poll(async () => (await now(name, labels)) - before).toBe(more) };
}

test("RPCs are counted by what their callers were told, those too that were refused unread", async () => {
  const { client, connectorId, service } = source;
  const stranger = createConnectorClient({ url: service.url, token: "csk.nobody.nothing" });
  const query = () => client.query(connectorId, { resource: "place" });
  const failing = (work: () => Promise<unknown>) => () => work().catch(() => {});
  const rpcs = (labels: Readonly<Record<string, string>>, work: () => Promise<unknown>) =>
    growth("connector_rpcs_total", { method: "Query", ...labels }, work);

  await (await rpcs({ code: "ok", reason: "none" }, query)).toBe(1);
  const absent = failing(() => client.query(connectorId, { resource: "nowhere" }));
  await (await rpcs({ code: "invalid_argument", reason: "unknown_resource" }, absent)).toBe(1);
  const refused = failing(() => stranger.query(connectorId, { resource: "place" }));
  await (await rpcs({ code: "unauthenticated", reason: "unauthenticated" }, refused)).toBe(1);
  await (await growth("connector_rpc_duration_seconds_count", { method: "Query" }, query)).toBe(1);
  await stranger.close();
});

test("a denial is counted, and so is its entry in the audit log", async () => {
  const { connectorId, service } = source;
  const reader = service.clientFor(await service.tokenFor("acme", "connector.read"));
  const work = () => reader.query(connectorId, { resource: "place" }).catch(() => {});
  const entries = { event: "permission.deny", outcome: "denied" };
  const audited = await growth("connector_audit_entries_total", entries, async () => {
    await (await growth("connector_denials_total", { method: "Query" }, work)).toBe(1);
  });
  await audited.toBe(1);
});

test("a connection that the policy forbids is counted", async () => {
  const { client, url } = source;
  const given = connectorTo(url, "forbidden");
  const { id } = await client.createConnector({ ...given, config: { ...given.config, host: "10.255.255.1" } });
  const refused = await growth("connector_egress_refusals_total", {}, () => client.testConnector(id));
  await refused.toBe(1);
  await client.deleteConnector(id);
});

test("a stream is open until its reader leaves, and has its rows counted by then", async () => {
  const { client, connectorId } = source;
  const labels = { provider: "postgresql" };
  expect(await now("connector_streams_open")).toBe(0);
  const opened = await growth("connector_streams_opened_total", labels, async () => {
    const rows = client.stream(connectorId, { resource: "place" })[Symbol.asyncIterator]();
    await rows.next();
    await rows.return?.();
  });
  await opened.toBe(1);
  await expect.poll(() => now("connector_streams_open")).toBe(0);
  const streamed = { method: "StreamQuery", ...labels };
  const all = async () => {
    for await (const _ of client.stream(connectorId, { resource: "place" }));
  };
  await (await growth("connector_rows_total", streamed, all)).toBe(1_000);
  expect(await now("connector_bytes_total", streamed)).toBeGreaterThan(1_000);
});

test("what the service lives on is read at each scrape", async () => {
  await source.client.testConnector(source.connectorId);
  expect(await now("connector_store_up")).toBe(1);
  expect(await now("connector_keys", { state: "primary" })).toBe(1);
  expect(await now("connector_key_operations_total", { operation: "wrap", outcome: "done" })).toBeGreaterThan(0);
  expect(await now("connector_sessions")).toBeGreaterThan(0);
  expect(await now("connector_pool_connections_max")).toBe(500);
  expect(await now("connector_pool_connections_opened_total")).toBeGreaterThan(0);
  expect(await now("connector_bulkhead_permits")).toBe(400);
  expect(await now("connector_draining")).toBe(0);
  expect(await now("connector_build_info", { commit: "0123abc" })).toBe(1);
  // All that was told has its place in the chain within a second or so.
  await expect.poll(() => now("connector_audit_backlog", { task: "link" })).toBe(0);
  await expect.poll(() => now("connector_audit_lag_seconds")).toBe(0);
});

test("the traces of calls are exemplars of how long they took, at the edge, in the pipeline and at the source", async () => {
  const { client, connectorId, service } = source;
  await client.query(connectorId, { resource: "place" });
  const accept = "application/openmetrics-text; version=1.0.0";
  const body = await (await fetch(service.metricsUrl, { headers: { accept } })).text();
  const exemplars = (name: string) =>
    [...body.matchAll(new RegExp(`^${name}_bucket\\{.*\\} \\d+ # \\{trace_id="([\\da-f]{32})"\\}`, "gm"))].map(
      ([, id]) => id,
    );
  const [rpcs, calls, attempts] = ["rpc", "call", "attempt"].map((what) =>
    exemplars(`connector_${what}_duration_seconds`),
  );
  expect(rpcs?.length).toBeGreaterThan(0);
  // It is the same trace, if nothing was faster or slower since.
  expect(calls?.filter((id) => rpcs?.includes(id)).length).toBeGreaterThan(0);
  expect(attempts?.filter((id) => calls?.includes(id)).length).toBeGreaterThan(0);
});

test("as many connectors are named as the operator wants, and the others are one", async () => {
  const { client, connectorId, service } = source;
  const other = await client.createConnector(connectorTo(source.url, "another"));
  await client.query(other.id, { resource: "place" }).catch(() => {});
  expect(await now("connector_top_calls_total", { connector: connectorId })).toBeGreaterThan(0);
  expect(await now("connector_top_calls_total", { connector: "other" })).toBeGreaterThan(0);
  expect(await (await fetch(service.metricsUrl)).text()).not.toContain(other.id);
});
