/** Traces that are recorded, by OpenTelemetry's samplers. */
import { ROOT_CONTEXT, SpanKind, TraceFlags, trace } from "@opentelemetry/api";
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  type Sampler,
  SamplingDecision,
  TraceIdRatioBasedSampler,
} from "@opentelemetry/sdk-trace";
import type { Observe } from "./observation.ts";
import { placeIn, randomSpanId, randomTraceId, type Span } from "./span.ts";
import { createSpanExport } from "./span-export.ts";
import { createSpanMaking } from "./span-making.ts";
import type { ExportConfig, Tracing } from "./tracing.ts";

export function createRecording(config: ExportConfig, observe: Observe): Tracing {
  const sampler = samplerOf(config);
  const exporting = createSpanExport(config, observe);
  return {
    begin: (traceparent, tracestate) => begun(sampler, traceparent, tracestate),
    observe: createSpanMaking(exporting),
    close: exporting.close,
  };
}

function begun(sampler: Sampler, traceparent: string | null, tracestate: string | null): Span {
  const parent = traceparent === null ? undefined : placeIn(traceparent);
  const traceId = parent?.traceId ?? randomTraceId();
  const { decision } = sampler.shouldSample(contextOf(parent), traceId, "rpc", SpanKind.SERVER, {}, []);
  const sampled = decision === SamplingDecision.RECORD_AND_SAMPLED;
  const state = parent === undefined || tracestate === null ? undefined : tracestate;
  const place = { traceId, id: randomSpanId(), parentId: parent?.id, state };
  return { ...place, sampled, recorded: sampled, startMs: performance.now() };
}

function contextOf(parent: ReturnType<typeof placeIn>) {
  if (parent === undefined) return ROOT_CONTEXT;
  const { traceId, id: spanId, sampled } = parent;
  const traceFlags = sampled ? TraceFlags.SAMPLED : TraceFlags.NONE;
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true });
}

function samplerOf({ sampler, ratio }: ExportConfig): Sampler {
  const root = rootSampler(sampler.replace("parentbased_", ""), ratio);
  return sampler.startsWith("parentbased_") ? new ParentBasedSampler({ root }) : root;
}

function rootSampler(name: string, ratio: number): Sampler {
  if (name === "always_on") return new AlwaysOnSampler();
  return name === "always_off" ? new AlwaysOffSampler() : new TraceIdRatioBasedSampler(ratio);
}
