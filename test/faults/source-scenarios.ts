/** The way to a source is harmed, by every fault at every moment: no call hangs, lies or leaves anything behind. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { selfSignedCertificate } from "../support/certificate.ts";
import type { FreshDatabase } from "../support/postgres.ts";
import type { SourceKind } from "../support/source-kind.ts";
import { isTorture } from "../torture/scale.ts";
import { type Moment, moreNetworkFaults, networkFaults } from "./faults.ts";
import { scenariosOf, testScenarios } from "./scenarios.ts";
import { type Backend, openBackend, openSourceStage } from "./source-stage.ts";

const moments: readonly Moment[] = ["connect", "idle", "mid_query", "mid_result"];
const faults = isTorture ? [...networkFaults, ...moreNetworkFaults] : networkFaults;

/** The tests of one kind of source, in a file of its own. */
export function testWayToSource(kind: SourceKind): void {
  let database: FreshDatabase;
  let backend: Backend;

  beforeAll(async () => {
    database = await kind.freshDatabase();
    backend = await openBackend(kind, database.url);
  });
  afterAll(async () => {
    await backend.close();
    await database.drop();
  });

  describe("without TLS", () => {
    testScenarios(scenariosOf(faults, moments), (scenario) => openSourceStage(backend, scenario));
  });

  const certificate = selfSignedCertificate();
  const overTls = isTorture
    ? scenariosOf(faults, moments)
    : scenariosOf(
        networkFaults.filter(({ name }) => name === "corruption"),
        ["connect", "mid_result"],
      );

  describe("over TLS", () => {
    testScenarios(overTls, (scenario) => openSourceStage(backend, scenario, certificate));
  });

  if (isTorture) {
    describe("for a moment", () => {
      const blips = scenariosOf(networkFaults, moments).map((scenario) => ({ ...scenario, blip: true }));
      testScenarios(blips, (scenario) => openSourceStage(backend, scenario));
    });
  }

  // Runs alone, behind those that run at once.
  test("no permit and no place is held when all is over", async () => {
    await expect.poll(() => backend.held()).toEqual([]);
  });
}
