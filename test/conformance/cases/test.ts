/** TestConnector of a connector that works. */
import { expect } from "vitest";
import { CheckOutcome } from "../../../src/gen/connector/v1/connector_pb.js";
import type { CaseOf, Scene } from "../case.ts";

const needs = ["test"] as const;

export const testCases = (): readonly CaseOf<Scene>[] => [
  {
    name: "says that it works, what answered, and how each check went",
    needs,
    async run({ client, connectorId }) {
      const { ok, serverVersion, checks, latency } = await client.testConnector(connectorId);
      expect(ok).toBe(true);
      expect(serverVersion).toMatch(/^\S.*\d/);
      expect(latency).toBeDefined();
      expect(checks.length).toBeGreaterThan(0);
      for (const { name, outcome, message, reason, remedy } of checks) {
        expect([CheckOutcome.PASSED, CheckOutcome.WARNING], `${name}: ${message}`).toContain(outcome);
        expect(message).toMatch(/\S/);
        expect(reason).toBe("");
        // Whoever warns says what should be done.
        if (outcome === CheckOutcome.WARNING) expect(remedy).toMatch(/\S/);
      }
    },
  },
  {
    name: "is listed with what its connectors need",
    needs,
    async run({ client, definition, target }) {
      const listed = (await client.listProviders()).find(({ id }) => id === definition.id);
      expect(listed).toMatchObject({ title: definition.title, configSchema: { type: "object" } });
      expect(listed?.capabilities).toHaveLength(definition.capabilities.length);
      const { properties = {} } = (listed?.configSchema ?? {}) as { properties?: object };
      expect(Object.keys(properties)).toEqual(expect.arrayContaining(Object.keys((await target()).config)));
    },
  },
  {
    name: "answers many at once",
    needs,
    async run({ client, connectorId }) {
      const answers = await Promise.all(Array.from({ length: 5 }, () => client.testConnector(connectorId)));
      expect(answers.map(({ ok }) => ok)).toEqual([true, true, true, true, true]);
    },
  },
];
