/** Where spans go: by OTLP over HTTP, in batches, from a queue that has an end. */
import { rootCertificates } from "node:tls";
import { ExportResultCode } from "@opentelemetry/core";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { type Resource, resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, type ReadableSpan, type SpanExporter } from "@opentelemetry/sdk-trace";
import { ATTR_SERVICE_NAME, ATTR_SERVICE_VERSION } from "@opentelemetry/semantic-conventions";
import { ATTR_SERVICE_INSTANCE_ID } from "@opentelemetry/semantic-conventions/incubating";
import type { Observe } from "./observation.ts";
import type { ExportConfig } from "./tracing.ts";
import { ownVersion } from "./version.ts";

export interface SpanExport {
  readonly resource: Resource;
  /** Never waits: a span for which the queue has no room is lost, and counted. */
  add(span: ReadableSpan): void;
  close(): Promise<void>;
}

/** Spans that wait at most; some 5 MB. */
const maxWaiting = 8_192;
const maxBatch = 512;
/** Milliseconds that a batch may take to be taken. */
const exportMs = 3_000;

/** @param observe Is told what becomes of spans, batch by batch */
export function createSpanExport(
  { url, headers, serviceName, ca, gatherMs }: ExportConfig,
  observe: Observe,
): SpanExport {
  const exporter = new OTLPTraceExporter({
    url,
    headers: async () => Object.fromEntries(headers.map(([name, value]) => [name, value.reveal()])),
    timeoutMillis: exportMs,
    // When the service stops all that waits is handed over at once, and what is above the limit is refused.
    concurrencyLimit: Math.ceil(maxWaiting / maxBatch) + 1,
    httpAgentOptions: { keepAlive: true, ...(ca === undefined ? {} : { ca: [...rootCertificates, ca] }) },
  });
  let waiting = 0;
  const told: SpanExporter = {
    export(spans, done) {
      waiting -= spans.length;
      exporter.export(spans, (result) => {
        const outcome = result.code === ExportResultCode.SUCCESS ? "exported" : "failed";
        observe({ kind: "spans_exported", spans: spans.length, outcome });
        // It is told already, and nobody need hear of it as an error of the program.
        done({ code: ExportResultCode.SUCCESS });
      });
    },
    shutdown: () => exporter.shutdown(),
  };
  const queue = new BatchSpanProcessor({
    exporter: told,
    ...{ maxQueueSize: maxWaiting, maxExportBatchSize: maxBatch },
    // Longer than the exporter itself takes to give up.
    ...{ scheduledDelayMillis: gatherMs, exportTimeoutMillis: exportMs * 2 },
  });
  return {
    resource: resourceFromAttributes({
      [ATTR_SERVICE_NAME]: serviceName,
      [ATTR_SERVICE_VERSION]: ownVersion(),
      [ATTR_SERVICE_INSTANCE_ID]: crypto.randomUUID(),
    }),
    add(span) {
      if (waiting >= maxWaiting) return observe({ kind: "spans_exported", spans: 1, outcome: "dropped" });
      waiting++;
      queue.onEnd(span);
    },
    close: () => queue.shutdown().catch(() => {}),
  };
}
