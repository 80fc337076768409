/** Traces: which calls are recorded, and where their spans go. What nobody uses is not even loaded. */
import type { Secret } from "../vault/secret.ts";
import type { Observe } from "./observation.ts";
import { placeIn, type Span } from "./span.ts";

/** As OpenTelemetry's variable OTEL_TRACES_SAMPLER has them. */
export const samplers = [
  "always_on",
  "always_off",
  "traceidratio",
  "parentbased_always_on",
  "parentbased_always_off",
  "parentbased_traceidratio",
] as const;

/** Where spans are exported. */
export interface ExportConfig {
  /** The whole of it: `http://collector:4318/v1/traces`. It is the operator's, so that egress rules don't concern it. */
  readonly url: string;
  /** What goes with every request. */
  readonly headers: readonly (readonly [name: string, value: Secret])[];
  readonly serviceName: string;
  /** Milliseconds that a span waits for others, to go with them. */
  readonly gatherMs: number;
  /** Certificates in PEM that are trusted besides those that Node does. */
  readonly ca: string | undefined;
  readonly sampler: (typeof samplers)[number];
  /** Of the traces that begin here, for the samplers that ask for it: from 0 to 1. */
  readonly ratio: number;
}

export interface Tracing {
  /**
   * Begins the span of a call, by the headers of its caller. What is not well-formed counts as
   * absent, as W3C Trace Context has it.
   *
   * @returns undefined when it belongs to no trace
   */
  begin(traceparent: string | null, tracestate: string | null): Span | undefined;
  /** Makes spans of what ends some. */
  readonly observe: Observe;
  /** Sends the spans that wait, for some seconds at most. */
  close(): Promise<void>;
}

/**
 * @param config Undefined: nothing is recorded, and what a caller says of its trace is passed on as it is
 * @param observe Is told what becomes of spans
 */
export async function createTracing(config: ExportConfig | undefined, observe: Observe): Promise<Tracing> {
  if (config === undefined) return { begin: passedOn, observe: () => {}, close: async () => {} };
  const { createRecording } = await import("./recording.ts");
  return createRecording(config, observe);
}

/** The caller's own span: who records nothing adds nothing. */
function passedOn(traceparent: string | null): Span | undefined {
  const place = traceparent === null ? undefined : placeIn(traceparent);
  return place && { ...place, parentId: undefined, recorded: false, state: undefined, startMs: performance.now() };
}
