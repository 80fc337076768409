/** The service as `npm start` runs it, on a free port and for the time of the demo. */
import { type ConnectorClient, createConnectorClient } from "../client/index.ts";
import { readConfig } from "../config.ts";
import { Failure } from "../failure.ts";
import { startService } from "../main.ts";
import { createLog } from "../observability/log.ts";
import type { Embedded } from "../store/embedded.ts";

export interface DemoService extends AsyncDisposable {
  readonly url: string;
  readonly client: ConnectorClient;
  /** Where its metrics are read: `127.0.0.1:9464`. */
  readonly metricsTarget: string;
  /** The built-in PostgreSQL, which plays the customer's too. */
  readonly server: Embedded;
}

/**
 * @param directory gets all that the service stores
 * @param egressRule where connectors may go besides this machine and the public internet
 */
export async function startDemoService(directory: string, egressRule: string | undefined): Promise<DemoService> {
  // Nothing of the user's own environment: the demo touches no database but its own, and one that it is given.
  const config = readConfig({
    ...{ PORT: "0", METRICS_PORT: "0", CONNECTOR_DATA_DIR: directory, LOG_LEVEL: "silent", DRAIN_SECONDS: "2" },
    EGRESS_ALLOW: egressRule,
  });
  const service = await startService(config, createLog(config.logLevel));
  const { url, embedded, firstApiKey } = service;
  if (embedded === undefined || firstApiKey === undefined) {
    await service.stop();
    throw new Failure("internal", "The service did not start as one with a built-in database.");
  }
  const client = createConnectorClient({ url, token: firstApiKey });
  return {
    url,
    client,
    metricsTarget: `127.0.0.1:${service.metricsPort}`,
    server: embedded,
    async [Symbol.asyncDispose]() {
      client.close();
      await service.stop();
    },
  };
}
