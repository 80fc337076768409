/** Takes spans as OpenTelemetry's collectors do, by OTLP over HTTP, and reads them by gRPC's own decoder. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { loadSync, type ServiceDefinition } from "@grpc/proto-loader";
import { keepSpans } from "./outputs.ts";

export interface ReceivedSpan {
  /** In hexadecimal digits, as the other ids; a span without a parent has an empty one. */
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly traceState: string;
  readonly name: string;
  readonly kind: string;
  /** Nanoseconds since 1970. */
  readonly start: bigint;
  readonly end: bigint;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly failed: boolean;
  /** Of the service that has sent it. */
  readonly resource: Readonly<Record<string, unknown>>;
}

export interface OtlpReceiver {
  readonly url: string;
  readonly spans: readonly ReceivedSpan[];
  /** Of all requests, as they came. */
  readonly bodies: readonly Buffer[];
  readonly headers: readonly Readonly<Record<string, unknown>>[];
  /** Answers every request with this status from now on. */
  answer(status: number): void;
  /** Settles with the trace's spans when there are some that fulfil this. */
  trace(traceId: string, isWhole: (spans: readonly ReceivedSpan[]) => boolean): Promise<readonly ReceivedSpan[]>;
  stop(): void;
}

interface Pair {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

interface Sent {
  readonly resource_spans: readonly {
    readonly resource: { readonly attributes: readonly Pair[] };
    readonly scope_spans: readonly { readonly spans: readonly SentSpan[] }[];
  }[];
}

interface SentSpan extends Record<"trace_id" | "span_id" | "parent_span_id", Buffer> {
  readonly trace_state: string;
  readonly name: string;
  readonly kind: string;
  readonly start_time_unix_nano: string;
  readonly end_time_unix_nano: string;
  readonly attributes: readonly Pair[];
  readonly status: { readonly code: string } | null;
}

export async function otlpReceiver(): Promise<OtlpReceiver> {
  const proto = fileURLToPath(new URL("otlp.proto", import.meta.url));
  const options = { keepCase: true, longs: String, enums: String, defaults: true, oneofs: true };
  const service = loadSync(proto, options)["opentelemetry.proto.collector.trace.v1.TraceService"] as ServiceDefinition;
  const decode = service.Export?.requestDeserialize as (bytes: Buffer) => unknown;
  const spans: ReceivedSpan[] = [];
  const bodies: Buffer[] = [];
  const headers: Record<string, unknown>[] = [];
  const heard = new Set<() => void>();
  let status = 200;
  const server = createServer(async (request, response) => {
    const body = await buffer(request);
    headers.push({ ...request.headers, path: request.url });
    bodies.push(body);
    await keepSpans(body);
    if (status === 200) spans.push(...read(decode(body) as Sent));
    response.writeHead(status, { "content-type": "application/x-protobuf" }).end();
    for (const each of heard) each();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    ...{ spans, bodies, headers },
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    answer(next) {
      status = next;
    },
    trace(traceId, isWhole) {
      const { promise, resolve } = Promise.withResolvers<readonly ReceivedSpan[]>();
      const look = () => {
        const found = spans.filter((span) => span.traceId === traceId);
        if (!isWhole(found)) return;
        heard.delete(look);
        resolve(found);
      };
      heard.add(look);
      look();
      return promise;
    },
    stop() {
      server.close();
      server.closeAllConnections();
    },
  };
}

function read({ resource_spans }: Sent): ReceivedSpan[] {
  return resource_spans.flatMap(({ resource, scope_spans }) => {
    const of = attributesOf(resource.attributes);
    return scope_spans.flatMap(({ spans }) => spans.map((span) => spanOf(span, of)));
  });
}

function spanOf(span: SentSpan, resource: ReceivedSpan["resource"]): ReceivedSpan {
  return {
    traceId: span.trace_id.toString("hex"),
    spanId: span.span_id.toString("hex"),
    parentSpanId: span.parent_span_id.toString("hex"),
    ...{ traceState: span.trace_state, name: span.name, kind: span.kind.replace("SPAN_KIND_", "").toLowerCase() },
    start: BigInt(span.start_time_unix_nano),
    end: BigInt(span.end_time_unix_nano),
    attributes: attributesOf(span.attributes),
    failed: span.status?.code === "STATUS_CODE_ERROR",
    resource,
  };
}

function attributesOf(pairs: readonly Pair[]): Record<string, unknown> {
  return Object.fromEntries(
    pairs.map(({ key, value }) => {
      const kind = `${value.value}`;
      return [key, kind === "int_value" ? Number(value[kind]) : value[kind]];
    }),
  );
}
