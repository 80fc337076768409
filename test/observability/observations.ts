/** Observations to tell, with everything that a test does not care about filled in. */
import type { AttemptEnded, CallEnded, RpcEnded, Subject, Timings } from "../../src/observability/observation.ts";

export const subject: Subject = {
  organizationId: "acme",
  connectorId: "0199a5a0-0000-7000-8000-000000000001",
  provider: "postgresql",
};

export const noTime: Timings = {
  ...{ rateLimit: 0, bulkhead: 0, backoff: 0 },
  ...{ pool: 0, connect: 0, source: 0, transfer: 0, total: 0 },
};

export function callEnded(rest: Partial<CallEnded> = {}): CallEnded {
  return {
    kind: "call_ended",
    subject,
    method: "Query",
    principal: "tester",
    agent: "",
    resource: "place",
    startTime: new Date(),
    reason: undefined,
    rows: 1,
    bytes: 10,
    attempts: 1,
    breaker: "closed",
    cached: false,
    timings: { ...noTime, source: 2, total: 3 },
    ...rest,
  };
}

export function rpcEnded(rest: Partial<RpcEnded> = {}): RpcEnded {
  return {
    ...{ kind: "rpc_ended", service: "connector.v1.ConnectorService", method: "Query", protocol: "grpc" },
    ...{ code: "ok", reason: undefined, ms: 3 },
    ...rest,
  };
}

export function attemptEnded(rest: Partial<AttemptEnded> = {}): AttemptEnded {
  return {
    ...{ kind: "attempt_ended", subject, method: "Query", resource: "place", type: "database" },
    ...{ attempt: 1, ms: 2, reason: undefined, status: undefined },
    ...rest,
  };
}
