/** What the end of an attempt says of its source's health. */
import { Failure, type FailureKind } from "../../failure.ts";
import type { Settled } from "../../providers/contract.ts";

/** `unknown` says nothing: the caller's own mistake, its cancel, or a limit of ours. */
export type Verdict = "healthy" | "failing" | "unknown";

/** `as_settled`: we ended it, so that its source's health shows in how it took that. */
const verdicts = {
  // The source can't be used.
  upstream_unreachable: "failing",
  upstream_lost: "failing",
  upstream_unavailable: "failing",
  credential_rejected: "failing",
  tls_failed: "failing",
  // The source answered; what it refused is this call's.
  statement_rejected: "healthy",
  unknown_resource: "healthy",
  unknown_field: "healthy",
  upstream_permission_denied: "healthy",
  constraint_violated: "healthy",
  too_many_affected: "healthy",
  configuration_rejected: "healthy",
  // Nobody waited for the source any longer.
  deadline_exceeded: "as_settled",
  cancelled: "as_settled",
  shutting_down: "as_settled",
  slow_reader: "as_settled",
  // The source asked for fewer calls; that is kept elsewhere, and it is not down.
  upstream_rate_limited: "unknown",
  // The source was not asked, or what went wrong is not its doing.
  invalid_request: "unknown",
  invalid_page_token: "unknown",
  unsupported: "unknown",
  unauthenticated: "unknown",
  permission_denied: "unknown",
  not_found: "unknown",
  already_exists: "unknown",
  conflict: "unknown",
  connector_disabled: "unknown",
  egress_denied: "unknown",
  rate_limited: "unknown",
  bulkhead_full: "unknown",
  budget_exhausted: "unknown",
  too_large: "unknown",
  breaker_open: "unknown",
  outcome_unknown: "unknown",
  internal: "unknown",
  not_implemented: "unknown",
  service_unavailable: "unknown",
} as const satisfies Record<FailureKind, Verdict | "as_settled">;

/**
 * What an attempt says of its source's health.
 *
 * @param failure What it failed with; undefined when it succeeded.
 * @param ended How the source took its end: `lost` when it gave no sign of life.
 */
export function verdictOf(failure: unknown, ended: Settled): Verdict {
  if (failure === undefined) return "healthy";
  if (!(failure instanceof Failure) || failure.final) return "unknown";
  const verdict = verdicts[failure.kind];
  if (verdict !== "as_settled") return verdict;
  return ended === "lost" ? "failing" : "unknown";
}
