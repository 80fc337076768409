import { Writable } from "node:stream";
import { expect, test } from "vitest";
import { createLog } from "../../src/observability/log.ts";
import type { Observation } from "../../src/observability/observation.ts";
import { createTelling } from "../../src/observability/telling.ts";
import { callEnded, subject } from "./observations.ts";

const levels = { info: 30, warn: 40, error: 50 };

/** The lines that the log has of what is told. */
function said(...observations: Observation[]) {
  let text = "";
  const to = new Writable({
    write(chunk, _, done) {
      text += chunk;
      done();
    },
  });
  const tell = createTelling(createLog("info", to));
  for (const observation of observations) tell(observation);
  const lines = text.split("\n").filter((line) => line !== "");
  return { text, lines: lines.map((line) => JSON.parse(line) as { level: number; msg: string }) };
}

test.each<[string, keyof typeof levels, Observation]>([
  [
    "breaker is open",
    "warn",
    { kind: "breaker_changed", subject, from: "closed", to: "open", reason: "upstream_lost" },
  ],
  ["closed again", "info", { kind: "breaker_changed", subject, from: "half_open", to: "closed", reason: undefined }],
  ["authorize it again", "warn", { kind: "token_refreshed", subject, outcome: "rejected", ms: 1 }],
  ["could not be refreshed", "warn", { kind: "token_refreshed", subject, outcome: "failed", ms: 1 }],
  ["count as unknown", "error", { kind: "outcome_not_noted", subject }],
  ["nobody has the key", "error", { kind: "key_used", operation: "unwrap", outcome: "unknown" }],
  ["can't be reached", "warn", { kind: "shared_state_changed", part: "redis", available: false }],
  ["can be reached", "info", { kind: "shared_state_changed", part: "redis", available: true }],
])("the log says that %s", (words, level, observation) => {
  const { text, lines } = said(observation);
  expect(lines).toEqual([expect.objectContaining({ level: levels[level], msg: expect.stringContaining(words) })]);
  expect(text).not.toContain(subject.organizationId);
  if ("subject" in observation) expect(text).toContain(subject.connectorId);
});

test("calls, and probes of a source that stays away, fill no log", () => {
  const again = { kind: "breaker_changed", subject, from: "half_open", to: "open", reason: "upstream_lost" } as const;
  const refreshed = { kind: "token_refreshed", subject, outcome: "refreshed", ms: 1 } as const;
  const used = { kind: "key_used", operation: "unwrap", outcome: "done" } as const;
  expect(said(callEnded({ reason: "upstream_lost" }), again, refreshed, used).lines).toEqual([]);
});
