/** The whole service, with its own database behind pgbouncer in transaction mode. */
import { afterAll, beforeAll, expect, inject, test, vi } from "vitest";
import { patience } from "../support/patience.ts";
import { type PgBouncer, pgbouncer } from "../support/pgbouncer.ts";
import { type FreshDatabase, freshDatabase } from "../support/postgres.ts";
import { connectorTo, type TestService, testService } from "../support/service.ts";
import { run } from "./customer.ts";
import { counted } from "./metrics.ts";

let pooler: PgBouncer;
let service: TestService;
let customer: FreshDatabase;

beforeAll(async () => {
  pooler = await pgbouncer(inject("postgresUrl"), 2);
  [service, customer] = await Promise.all([testService({ METRICS_PORT: "0" }, pooler.through), freshDatabase()]);
  await run(customer.url, "CREATE TABLE place AS SELECT generate_series(1, 3) AS id");
});

afterAll(async () => {
  await service.stop();
  await customer.drop();
  await pooler.stop();
});

test("connectors are made, used, listed and kept apart, and their calls are in the history", async () => {
  const { client } = service;
  const stranger = service.clientFor(await service.tokenFor("globex", "connector.admin"));
  const { id } = await client.createConnector(connectorTo(customer.url, "apart"));
  // Many at once, so that transactions of both organizations follow each other on each connection.
  const calls = Array.from({ length: 40 }, async (_, i) => {
    if (i % 2 === 0) return (await client.query(id, { resource: "place" })).rows.length;
    await expect(stranger.getConnector(id)).rejects.toMatchObject({ reason: "NOT_FOUND" });
    return (await Array.fromAsync(stranger.listConnectors())).length;
  });
  expect(await Promise.all(calls)).toEqual(calls.map((_, i) => (i % 2 === 0 ? 3 : 0)));
  await vi.waitFor(async () => {
    const { queries } = await client.rpc.listQueries({ connectorId: id });
    expect(queries).toHaveLength(20);
  }, patience);
});

test("it knows that it isn't told of changes, and each call finds them in the store", async () => {
  const { id } = await service.client.createConnector(connectorTo(customer.url, "changed"));
  await vi.waitFor(async () => {
    expect(await metricsText()).toContain('connector_shared_state_up{part="changes"} 0');
  }, patience);
  const first = await service.client.query(id, { resource: "place" });
  expect(first.rows).toHaveLength(3);
  // By hand, as another replica would.
  await run(service.storeUrl, "UPDATE connector SET disabled = true WHERE id = $1", [id]);
  await expect(service.client.query(id, { resource: "place" })).rejects.toMatchObject({ reason: "CONNECTOR_DISABLED" });
  expect(await counted(service, "connector_shared_state_up", { part: "changes" })).toBe(0);
});

async function metricsText(): Promise<string> {
  return (await fetch(service.metricsUrl)).text();
}
