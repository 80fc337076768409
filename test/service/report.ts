/** What TestConnector says of a connector that can't be used. */
import { expect } from "vitest";
import { CheckOutcome, type TestConnectorResponse } from "../../src/gen/connector/v1/connector_pb.js";

/** The one check that failed: those before it were made, those behind it could not be. */
export function failedCheck({ ok, checks }: TestConnectorResponse) {
  expect(ok).toBe(false);
  expect(checks.map(({ name }) => name)).toEqual(["connect", "tls", "authenticate", "query", "privileges"]);
  const at = checks.findIndex(({ outcome }) => outcome === CheckOutcome.FAILED);
  for (const [i, { outcome }] of checks.entries()) {
    if (i < at) expect([CheckOutcome.PASSED, CheckOutcome.WARNING]).toContain(outcome);
    if (i > at) expect(outcome).toBe(CheckOutcome.SKIPPED);
  }
  const failed = checks[at];
  if (failed === undefined) throw new Error("No check failed.");
  expect(failed.message).not.toBe("");
  expect(failed.remedy).toMatch(/^[A-Z].{10,}\.$/s);
  const { name, reason, message, remedy } = failed;
  return { name, reason, message, remedy };
}
