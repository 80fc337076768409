/** The published client in Node: `import { createConnectorClient } from "connector-service/client"`. */
import { type ConnectorClient, clientOver } from "./client.ts";
import { openTransport, type TransportOptions } from "./transport.ts";

export * from "./published.ts";
export type { TransportOptions } from "./transport.ts";

/**
 * A client of the service over one HTTP/2 connection, opened by the first call and
 * again when it is lost.
 */
export function createConnectorClient(options: TransportOptions): ConnectorClient {
  return clientOver(openTransport(options));
}
