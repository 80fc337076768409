/**
 * The published client in browsers, workers and wherever else there is `fetch`. Bundlers find it by
 * `connector-service/client`, everybody by `connector-service/client/web`.
 */
import { type ConnectorClient, clientOver } from "./client.ts";
import { openWebTransport, type WebTransportOptions } from "./web-transport.ts";

export * from "./published.ts";
export type { WebTransportOptions } from "./web-transport.ts";

/**
 * A client of the service by `fetch`. From a page of another origin, the service has to allow that
 * origin (CORS_ORIGINS).
 */
export function createConnectorClient(options: WebTransportOptions): ConnectorClient {
  return clientOver(openWebTransport(options));
}
