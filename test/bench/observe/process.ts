/** The process whose CPU is measured: a whole service for each case, so that all of them run the same compiled code. */
import path from "node:path";
import { createMetrics } from "../../../src/observability/metrics.ts";
import { listening } from "../../../src/wiring/observing.ts";
import { databaseConnector, type StartOptions, startService } from "../stream/service.ts";
import { answerCommands } from "../support/child.ts";
import type { Addresses, CaseName, Opening } from "./cases.ts";

const cleanup = new AsyncDisposableStack();

const optionsOf = ({ collectorUrl }: Opening): Readonly<Record<CaseName, StartOptions>> => ({
  off: { observing: { metrics: createMetrics(), ...listening([]) } },
  on: {},
  traced: { environment: { OTEL_EXPORTER_OTLP_ENDPOINT: collectorUrl } },
});

answerCommands(
  {
    /** Starts every service with a connector to the database. */
    async open(opening: Opening): Promise<Addresses> {
      const addresses: Partial<Record<CaseName, Addresses[CaseName]>> = {};
      for (const [name, options] of Object.entries(optionsOf(opening)) as [CaseName, StartOptions][]) {
        const directory = path.join(opening.directory, name);
        const service = await startService(databaseConnector(opening.databaseUrl), directory, options);
        cleanup.defer(service.close);
        addresses[name] = service.address;
      }
      return addresses as Addresses;
    },

    /** Microseconds of CPU that this process has used, in user and system. */
    cpuUs(): number {
      const { user, system } = process.cpuUsage();
      return user + system;
    },
  },
  () => cleanup.disposeAsync(),
);
