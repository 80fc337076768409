/** Calls to a source that freezes or is killed. */
import { afterAll, beforeAll, describe } from "vitest";
import { hasMariadb } from "../support/mariadb-server.ts";
import { mysqlKind } from "../support/mysql-kind.ts";
import { postgresqlKind } from "../support/postgresql-kind.ts";
import type { OwnServer } from "../support/source-kind.ts";
import { scaled } from "../torture/scale.ts";
import { type Moment, serverFaults } from "./faults.ts";
import { scenariosOf, testScenarios } from "./scenarios.ts";
import { type Backend, openBackend, openSourceStage } from "./source-stage.ts";

const moments: readonly Moment[] = ["connect", "idle", "mid_query", "mid_result"];
const rounds = scaled({ test: 1, torture: 3 });

const kinds = hasMariadb ? [postgresqlKind, mysqlKind] : [postgresqlKind];
const pairs = kinds.flatMap((kind) => serverFaults.map((fault) => ({ kind, fault })));

// Each server is one scenario's at a time; the groups don't meet.
describe.each(pairs)("$kind.id, $fault.name", { concurrent: true }, ({ kind, fault }) => {
  let server: OwnServer;
  let backend: Backend;

  beforeAll(async () => {
    server = await kind.ownServer();
    backend = await openBackend(kind, server.url, server);
  });
  afterAll(async () => {
    await backend.close();
    await server.stop();
  });

  const scenarios = Array.from({ length: rounds }, () => scenariosOf([fault], moments)).flat();
  testScenarios(scenarios, (scenario) => openSourceStage(backend, scenario), { concurrent: false });
});
