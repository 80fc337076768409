/** Calls to an HTTP API to which the way is harmed, and to one that freezes or is killed. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { selfSignedCertificate } from "../support/certificate.ts";
import { isTorture } from "../torture/scale.ts";
import { type ApiBackend, actingMoments, openApiBackend, openApiStage, readingMoments } from "./api-stage.ts";
import { type Moment, moreNetworkFaults, networkFaults, serverFaults } from "./faults.ts";
import { scenariosOf, testScenarios } from "./scenarios.ts";

const allFaults = [...networkFaults, ...moreNetworkFaults];
const named = (...names: readonly string[]) => allFaults.filter(({ name }) => names.includes(name));
/** All of them by torture; otherwise those that the others are like, each at its own moments. */
const chosen = (moments: readonly Moment[], few: readonly (readonly [fault: string, ...moments: Moment[]])[]) =>
  isTorture
    ? scenariosOf(allFaults, moments)
    : few.flatMap(([fault, ...moments]) => scenariosOf(named(fault), moments));

describe("the way to it", () => {
  let backend: ApiBackend;

  beforeAll(async () => {
    backend = await openApiBackend();
  });
  afterAll(() => backend.close());

  const reading = chosen(readingMoments, [
    ["down", "connect"],
    ["reset", "idle"],
    ["forgotten connections", "idle"],
    ["timeout", "mid_query"],
    ["limit in the rows", "mid_result"],
    ["half open from the server", "mid_result"],
  ]);
  const acting = chosen(actingMoments, [
    ["down", "connect"],
    ["reset", "commit"],
    ["half open from the server", "commit"],
  ]);
  const encrypted = chosen(readingMoments, [["corruption", "connect", "mid_result"]]);
  const actingEncrypted = chosen(actingMoments, [["blackhole", "connect"]]);
  const tls = selfSignedCertificate();

  describe("of queries", () => {
    testScenarios(reading, (scenario) => openApiStage(backend, scenario, { calls: "queries" }));
  });

  describe("of actions", () => {
    testScenarios(acting, (scenario) => openApiStage(backend, scenario, { calls: "actions" }));
  });

  describe("of queries over TLS", () => {
    testScenarios(encrypted, (scenario) => openApiStage(backend, scenario, { calls: "queries", tls }));
  });

  describe("of actions over TLS", () => {
    testScenarios(actingEncrypted, (scenario) => openApiStage(backend, scenario, { calls: "actions", tls }));
  });

  if (isTorture) {
    describe("for a moment", () => {
      const blips = scenariosOf(networkFaults, readingMoments).map((scenario) => ({ ...scenario, blip: true }));
      testScenarios(blips, (scenario) => openApiStage(backend, scenario, { calls: "queries" }));
      const actingBlips = scenariosOf(networkFaults, actingMoments).map((scenario) => ({ ...scenario, blip: true }));
      testScenarios(actingBlips, (scenario) => openApiStage(backend, scenario, { calls: "actions" }));
    });
  }

  // Runs alone, behind those that run at once.
  test("no permit and no place is held when all is over", async () => {
    await expect.poll(() => backend.held()).toEqual([]);
  });
});

if (isTorture) {
  describe("the API itself", () => {
    let backend: ApiBackend;

    beforeAll(async () => {
      backend = await openApiBackend();
    });
    afterAll(() => backend.close());

    const calls = [
      ["queries", readingMoments],
      ["actions", actingMoments],
    ] as const;
    describe.each(calls)("of %s", (calls, moments) => {
      // There is one API, and a scenario harms all of it.
      testScenarios(scenariosOf(serverFaults, moments), (scenario) => openApiStage(backend, scenario, { calls }), {
        concurrent: false,
      });
    });
  });
}
