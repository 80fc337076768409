/**
 * Spans, made of the observations that end them. What they say is what the service knows by
 * itself: kinds, numbers, ids, and the names of resources that the source has shown to be
 * there; no statement, no value, no name that an organization has given, no address of its.
 *
 * @see https://opentelemetry.io/docs/specs/semconv/rpc/connect-rpc/
 * @see https://opentelemetry.io/docs/specs/semconv/db/database-spans/
 */
import { type Attributes, type HrTime, SpanKind, SpanStatusCode, TraceFlags } from "@opentelemetry/api";
import { hrTimeDuration, TraceState } from "@opentelemetry/core";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import {
  ATTR_DB_COLLECTION_NAME,
  ATTR_DB_OPERATION_NAME,
  ATTR_DB_RESPONSE_STATUS_CODE,
  ATTR_DB_SYSTEM_NAME,
  ATTR_ERROR_TYPE,
  ATTR_HTTP_RESPONSE_STATUS_CODE,
} from "@opentelemetry/semantic-conventions";
import {
  ATTR_RPC_METHOD,
  ATTR_RPC_RESPONSE_STATUS_CODE,
  ATTR_RPC_SYSTEM_NAME,
} from "@opentelemetry/semantic-conventions/incubating";
import type { AttemptEnded, CallEnded, Observation, Observe, RpcEnded, Subject } from "./observation.ts";
import type { Span } from "./span.ts";
import type { SpanExport } from "./span-export.ts";

/** What a span says, besides its place and its times. */
interface Saying {
  readonly name: string;
  readonly kind: SpanKind;
  readonly attributes: Attributes;
  readonly failed: boolean;
}

export function createSpanMaking({ resource, add }: Pick<SpanExport, "resource" | "add">): Observe {
  const timeOf = clock();
  const scope = { name: "connector-service" };
  const make = (span: Span, endMs: number, { name, kind, attributes, failed }: Saying): ReadableSpan => {
    const startTime = timeOf(span.startMs);
    const endTime = timeOf(endMs);
    const parent = span.parentId === undefined ? {} : { parentSpanContext: contextOf(span, span.parentId) };
    return {
      ...{ name, kind, attributes, resource, startTime, endTime, ...parent },
      spanContext: () => contextOf(span, span.id),
      status: { code: failed ? SpanStatusCode.ERROR : SpanStatusCode.UNSET },
      duration: hrTimeDuration(startTime, endTime),
      ...{ links: [], events: [], ended: true, instrumentationScope: scope },
      ...{ droppedAttributesCount: 0, droppedEventsCount: 0, droppedLinksCount: 0 },
    };
  };
  return (observation) => {
    if (!("span" in observation) || observation.span === undefined) return;
    const now = performance.now();
    if (observation.kind === "call_ended") {
      for (const { part, span, endMs } of observation.spent ?? []) add(make(span, endMs, spending(part)));
    }
    const saying = sayingOf(observation);
    if (saying !== undefined) add(make(observation.span, now, saying));
  };
}

function sayingOf(observation: Observation): Saying | undefined {
  switch (observation.kind) {
    case "rpc_ended":
      return rpc(observation);
    case "call_ended":
      return call(observation);
    case "attempt_ended":
      return attempt(observation);
    case "session_opened":
      return step("open session", observation.subject, observation.reason);
    case "intent_noted":
      return step("note intent", observation.subject, observation.reason);
    case "token_refreshed": {
      const { outcome, subject } = observation;
      const failure = outcome === "refreshed" || outcome === "lost_race" ? undefined : outcome;
      return { ...step("refresh tokens", subject, failure), kind: SpanKind.CLIENT };
    }
    default:
      return undefined;
  }
}

/** Codes that are the service's fault, or its sources'. */
const serverErrors = new Set(["unknown", "deadline_exceeded", "unimplemented", "internal", "unavailable", "data_loss"]);

function rpc({ service, method, protocol, code, reason }: RpcEnded): Saying {
  const connect = protocol === "connect";
  const failed = serverErrors.has(code);
  return {
    name: `${service}/${method}`,
    kind: SpanKind.SERVER,
    attributes: {
      [ATTR_RPC_SYSTEM_NAME]: connect ? "connectrpc" : "grpc",
      [ATTR_RPC_METHOD]: `${service}/${method}`,
      [ATTR_RPC_RESPONSE_STATUS_CODE]: connect ? code : code.toUpperCase(),
      ...errorOf(reason),
    },
    failed,
  };
}

