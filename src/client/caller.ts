/** Who calls, and where: what every way to the service needs. */
import type { Interceptor } from "@connectrpc/connect";

export interface CallerOptions {
  /** Where the service is: `http://localhost:8080`; `https:` for TLS. */
  readonly url: string;
  /** An API key or a JWT, or what gives one for each call. */
  readonly token: string | (() => string | Promise<string>);
  /** The agent that every call is made as, on its grants only. Default: none, or the token's own. */
  readonly agent?: string;
  /** Milliseconds a call may take when it says nothing itself. Default: the service's own (30 s, a stream 10 min). */
  readonly timeoutMs?: number;
  /** Bytes of one message at most; a larger one fails its call. Default: 256 MiB. */
  readonly maxMessageBytes?: number;
  /** Around every call, the first one outermost. */
  readonly interceptors?: readonly Interceptor[];
}

export const defaultMaxMessage = 256 * 1024 * 1024;

export function authorization({ token, agent }: CallerOptions): Interceptor {
  return (next) => async (request) => {
    if (agent !== undefined) request.header.set("Connector-Agent", agent);
    request.header.set("Authorization", `Bearer ${typeof token === "function" ? await token() : token}`);
    return next(request);
  };
}
