import { request } from "node:http";
import { expect, onTestFinished, test } from "vitest";
import { formatFor } from "../../src/observability/exposition.ts";
import { createMetrics, type Metrics } from "../../src/observability/metrics.ts";
import type { Span } from "../../src/observability/span.ts";
import { listenForMetrics } from "../../src/server/metrics-port.ts";
import { attemptEnded, callEnded, noTime, rpcEnded } from "./observations.ts";

const openMetrics = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const text = "text/plain; version=0.0.4; charset=utf-8";
/** What Prometheus 2 and 3 send. */
const prometheus =
  "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5," +
  "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";

test.each([
  [undefined, "text"],
  ["", "text"],
  ["*/*", "text"],
  ["text/html,application/xhtml+xml", "text"],
  ["application/openmetrics-text", "openmetrics"],
  ["application/openmetrics-text; version=1.0.0,text/plain;q=0.5", "openmetrics"],
  ["Application/OpenMetrics-Text;q=0.5,text/plain;q=0.8", "text"],
  ["application/openmetrics-text;q=0", "text"],
  ["application/openmetrics-text;version=7.0.0", "text"],
  [prometheus, "openmetrics"],
] as const)("who accepts %j gets %s", (accept, format) => {
  expect(formatFor(accept)).toBe(format);
});

test("both formats have the same metrics, in whatever order they are asked for", async () => {
  const metrics = createMetrics();
  metrics.observe(callEnded());
  metrics.observe(rpcEnded());
  const samplesOf = (body: string) =>
    body
      .split("\n")
      .filter((line) => line.startsWith("connector_"))
      .map((line) => line.replace(/ # .*/, ""));
  const first = await metrics.render();
  const open = await metrics.render("application/openmetrics-text");
  const again = await metrics.render();
  expect([first.contentType, open.contentType, again.contentType]).toEqual([text, openMetrics, text]);
  expect(samplesOf(open.body)).toEqual(samplesOf(first.body));
  expect(samplesOf(again.body)).toEqual(samplesOf(first.body));
  expect(first.body).toContain("# TYPE connector_calls_total counter");
  expect(again.body).toContain("# TYPE process_cpu_seconds_total counter");
  // Of OpenMetrics: counters are named without their suffix, each metric stands once, and there is an end.
  expect(open.body).toContain("# TYPE connector_calls counter");
  expect(open.body).toContain("# TYPE process_cpu_seconds counter");
  const types = open.body.match(/^# TYPE \S+/gm) ?? [];
  expect(new Set(types).size).toBe(types.length);
  expect(open.body.endsWith("\n# EOF\n")).toBe(true);
});

test("the last traced call of each bucket is its exemplar, in OpenMetrics only", async () => {
  const metrics = createMetrics();
  const traced = (digit: string) => ({ traceId: digit.repeat(32) }) as Span;
  metrics.observe(callEnded({ timings: { ...noTime, total: 400 }, span: traced("a") }));
  metrics.observe(callEnded({ timings: { ...noTime, total: 300 }, span: traced("b") }));
  metrics.observe(callEnded({ timings: { ...noTime, total: 301 } }));
  metrics.observe(callEnded({ timings: { ...noTime, total: 4 } }));
  metrics.observe(attemptEnded({ ms: 20, span: traced("c") }));
  metrics.observe(rpcEnded({ ms: 20, span: traced("d") }));

  const { body } = await metrics.render("application/openmetrics-text");
  const exemplars = body.split("\n").filter((line) => line.includes(" # "));
  expect(exemplars.map((line) => line.replace(/ [\d.]+$/, ""))).toEqual([
    `connector_rpc_duration_seconds_bucket{le="0.025",method="Query"} 1 # {trace_id="${"d".repeat(32)}"} 0.02`,
    `connector_call_duration_seconds_bucket{le="0.5",method="Query",provider="postgresql"} 4 # {trace_id="${"b".repeat(32)}"} 0.3`,
    `connector_attempt_duration_seconds_bucket{le="0.025",provider="postgresql"} 1 # {trace_id="${"c".repeat(32)}"} 0.02`,
  ]);
  const at = Number(exemplars[0]?.split(" ").at(-1));
  expect(Math.abs(Date.now() / 1_000 - at)).toBeLessThan(60);
  expect((await metrics.render()).body).not.toContain("trace_id");
});

async function portOf(render: Metrics["render"]) {
  const faults: unknown[] = [];
  const port = await listenForMetrics({
    ...{ host: "127.0.0.1", port: 0, render },
    onFault: (fault) => void faults.push(fault),
  });
  onTestFinished(() => port.close());
  const ask = (method: string, path: string, headers: Record<string, string> = {}) =>
    new Promise<{ status: number; headers: NodeJS.Dict<string | string[]>; body: string }>((resolve, reject) => {
      const asked = request({ host: "127.0.0.1", port: port.port, method, path, headers }, async (response) => {
        const chunks = await Array.fromAsync(response);
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString(),
        });
      });
      asked.on("error", reject).end();
    });
  return { ask, faults };
}

test("the port serves the metrics as the scraper accepts them, and nothing else", async () => {
  const metrics = createMetrics();
  metrics.observe(callEnded());
  const { ask, faults } = await portOf(metrics.render);

  const answer = await ask("GET", "/metrics?name=value");
  expect(answer).toMatchObject({ status: 200, headers: { "content-type": text } });
  expect(answer.body).toContain("connector_calls_total{");
  const open = await ask("GET", "/metrics", { accept: prometheus });
  expect(open).toMatchObject({ status: 200, headers: { "content-type": openMetrics } });
  expect(await ask("HEAD", "/metrics")).toMatchObject({ status: 200, body: "" });
  for (const path of ["/", "/metrics/", "/metrics/x", "//metrics", "/connector.v1.ConnectorService/Query"]) {
    expect(await ask("GET", path)).toMatchObject({ status: 404 });
  }
  for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
    expect(await ask(method, "/metrics")).toMatchObject({ status: 405, headers: { allow: "GET, HEAD" } });
  }
  expect(faults).toEqual([]);
});

test("a fault of the rendering is told to the log and not to the scraper", async () => {
  const { ask, faults } = await portOf(() => Promise.reject(new Error("a secret")));
  const { status, body } = await ask("GET", "/metrics");
  expect(status).toBe(500);
  expect(body).not.toContain("secret");
  expect(faults).toHaveLength(1);
});

test("a metrics port that is taken is told at once", async () => {
  const first = await listenForMetrics({
    ...{ host: "127.0.0.1", port: 0, render: createMetrics().render, onFault: () => {} },
  });
  onTestFinished(() => first.close());
  const second = listenForMetrics({
    ...{ host: "127.0.0.1", port: first.port, render: createMetrics().render, onFault: () => {} },
  });
  await expect(second).rejects.toMatchObject({ code: "EADDRINUSE" });
});
