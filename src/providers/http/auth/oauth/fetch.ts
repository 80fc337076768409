/** How requests go to an authorization server: through the guarded dial, and with what vendors leave out put into their answers. */
import type { CustomFetchOptions } from "oauth4webapi";
import type { Dial } from "../../../../egress/dial.ts";
import { createFetch } from "../../../../egress/fetch.ts";
import type { ClientCertificate, Trust } from "../../../../egress/tls.ts";
import { timedOut, unavailable } from "./failure.ts";

export interface OAuthFetchOptions {
  readonly dial: Dial;
  readonly trust: Trust | undefined;
  /** Certificates in PEM that are trusted instead of all others. */
  readonly ca: string | undefined;
  /** Shown to a server that asks who connects. */
  readonly certificate: ClientCertificate | undefined;
}

export interface OAuthFetch {
  /** @throws A Failure, or the signal's reason. */
  fetch(url: string, options: CustomFetchOptions<string, URLSearchParams | undefined>): Promise<Response>;
  /** How much the server's clock was ahead of this one's in its last answer, in seconds. */
  readonly clockSkew: number;
}

/** How long the server may take for an answer. */
const timeoutMs = 20_000;
/** Of an answer; the largest metadata known has 10,000. */
const maxBytes = 200_000;

export function createOAuthFetch({ dial, trust, ca, certificate }: OAuthFetchOptions): OAuthFetch {
  const encrypted = createFetch(dial, { trust });
  const clear = createFetch((target, ...rest) => dial({ ...target, isClearText: true }, ...rest), { trust });
  let clockSkew = 0;
  return {
    get clockSkew() {
      return clockSkew;
    },
    async fetch(url, { method, headers, body, signal }) {
      const { protocol, hostname } = new URL(url);
      const timeout = AbortSignal.timeout(timeoutMs);
      const asked = Date.now();
      const ask = protocol === "http:" ? clear : encrypted;
      const init = {
        method,
        headers,
        ...(body === undefined ? {} : { body: String(body) }),
        maxBytes,
        ca,
        certificate,
      };
      const asking = { ...init, signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]) };
      const response = await ask(url, asking).catch((error: unknown) => {
        throw timeout.aborted && error === timeout.reason ? timedOut(hostname, timeoutMs) : error;
      });
      clockSkew = skewOf(response, asked);
      const failure = unavailable(hostname, response);
      if (failure !== undefined) throw failure;
      return method === "POST" ? completed(response) : response;
    },
  };
}

/**
 * As little as the date in the answer allows, which is of some moment since `asked`; never so
 * much that what is signed would be of the server's future. 0 without a date, and with one that
 * nobody could mean.
 */
function skewOf({ headers }: Response, asked: number): number {
  const date = Date.parse(headers.get("date") ?? "");
  const ahead = Math.floor((date - Date.now()) / 1_000);
  // The date is of a whole second, which may have begun before.
  const behind = date < asked - 1_000 ? Math.floor((date - asked) / 1_000) : 0;
  const seconds = ahead > 0 ? ahead : behind;
  return Math.abs(seconds) < 86_400 ? seconds : 0;
}

/**
 * The answer of a token endpoint as RFC 6749 (section 5) has it: some servers name no type of
 * the token (Shopify), tell of errors with status 200 (GitHub, Slack), or call their JSON
 * something else. Who the user is (`id_token`) is nobody's business here.
 */
async function completed(response: Response): Promise<Response> {
  const body = objectOf(await response.text());
  if (body === undefined) return new Response(null, { status: response.status });
  const { id_token: _, ...rest } = body;
  const isError = rest.access_token === undefined && typeof rest.error === "string";
  const status = isError && response.status === 200 ? 400 : response.status;
  return Response.json({ token_type: "bearer", ...rest }, { status });
}

function objectOf(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}
