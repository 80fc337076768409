/** Which traces are recorded, and how their spans leave. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Observation } from "../../src/observability/observation.ts";
import { type Span, spanBelow, traceparentOf } from "../../src/observability/span.ts";
import { createTracing, type ExportConfig, type Tracing } from "../../src/observability/tracing.ts";
import { type OtlpReceiver, otlpReceiver } from "../support/otlp.ts";
import { callEnded } from "./observations.ts";

let receiver: OtlpReceiver;

beforeAll(async () => {
  receiver = await otlpReceiver();
});

afterAll(() => receiver.stop());

/** One that keeps spans back until it is closed. */
function tracing(config: Partial<ExportConfig> = {}, told: Observation[] = []): Promise<Tracing> {
  const defaults = { url: receiver.url, headers: [], serviceName: "connectors", gatherMs: 60_000, ca: undefined };
  return createTracing({ ...defaults, sampler: "parentbased_always_on", ratio: 1, ...config }, (each) =>
    told.push(each),
  );
}

const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7";

/** The share of the traces that begin here which is recorded. */
function share({ begin }: Tracing, traceparent: string | null): number {
  const spans = Array.from({ length: 2_000 }, () => begin(traceparent, null));
  return spans.filter((span) => span?.recorded).length / spans.length;
}

test("what waits is sent when it is closed, and the headers with it", async () => {
  const { Secret } = await import("../../src/vault/secret.ts");
  const { begin, observe, close } = await tracing({ headers: [["x-token", new Secret("of-a-collector")]] });
  const span = begin(`${parent}-01`, null) as Span;
  observe(callEnded({ span }));
  expect(receiver.spans).toEqual([]);
  await close();
  expect(receiver.spans).toMatchObject([{ spanId: span.id, parentSpanId: "00f067aa0ba902b7", name: "call Query" }]);
  expect(receiver.headers.at(-1)).toMatchObject({ "x-token": "of-a-collector" });
});

test("all that waits is sent when it is closed, however much that is", async () => {
  const told: Observation[] = [];
  const { begin, observe, close } = await tracing({}, told);
  const span = begin(null, null) as Span;
  for (let i = 0; i < 8_192; i++) observe(callEnded({ span: spanBelow(span) }));
  await close();
  expect(receiver.spans.filter(({ traceId }) => traceId === span.traceId)).toHaveLength(8_192);
  expect(new Set(told.map((each) => each.kind === "spans_exported" && each.outcome))).toEqual(new Set(["exported"]));
});

test("more spans than the queue has room for are dropped and counted, at once", async () => {
  const told: Observation[] = [];
  receiver.answer(400);
  const { begin, observe, close } = await tracing({}, told);
  const span = begin(null, null) as Span;
  for (let i = 0; i < 10_000; i++) observe(callEnded({ span: spanBelow(span) }));
  await close();
  receiver.answer(200);
  const spans = (outcome: string) =>
    told.reduce((sum, each) => sum + (each.kind === "spans_exported" && each.outcome === outcome ? each.spans : 0), 0);
  expect(spans("dropped")).toBeGreaterThan(0);
  expect(spans("dropped") + spans("failed")).toBe(10_000);
  expect(spans("exported")).toBe(0);
});

describe("a sampler", () => {
  test.each([
    { sampler: "always_on", root: 1, wanted: 1, unwanted: 1 },
    { sampler: "always_off", root: 0, wanted: 0, unwanted: 0 },
    { sampler: "parentbased_always_on", root: 1, wanted: 1, unwanted: 0 },
    { sampler: "parentbased_always_off", root: 0, wanted: 1, unwanted: 0 },
    { sampler: "parentbased_traceidratio", root: 0.25, wanted: 1, unwanted: 0 },
  ] as const)("$sampler decides on traces that begin here, and on callers' own", async (expected) => {
    const each = await tracing({ sampler: expected.sampler, ratio: 0.25 });
    expect(share(each, null)).toBeCloseTo(expected.root, 0.7);
    expect(share(each, `${parent}-01`)).toBe(expected.wanted);
    expect(share(each, `${parent}-00`)).toBe(expected.unwanted);
    await each.close();
  });
});

describe("a traceparent", () => {
  test.each([
    ["of version 00", `${parent}-01`, true],
    ["of a later version, which may say more", `cc${parent.slice(2)}-01-what-comes`, true],
    ["of version 00 that says more", `${parent}-01-more`, false],
    ["of a version that there can't be", `ff${parent.slice(2)}-01`, false],
    ["in capitals", `${parent.toUpperCase()}-01`, false],
    ["of no trace", `00-${"0".repeat(32)}-00f067aa0ba902b7-01`, false],
    ["of no span", `00-4bf92f3577b34da6a3ce929d0e0e4736-${"0".repeat(16)}-01`, false],
    ["that is cut off", parent, false],
    ["that is none", "s3cret", false],
  ])("%s is continued or taken to be absent", async (_, traceparent, isContinued) => {
    const off = await createTracing(undefined, () => {});
    const on = await tracing();
    const span = on.begin(traceparent, null);
    expect(span?.traceId === "4bf92f3577b34da6a3ce929d0e0e4736").toBe(isContinued);
    expect(span?.parentId).toBe(isContinued ? "00f067aa0ba902b7" : undefined);
    expect(off.begin(traceparent, null) !== undefined).toBe(isContinued);
    await on.close();
  });
});

test("without a collector a trace is passed on as it came", async () => {
  const { begin } = await createTracing(undefined, () => {});
  expect(traceparentOf(begin(`${parent}-01`, "vendor=x") as Span)).toBe(`${parent}-01`);
  expect(traceparentOf(begin(`${parent}-00`, null) as Span)).toBe(`${parent}-00`);
  expect(begin(null, "vendor=x")).toBeUndefined();
});

test("without a collector nothing of OpenTelemetry is even loaded", async () => {
  const program = `
    import { registerHooks } from "node:module";
    const loaded = [];
    registerHooks({ load: (url, context, next) => { loaded.push(url); return next(url, context); } });
    const { createTracing } = await import(process.argv[1]);
    await createTracing(undefined, () => {});
    console.log(loaded.filter((url) => url.includes("opentelemetry")).length, loaded.length > 1);`;
  const file = new URL("../../src/observability/tracing.ts", import.meta.url).href;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", program, file]);
  expect(stdout.trim()).toBe("0 true");
});
