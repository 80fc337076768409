/** What the end of an attempt says of its source's health. */
import { expect, test } from "vitest";
import { verdictOf } from "../../src/execution/breaker/verdict.ts";
import { Failure, type FailureKind } from "../../src/failure.ts";

const failed = (kind: FailureKind, final = false) => new Failure(kind, "It failed.", { final });

test("a source that answered is healthy", () => {
  expect(verdictOf(undefined, "answered")).toBe("healthy");
});

test.for<FailureKind>([
  "statement_rejected",
  "unknown_resource",
  "unknown_field",
  "upstream_permission_denied",
  "configuration_rejected",
])("a source that answered with a refusal is healthy: %s", (kind) => {
  expect(verdictOf(failed(kind), "answered")).toBe("healthy");
});

test.for<FailureKind>([
  "upstream_unreachable",
  "upstream_lost",
  "upstream_unavailable",
  "credential_rejected",
  "tls_failed",
])("a source that can't be used is failing: %s", (kind) => {
  expect(verdictOf(failed(kind), "answered")).toBe("failing");
});

test.for<FailureKind>(["deadline_exceeded", "cancelled", "shutting_down", "slow_reader"])(
  "a call that we ended says something only if its source gave no sign of life then: %s",
  (kind) => {
    expect(verdictOf(failed(kind), "answered")).toBe("unknown");
    expect(verdictOf(failed(kind), "lost")).toBe("failing");
  },
);

test.for<FailureKind>([
  "invalid_request",
  "unauthenticated",
  "not_found",
  "connector_disabled",
  "egress_denied",
  "upstream_rate_limited",
  "rate_limited",
  "bulkhead_full",
  "budget_exhausted",
  "too_large",
  "breaker_open",
  "internal",
])("the caller's mistakes and limits that are kept say nothing of the source: %s", (kind) => {
  expect(verdictOf(failed(kind), "answered")).toBe("unknown");
  expect(verdictOf(failed(kind), "lost")).toBe("unknown");
});

test("a failure that the same call would meet again says nothing of the source", () => {
  expect(verdictOf(failed("upstream_unavailable", true), "lost")).toBe("unknown");
});

test("a fault of ours says nothing of the source", () => {
  expect(verdictOf(new TypeError("undefined is not a function"), "lost")).toBe("unknown");
});
