/** The breakers of all connectors: whose is whose, and how long each one lasts. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Breaker } from "../../src/execution/breaker/breaker.ts";
import { type Breakers, createBreakers } from "../../src/execution/breaker/breakers.ts";
import type { Observation } from "../../src/observability/observation.ts";

const subjectOf = (connectorId: string, organizationId = "acme") => ({
  organizationId,
  connectorId,
  provider: "postgresql",
});
const closed = { state: "closed", reason: undefined, nextProbeTime: undefined, opened: 0 };

let observations: Observation[];
let breakers: Breakers;

function open(breaker: Breaker) {
  for (let call = 0; call < 5; call++) breaker.begin().judge("failing", "upstream_unreachable");
  expect(breaker.status().state).toBe("open");
}

beforeEach(() => {
  vi.useFakeTimers();
  observations = [];
  breakers = createBreakers({ openMs: 2_000, observe: (observation) => observations.push(observation) });
});
afterEach(() => {
  breakers.close();
  vi.useRealTimers();
});

test("each connector of each organization has a breaker of its own", () => {
  open(breakers.of(subjectOf("one"), "1"));
  expect(breakers.of(subjectOf("one"), "1").status().state).toBe("open");
  breakers.of(subjectOf("two"), "1").check();
  breakers.of(subjectOf("one", "other"), "1").check();
  expect(breakers.status("acme", "one")).toMatchObject({ state: "open", reason: "upstream_unreachable", opened: 1 });
  expect(breakers.status("other", "one")).toEqual(closed);
});

test("every change of state is told with the connector and the reason", () => {
  const subject = subjectOf("told");
  open(breakers.of(subject, "1"));
  vi.advanceTimersByTime(2_200);
  breakers.of(subject, "1").begin().judge("healthy");
  const change = { kind: "breaker_changed", subject, reason: "upstream_unreachable" };
  expect(observations).toEqual([
    { ...change, from: "closed", to: "open" },
    { ...change, from: "open", to: "half_open" },
    { ...change, from: "half_open", to: "closed" },
  ]);
});

test("another version of a connector starts with a closed breaker, and what the old one still does counts no more", () => {
  const old = breakers.of(subjectOf("changed"), "1");
  const running = old.begin();
  open(old);
  const changed = breakers.of(subjectOf("changed"), "2");
  expect(changed.status()).toEqual(closed);
  expect(observations.at(-1)).toMatchObject({ from: "open", to: "closed" });
  running.judge("failing", "upstream_lost");
  for (let call = 0; call < 20; call++) old.begin().judge("failing", "upstream_lost");
  expect(breakers.status("acme", "changed")).toEqual(closed);
  expect(observations).toHaveLength(2);
});

test("asking for the status of a connector that was never called makes no breaker", () => {
  for (let connector = 0; connector < 10_000; connector++) breakers.of(subjectOf(`${connector}`), "1");
  open(breakers.of(subjectOf("0"), "1"));
  for (let connector = 0; connector < 10_000; connector++) breakers.status("stranger", `${connector}`);
  expect(breakers.status("acme", "0").state).toBe("open");
});

test("a forgotten connector's breaker is closed, and has no timer", () => {
  const timers = vi.getTimerCount();
  open(breakers.of(subjectOf("deleted"), "1"));
  expect(vi.getTimerCount()).toBe(timers + 1);
  breakers.forget("acme", "deleted");
  breakers.forget("acme", "never called");
  expect(vi.getTimerCount()).toBe(timers);
  expect(breakers.status("acme", "deleted")).toEqual(closed);
});

test("of more than 10,000 breakers those unused the longest go, with their timers", () => {
  const timers = vi.getTimerCount();
  open(breakers.of(subjectOf("unused"), "1"));
  open(breakers.of(subjectOf("used"), "1"));
  for (let connector = 0; connector < 9_998; connector++) breakers.of(subjectOf(`${connector}`), "1");
  breakers.of(subjectOf("used"), "1");
  breakers.of(subjectOf("one more"), "1");
  expect(breakers.status("acme", "unused").state).toBe("closed");
  expect(breakers.status("acme", "used").state).toBe("open");
  expect(vi.getTimerCount()).toBe(timers + 1);
});

test("closing frees the timers of all, probes' too", () => {
  open(breakers.of(subjectOf("open"), "1"));
  const probed = breakers.of(subjectOf("probed"), "1");
  open(probed);
  vi.advanceTimersByTime(2_200);
  probed.begin();
  breakers.close();
  expect(vi.getTimerCount()).toBe(0);
});
