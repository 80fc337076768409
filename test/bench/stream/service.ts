/** Starts the service as its own main does, with a connector to the source of the benchmark. */
import { createConnectorClient } from "../../../src/client/index.ts";
import { type Config, readConfig } from "../../../src/config.ts";
import { startService as start } from "../../../src/main.ts";
import { createLog, type Log } from "../../../src/observability/log.ts";
import type { Observing } from "../../../src/wiring/observing.ts";
import type { ConnectorGiven } from "../support/stages.ts";
import type { ServiceAddress } from "./cases.ts";

export interface StartOptions {
  /** Besides where its data are. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Default: all listen that do in a service. */
  readonly observing?: (config: Config, log: Log) => Observing;
}

export async function startService(
  connector: ConnectorGiven,
  directory: string,
  { environment, observing }: StartOptions = {},
): Promise<{ address: ServiceAddress; close: () => Promise<void> }> {
  const config = readConfig({ PORT: "0", CONNECTOR_DATA_DIR: directory, LOG_LEVEL: "warn", ...environment });
  const log = createLog(config.logLevel);
  const service = await start(config, log, observing?.(config, log));
  const { url, firstApiKey: token } = service;
  if (token === undefined) throw new Error("A new service has made no API key.");
  const connectorId = await createConnector({ url, token }, connector);
  return {
    address: { url, token, connectorId },
    close: async () => {
      await service.stop();
    },
  };
}

async function createConnector(address: { url: string; token: string }, given: ConnectorGiven): Promise<string> {
  const client = createConnectorClient(address);
  try {
    const connector = await client.createConnector({ name: "bench", ...given } as Parameters<
      typeof client.createConnector
    >[0]);
    return connector.id;
  } finally {
    client.close();
  }
}

export function databaseConnector(databaseUrl: string): ConnectorGiven {
  const database = new URL(databaseUrl);
  return {
    provider: database.protocol === "mysql:" ? "mysql" : "postgresql",
    config: {
      host: database.hostname,
      port: Number(database.port),
      database: decodeURIComponent(database.pathname.slice(1)),
      user: decodeURIComponent(database.username),
      tls: "disable",
    },
    credential: { password: decodeURIComponent(database.password) },
  };
}
