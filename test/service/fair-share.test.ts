/** What a busy replica does with the organization that keeps it busy. */
import { expect, onTestFinished, test } from "vitest";
import { ConnectorError } from "../../src/client/index.ts";
import { testService } from "../support/service.ts";
import { counted } from "./metrics.ts";

/** The service runs in this process: what keeps this loop busy keeps its loop busy. */
function keepBusy(): void {
  const timer = setInterval(() => {
    const end = performance.now() + 100;
    while (performance.now() < end);
  }, 1);
  onTestFinished(() => clearInterval(timer));
}

test("while the event loop is late, the organization with most of the calls is refused, and no other", async () => {
  const service = await testService({ METRICS_PORT: "0" });
  onTestFinished(() => service.stop());
  const other = service.clientFor(await service.tokenFor("globex", "connector.read"));
  await Promise.all([service.client.listProviders(), other.listProviders()]);
  keepBusy();
  let refusal: unknown;
  let answered = 0;
  const noisy = async () => {
    while (refusal === undefined) await service.client.listProviders().catch((error) => (refusal = error));
  };
  const quiet = async () => {
    for (; refusal === undefined; answered++) await other.listProviders();
  };
  await Promise.all([quiet(), ...Array.from({ length: 200 }, noisy)]);
  expect(refusal).toBeInstanceOf(ConnectorError);
  expect(refusal).toMatchObject({
    ...{ code: 8, reason: "BULKHEAD_FULL", where: "service", retryAfterMs: 1_000 },
    metadata: { limit: "service" },
  });
  expect(answered).toBeGreaterThan(0);
  expect(await counted(service, "connector_over_share_total")).toBeGreaterThan(0);
});
