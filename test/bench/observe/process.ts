/** The process whose CPU is measured. */
import path from "node:path";
import { createMetrics } from "../../../src/observability/metrics.ts";
import type { Observe } from "../../../src/observability/observation.ts";
import { createTelling } from "../../../src/observability/telling.ts";
import { listening } from "../../../src/wiring/observing.ts";
import { databaseConnector, type StartOptions, startService } from "../stream/service.ts";
import { answerCommands } from "../support/child.ts";
import type { Addresses, Opening, ServiceName } from "./cases.ts";

const cleanup = new AsyncDisposableStack();
/** Whether metrics and the log of the plain service hear anything. */
let hearing = true;

/** As a service has it, but that it can be had not to listen for a while. */
const interrupted: StartOptions["observing"] = ({ metricsConnectors: connectors, commit }, log) => {
  const metrics = createMetrics({ connectors, commit });
  const whileHearing = (observe: Observe): Observe => {
    return (observation) => {
      if (hearing) observe(observation);
    };
  };
  return { metrics, ...listening([metrics.observe, createTelling(log)].map(whileHearing)) };
};

const optionsOf = ({ collectorUrl }: Opening): Readonly<Record<ServiceName, StartOptions>> => ({
  plain: { observing: interrupted },
  tracing: { environment: { OTEL_EXPORTER_OTLP_ENDPOINT: collectorUrl } },
});

answerCommands(
  {
    /** Starts every service with a connector to the database. */
    async open(opening: Opening): Promise<Addresses> {
      const addresses: Partial<Record<ServiceName, Addresses[ServiceName]>> = {};
      for (const [name, options] of Object.entries(optionsOf(opening)) as [ServiceName, StartOptions][]) {
        const directory = path.join(opening.directory, name);
        const service = await startService(databaseConnector(opening.databaseUrl), directory, options);
        cleanup.defer(service.close);
        addresses[name] = service.address;
      }
      return addresses as Addresses;
    },

    hear(on: boolean): void {
      hearing = on;
    },

    /** Microseconds of CPU that this process has used, in user and system. */
    cpuUs(): number {
      const { user, system } = process.cpuUsage();
      return user + system;
    },
  },
  () => cleanup.disposeAsync(),
);
