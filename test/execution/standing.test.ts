import { expect, test } from "vitest";
import { standings } from "../../src/execution/standing.ts";
import { httpConnector } from "./executing.ts";

const bulkhead = (connector: number) => ({ connector, waiting: 1 });

/** Standings that tell how many have been made, by the permits that a connector's policy gives. */
function counted() {
  let made = 0;
  const standingOf = standings(({ organizationId, id: connectorId, provider, policy }) => {
    made++;
    const rate = { callsPerSecond: undefined, observeOnly: false, organizationCallsPerSecond: undefined };
    const time = { defaultMs: 1, maxMs: 1 };
    return {
      subject: { organizationId, connectorId, provider },
      type: "api",
      limits: { unary: time, stream: time, bulkhead: bulkhead(policy?.maxConcurrency ?? 0), rate, cacheMs: 0 },
      listeners: {},
    };
  });
  return { standingOf, made: () => made };
}

test("the calls of a connector that can't change share its standing", () => {
  const { standingOf, made } = counted();
  const connector = Object.freeze(httpConnector(1, { maxConcurrency: 1 }));
  expect(standingOf(connector)).toBe(standingOf(connector));
  expect(made()).toBe(1);
  expect(standingOf(Object.freeze({ ...connector }))).not.toBe(standingOf(connector));
});

test("a connector that can change is looked at anew for each call", () => {
  const { standingOf } = counted();
  const connector = httpConnector(1, { maxConcurrency: 1 });
  expect(standingOf(connector).limits.bulkhead).toEqual(bulkhead(1));
  connector.policy = { maxConcurrency: 2 };
  expect(standingOf(connector).limits.bulkhead).toEqual(bulkhead(2));
});
