/** Starts the service as its own main does, with a connector to the database of the benchmark. */
import { createConnectorClient } from "../../../src/client/client.ts";
import type { ServiceAddress } from "./cases.ts";

/** What src/main.ts gives. */
interface Main {
  startService(options: {
    readonly port: number;
    readonly dataDirectory: string;
    readonly log: boolean;
    /** The database of the benchmark is on this machine. */
    readonly egressAllow: readonly string[];
  }): Promise<{ readonly url: string; readonly token: string; close(): Promise<void> }>;
}

export async function startService(
  databaseUrl: string,
  directory: string,
): Promise<{ address: ServiceAddress; close: () => Promise<void> }> {
  const main = (await import(new URL("../../../src/main.ts", import.meta.url).href)) as Main;
  const service = await main.startService({
    port: 0,
    dataDirectory: directory,
    log: false,
    egressAllow: ["127.0.0.0/8"],
  });
  const { url, token } = service;
  const connectorId = await createConnector({ url, token }, new URL(databaseUrl));
  return { address: { url, token, connectorId }, close: () => service.close() };
}

async function createConnector(address: { url: string; token: string }, database: URL): Promise<string> {
  const client = createConnectorClient(address);
  try {
    const connector = await client.createConnector({
      provider: "postgresql",
      name: "bench",
      config: {
        host: database.hostname,
        port: Number(database.port),
        database: decodeURIComponent(database.pathname.slice(1)),
        user: decodeURIComponent(database.username),
        tls: "disable",
      },
      credential: { password: decodeURIComponent(database.password) },
    });
    return connector.id;
  } finally {
    client.close();
  }
}