function call({ method, subject, reason, rows, bytes, attempts, breaker, cached, agent }: CallEnded): Saying {
  return {
    name: `call ${method}`,
    kind: SpanKind.INTERNAL,
    attributes: {
      ...about(subject),
      "connector.rows": rows,
      "connector.bytes": bytes,
      "connector.attempts": attempts,
      "connector.breaker": breaker,
      "connector.cached": cached,
      "connector.by_agent": agent !== "",
      ...errorOf(reason),
    },
    failed: reason !== undefined,
  };
}

function attempt({ method, resource, type, subject, attempt, reason, status }: AttemptEnded): Saying {
  const operation = operations[method];
  // What a caller names may be anything, until the source has shown to have it.
  const shown = reason === undefined && resource !== "" ? resource : undefined;
  const isDatabase = type === "database";
  return {
    name: `${operation} ${shown ?? subject.provider}`,
    kind: SpanKind.CLIENT,
    attributes: {
      ...about(subject),
      "connector.attempt": attempt,
      ...(isDatabase ? { [ATTR_DB_SYSTEM_NAME]: subject.provider, [ATTR_DB_OPERATION_NAME]: operation } : {}),
      ...(shown === undefined ? {} : { [isDatabase ? ATTR_DB_COLLECTION_NAME : "connector.resource"]: shown }),
      ...(status === undefined ? {} : statusOf(isDatabase, status)),
      ...errorOf(reason),
    },
    failed: reason !== undefined,
  };
}

function statusOf(isDatabase: boolean, status: string): Attributes {
  if (isDatabase) return { [ATTR_DB_RESPONSE_STATUS_CODE]: status };
  const code = Number(status);
  return Number.isInteger(code) ? { [ATTR_HTTP_RESPONSE_STATUS_CODE]: code } : {};
}

const operations: Readonly<Record<AttemptEnded["method"], string>> = {
  TestConnector: "test",
  GetSchema: "read schema",
  Query: "query",
  StreamQuery: "stream",
  ExplainQuery: "explain",
  Execute: "execute",
};

/** What a call waits for, or spends its time on, in words. */
const spendings: Readonly<Record<NonNullable<CallEnded["spent"]>[number]["part"], string>> = {
  rateLimit: "wait for rate limit",
  bulkhead: "wait for bulkhead",
  backoff: "wait between attempts",
  pool: "wait for pool",
  connect: "connect",
  source: "wait for source",
  transfer: "transfer",
};

function spending(part: keyof typeof spendings): Saying {
  return { name: spendings[part], kind: SpanKind.INTERNAL, attributes: {}, failed: false };
}

function step(name: string, subject: Subject, reason: string | undefined): Saying {
  const attributes = { ...about(subject), ...errorOf(reason) };
  return { name, kind: SpanKind.INTERNAL, attributes, failed: reason !== undefined };
}

function about({ connectorId, provider }: Subject): Attributes {
  return { "connector.id": connectorId, "connector.provider": provider };
}

function errorOf(reason: string | undefined): Attributes {
  return reason === undefined ? {} : { [ATTR_ERROR_TYPE]: reason };
}

function contextOf({ traceId, state }: Span, spanId: string) {
  const traceState = state === undefined ? {} : { traceState: new TraceState(state) };
  return { traceId, spanId, traceFlags: TraceFlags.SAMPLED, ...traceState };
}

/** Milliseconds by which the two clocks may drift apart before the wall's is believed again. */
const driftMs = 50;

/** The wall's time of an instant of `performance.now()`, the same way for all spans of a trace. */
function clock(): (ms: number) => HrTime {
  let offset = Date.now() - performance.now();
  return (ms) => {
    const drift = Date.now() - performance.now() - offset;
    if (Math.abs(drift) > driftMs) offset += drift;
    const at = offset + ms;
    const seconds = Math.floor(at / 1_000);
    return [seconds, Math.round((at - seconds * 1_000) * 1_000_000)];
  };
}
