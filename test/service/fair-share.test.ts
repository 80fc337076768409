/** What a busy replica does with the organization that keeps it busy. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { ConnectorError } from "../../src/client/index.ts";
import { type TestService, testService } from "../support/service.ts";
import { counted } from "./metrics.ts";

let service: TestService;

beforeAll(async () => {
  service = await testService({ METRICS_PORT: "0" });
});
afterAll(() => service.stop());

/** The service runs in this process: what keeps this loop busy keeps its loop busy. */
function keepBusy(): Disposable {
  const timer = setInterval(() => {
    const end = performance.now() + 60;
    while (performance.now() < end);
  }, 1);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

// Longer than any other, since it keeps itself from getting on.
const timeout = 120_000;

test("while the event loop is late, the organization with most of the calls is refused, and no other", {
  timeout,
}, async () => {
  const other = service.clientFor(await service.tokenFor("globex", "connector.read"));
  await Promise.all([service.client.listProviders(), other.listProviders()]);
  let refusal: unknown;
  let answered = 0;
  const noisy = async () => {
    while (refusal === undefined) await service.client.listProviders().catch((error) => (refusal = error));
  };
  const quiet = async () => {
    for (; refusal === undefined; answered++) await other.listProviders();
  };
  {
    using _ = keepBusy();
    await Promise.all([quiet(), ...Array.from({ length: 200 }, noisy)]);
  }
  expect(refusal).toBeInstanceOf(ConnectorError);
  expect(refusal).toMatchObject({
    ...{ code: 8, reason: "BULKHEAD_FULL", where: "service", retryAfterMs: 1_000 },
    metadata: { limit: "service" },
  });
  expect(answered).toBeGreaterThan(0);
  expect(await counted(service, "connector_over_share_total")).toBeGreaterThan(0);
});
