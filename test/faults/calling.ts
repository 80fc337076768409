/** A client that leaves it to the service to keep its calls to their deadline, and sees when it does not. */
import { type ConnectorClient, createConnectorClient } from "../../src/client/index.ts";

export interface Caller {
  readonly client: ConnectorClient;
  readonly deadlineMs: number;
  /** Options of one call: who is not answered long after the deadline gives up. */
  options(): { readonly signal: AbortSignal };
}

const patienceMs = 5_000;

export function callerOf(service: { readonly url: string; readonly token: string }, deadlineMs: number): Caller {
  const client = createConnectorClient({
    ...{ url: service.url, token: service.token },
    interceptors: [
      (next) => (request) => {
        request.header.set("connect-timeout-ms", String(deadlineMs));
        return next(request);
      },
    ],
  });
  return { client, deadlineMs, options: () => ({ signal: AbortSignal.timeout(deadlineMs + patienceMs) }) };
}
