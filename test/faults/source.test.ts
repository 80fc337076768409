/** Calls to a PostgreSQL to which the way is harmed: none hangs, lies or leaves anything behind. */
import pg from "pg";
import { afterAll, beforeAll, describe } from "vitest";
import { selfSignedCertificate } from "../support/certificate.ts";
import { type FreshDatabase, freshDatabase } from "../support/postgres.ts";
import { type TestService, testService } from "../support/service.ts";
import { isTorture } from "../torture/scale.ts";
import { type Moment, moreNetworkFaults, networkFaults } from "./faults.ts";
import { scenariosOf, testScenarios } from "./scenarios.ts";
import { type Backend, knownTable, maxConnections, openSourceStage } from "./source-stage.ts";

let service: TestService;
let database: FreshDatabase;
let backend: Backend;

beforeAll(async () => {
  [service, database] = await Promise.all([
    testService({ MAX_CONNECTIONS_PER_CONNECTOR: String(maxConnections) }),
    freshDatabase(),
  ]);
  const admin = new pg.Pool({ connectionString: database.url, max: 3 });
  await admin.query(knownTable);
  backend = { service, url: database.url, admin };
});
afterAll(async () => {
  await backend.admin.end();
  await service.stop();
  await database.drop();
});

const moments: readonly Moment[] = ["connect", "idle", "mid_query", "mid_result"];
const faults = isTorture ? [...networkFaults, ...moreNetworkFaults] : networkFaults;

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

describe.runIf(isTorture)("for a moment", () => {
  const blips = scenariosOf(networkFaults, moments).map((scenario) => ({ ...scenario, blip: true }));
  testScenarios(blips, (scenario) => openSourceStage(backend, scenario));
});
