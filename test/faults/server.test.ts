/** Calls to a PostgreSQL that freezes or is killed. */
import { afterAll, beforeAll, describe } from "vitest";
import { type OwnCluster, ownCluster } from "../support/postgres.ts";
import { scaled } from "../torture/scale.ts";
import { type Moment, serverFaults } from "./faults.ts";
import { scenariosOf, testScenarios } from "./scenarios.ts";
import { type Backend, openBackend, openSourceStage } from "./source-stage.ts";

const moments: readonly Moment[] = ["connect", "idle", "mid_query", "mid_result"];
const rounds = scaled({ test: 1, torture: 3 });

// Each server is one scenario's at a time; the two groups don't meet.
describe.each(serverFaults)("$name", { concurrent: true }, (fault) => {
  let cluster: OwnCluster;
  let backend: Backend;

  beforeAll(async () => {
    cluster = await ownCluster();
    backend = await openBackend(cluster.url, cluster);
  });
  afterAll(async () => {
    await backend.close();
    await cluster.stop();
  });

  const scenarios = Array.from({ length: rounds }, () => scenariosOf([fault], moments)).flat();
  testScenarios(scenarios, (scenario) => openSourceStage(backend, scenario), { concurrent: false });
});
