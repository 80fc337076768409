/** A client that leaves it to the service to keep its calls to their deadline, and sees when it does not. */
import { type ConnectorClient, createConnectorClient } from "../../src/client/index.ts";

export interface Caller {
  readonly client: ConnectorClient;
  readonly deadlineMs: number;
  /** Options of one call: who is not answered long after the deadline gives up. */
  options(): { readonly signal: AbortSignal };
}

const patienceMs = 5_000;
/** The deadline of calls that must succeed: how fast they do is not what is tested. */
export const patientMs = 20_000;

export interface Callers {
  /** The one for all calls with this deadline. */
  within(deadlineMs: number): Caller;
  close(): void;
}

export function callersOf(service: Called): Callers {
  const callers = new Map<number, Caller>();
  return {
    within(deadlineMs) {
      const caller = callers.get(deadlineMs) ?? callerOf(service, deadlineMs);
      callers.set(deadlineMs, caller);
      return caller;
    },
    close() {
      for (const { client } of callers.values()) client.close();
    },
  };
}

interface Called {
  readonly url: string;
  readonly token: string;
}

function callerOf(service: Called, deadlineMs: number): Caller {
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
