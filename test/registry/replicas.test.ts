/** A connector that is changed or deleted through one replica, or by hand, as the other one's callers see it. */
import pg from "pg";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type Source, serviceWithSource, until } from "../service/source.ts";
import { patience } from "../support/patience.ts";
import { type TestService, testService } from "../support/service.ts";
import { stopwatch } from "../support/stopwatch.ts";

/** Far less than a cache that waits for its age. */
const soonMs = 1_000;
const connections = `SELECT count(*) FROM pg_stat_activity
  WHERE application_name = 'connector-service' AND datname = current_database()`;

let one: Source;
let other: TestService;
let store: pg.Client;

beforeAll(async () => {
  one = await serviceWithSource("CREATE TABLE t AS SELECT 1 AS x");
  other = await testService({ DATABASE_URL: one.service.storeUrl });
  store = new pg.Client({ connectionString: one.service.storeUrl });
  await store.connect();
});

afterAll(async () => {
  await store.end();
  await other.stop();
  await one.stop();
});

/** What becomes of a call through the other replica: `answered`, or the reason of its refusal. */
async function throughTheOther(): Promise<string> {
  const client = other.clientFor(one.service.token);
  return client.query(one.connectorId, { native: "SELECT 1 AS x" }).then(
    () => "answered",
    (error: { reason?: string }) => error.reason ?? String(error),
  );
}

async function expectSoon(outcome: string): Promise<void> {
  const took = stopwatch();
  await vi.waitUntil(async () => (await throughTheOther()) === outcome, patience);
  expect(took()).toBeLessThan(soonMs);
}

/** A stream through the other replica that has not ended when something else happens. */
function endless() {
  const client = other.clientFor(one.service.token);
  return client.stream(one.connectorId, { native: "SELECT generate_series(1, 100000000) AS i" });
}

async function readOn(rows: AsyncIterator<unknown>): Promise<void> {
  while (!(await rows.next()).done);
}

test("a stream that runs through the other replica ends when its connector is disabled, with the reason", async () => {
  const rows = endless()[Symbol.asyncIterator]();
  await rows.next();
  await one.client.updateConnector(one.connectorId, { disabled: true });
  await expect(readOn(rows)).rejects.toMatchObject({ reason: "CONNECTOR_DISABLED" });
  await until(one, connections, "0");
  await one.client.updateConnector(one.connectorId, { disabled: false });
  await expectSoon("answered");
});

test("is refused at once when it is disabled, answers when it is enabled, and is gone when it is deleted by hand", async () => {
  expect(await throughTheOther()).toBe("answered");
  await one.client.updateConnector(one.connectorId, { disabled: true });
  await expectSoon("CONNECTOR_DISABLED");
  // Nobody uses it: what it had opened is closed all the same.
  await until(one, connections, "0");
  await one.client.updateConnector(one.connectorId, { disabled: false });
  await expectSoon("answered");
  await until(one, connections, "1");
  const rows = endless()[Symbol.asyncIterator]();
  await rows.next();
  await store.query("DELETE FROM connector WHERE id = $1", [one.connectorId]);
  await expect(readOn(rows)).rejects.toMatchObject({ reason: "NOT_FOUND" });
  await until(one, connections, "0");
  expect(await throughTheOther()).toBe("NOT_FOUND");
});
