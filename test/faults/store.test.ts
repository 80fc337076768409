/** Calls while the service's own database can't be reached as it should: none hangs, lies or leaves anything behind. */
import { isTorture } from "../torture/scale.ts";
import { type Moment, moreNetworkFaults, networkFaults } from "./faults.ts";
import { scenariosOf, testScenarios } from "./scenarios.ts";
import { openStoreStage, unaffected } from "./store-stage.ts";

const moments: readonly Moment[] = ["connect", "idle", "mid_query", "commit", "mid_result"];
/** The others do to the store's driver what these do. */
const chosen = ["down", "reset", "timeout", "half open from the server", "latency"];

testScenarios(
  isTorture
    ? scenariosOf([...networkFaults, ...moreNetworkFaults], moments, unaffected)
    : scenariosOf(
        networkFaults.filter(({ name }) => chosen.includes(name)),
        moments,
        unaffected,
      ),
  openStoreStage,
);
