import { expect, test } from "vitest";
import { createMetrics } from "../../src/observability/metrics.ts";
import type { CallMethod } from "../../src/observability/observation.ts";
import type { Span } from "../../src/observability/span.ts";
import { codes } from "../../src/rpc/failure.ts";
import { attemptEnded, callEnded, rpcEnded } from "./observations.ts";

const connectors = 10_000;
const providers = ["mysql", "postgresql", "rest", "sqlite"];
const methods: CallMethod[] = ["TestConnector", "GetSchema", "Query", "StreamQuery", "ExplainQuery", "Execute"];
const reasons = [undefined, ...(Object.keys(codes) as (keyof typeof codes)[])];

test("a scrape of ten thousand connectors, with every kind of failure, is less than 1 MB and takes less than 100 ms", async () => {
  const metrics = createMetrics();
  metrics.watch({ breakerState: () => "open", quota: () => ({ left: 0.123456789, exhaustionSeconds: 123.456789 }) });
  const span = { traceId: "0af7651916cd43dd8448eb211c80319c" } as Span;
  const pick = <T>(of: readonly T[], n: number) => of[n % of.length] as T;
  for (let n = 0; n < connectors * 4; n++) {
    const provider = pick(providers, n);
    const subject = { organizationId: `org-${n % 500}`, connectorId: crypto.randomUUID(), provider };
    // Some come again and again: a seat each, and every reason.
    if (n % 2 === 0) subject.connectorId = `0199a5a0-0000-7000-8000-${String(n % 120).padStart(12, "0")}`;
    const [method, reason] = [pick(methods, n), pick(reasons, Math.floor(n / 6))];
    const timings = {
      rateLimit: 1,
      bulkhead: 2,
      backoff: 3,
      pool: 4,
      connect: 5,
      source: 6,
      transfer: n / 7,
      total: n / 5,
    };
    metrics.observe(callEnded({ subject, method, reason, timings, rows: n, bytes: n * 17, span }));
    metrics.observe(attemptEnded({ subject, method, reason, attempt: 1 + (n % 3), ms: n / 3, span }));
    if (n % 10 === 0) metrics.observe(rpcEnded({ method, code: reason ?? "ok", reason, ms: n / 5, span }));
  }
  // The fastest of some: a loaded machine is not what is measured.
  const took: number[] = [];
  for (let scrapes = 0; scrapes < 5; scrapes++) {
    const begin = performance.now();
    const { body } = await metrics.render("application/openmetrics-text");
    took.push(performance.now() - begin);
    expect(body.split("\n").length).toBeGreaterThan(2_000);
    expect(Buffer.byteLength(body)).toBeLessThan(1_000_000);
  }
  expect(Math.min(...took)).toBeLessThan(100);
});
