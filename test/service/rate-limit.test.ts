/** How many calls a second a connector and an organization may make. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ConnectorClient, ConnectorError } from "../../src/client/index.ts";
import { anew } from "../support/patience.ts";
import { connectorTo } from "../support/service.ts";
import { counted } from "./metrics.ts";
import { type Source, serviceWithSource } from "./source.ts";

let source: Source;
/** Where all of an organization's connectors together may make three calls a second. */
let limited: Source;

beforeAll(async () => {
  [source, limited] = await Promise.all([
    serviceWithSource("", { METRICS_PORT: "0" }),
    serviceWithSource("", { CALLS_PER_SECOND_PER_ORGANIZATION: "3" }),
  ]);
});
afterAll(() => Promise.all([source.stop(), limited.stop()]));

/** Calls a second: one in a window that ends with no test. */
const seldom = 0.002;

async function newConnector(policy: object, { client, url }: Pick<Source, "client" | "url"> = source) {
  return (await client.createConnector({ ...connectorTo(url, `c-${crypto.randomUUID()}`), policy })).id;
}

const ask = (connectorId: string, client: ConnectorClient = source.client) =>
  client.query(connectorId, { native: "SELECT 1 AS one" });

/** Calls at the same time: how many were answered, and what the others were told. */
async function burst(calls: readonly Promise<unknown>[]) {
  const outcomes = await Promise.allSettled(calls);
  const refusals = outcomes.flatMap((each) => (each.status === "rejected" ? [ConnectorError.from(each.reason)] : []));
  return { answered: outcomes.length - refusals.length, refusals };
}

test(
  "calls beyond the connector's policy are refused, and pass when they have waited as long as they were told",
  anew,
  async () => {
    const id = await newConnector({ callsPerSecond: 2 });
    const { answered, refusals } = await burst([ask(id), ask(id), ask(id)]);
    expect(answered).toBe(2);
    const [refusal] = refusals;
    expect(refusal).toMatchObject({
      ...{ code: 8, reason: "RATE_LIMITED", where: "rate_limit" },
      metadata: { limit: "connector", calls_per_second: "2", connector: id },
    });
    const waitMs = refusal?.retryAfterMs ?? 0;
    expect(waitMs).toBeGreaterThan(0);
    expect(waitMs).toBeLessThanOrEqual(1_000);
    await new Promise((resolve) => setTimeout(resolve, waitMs));
    expect((await ask(id)).rows).toHaveLength(1);
  },
);

test("a stream and a test of the connector are calls like any other", async () => {
  const id = await newConnector({ callsPerSecond: seldom });
  await ask(id);
  const stream = Array.fromAsync(source.client.stream(id, { native: "SELECT 1" }));
  await expect(stream).rejects.toMatchObject({ reason: "RATE_LIMITED" });
  await expect(source.client.testConnector(id)).rejects.toMatchObject({ reason: "RATE_LIMITED" });
});

test("a limit that only observes refuses nothing, and counts", async () => {
  const id = await newConnector({ callsPerSecond: seldom, observeOnly: true });
  const labels = { limit: "connector", enforced: "false" };
  const before = await counted(source.service, "connector_rate_limited_total", labels);
  const { answered } = await burst(Array.from({ length: 5 }, () => ask(id)));
  expect(answered).toBe(5);
  expect((await counted(source.service, "connector_rate_limited_total", labels)) - before).toBe(4);
});

test("another connector is not held to it", async () => {
  const [one, other] = [await newConnector({ callsPerSecond: seldom }), await newConnector({})];
  const { answered } = await burst([ask(one), ask(one), ask(one), ask(other), ask(other), ask(other)]);
  expect(answered).toBe(4);
});

test("an updated policy holds at once", async () => {
  const id = await newConnector({ callsPerSecond: seldom });
  expect((await burst([ask(id), ask(id)])).answered).toBe(1);
  await source.client.updateConnector(id, { policy: {} }, { updateMask: ["policy"] });
  expect((await burst([ask(id), ask(id)])).answered).toBe(2);
  await source.client.updateConnector(id, { policy: { callsPerSecond: 2 * seldom } });
  expect((await burst([ask(id), ask(id), ask(id), ask(id)])).answered).toBe(1);
});

test("an organization's limit binds its connectors together, and no other organization's", anew, async () => {
  const { service, client, url } = limited;
  const other = service.clientFor(await service.tokenFor("globex", "connector.admin"));
  const ids = [await newConnector({}, limited), await newConnector({}, limited)] as const;
  const others = await newConnector({}, { client: other, url });
  const calls = Array.from({ length: 6 }, (_, i) => ask(ids[i % 2] as string, client));
  const [own, anothers] = await Promise.all([burst(calls), burst(Array.from({ length: 3 }, () => ask(others, other)))]);
  expect([own.answered, anothers.answered]).toEqual([3, 3]);
  for (const refusal of own.refusals) {
    expect(refusal).toMatchObject({ reason: "RATE_LIMITED", metadata: { limit: "organization" } });
  }
});
