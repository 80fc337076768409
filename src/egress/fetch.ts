/**
 * What fetch does, through the guarded dial: for the operator's endpoints that speak HTTP.
 *
 * Every hop of a redirect is judged as the first one was. Nothing that the caller gives
 * goes to another origin, and nothing at all from https to http. The environment names no
 * proxy here: a proxy would dial what nobody has judged.
 */
import { Failure } from "../failure.ts";
import type { Dial } from "./dial.ts";
import { exchange, type HttpAnswer, type HttpRequest } from "./exchange.ts";
import { type ClientCertificate, createTrust, type Trust } from "./tls.ts";

export interface FetchInit {
  /** Default: GET. */
  readonly method?: string;
  readonly headers?: Headers | Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** Ends the fetch with its reason. Default: after 30 s. */
  readonly signal?: AbortSignal;
  /** Bytes of the decompressed body at most. Default: 1,000,000. */
  readonly maxBytes?: number;
  /** Redirects to follow. Default: none, the redirect is the answer. */
  readonly maxRedirects?: number;
  /** Certificates in PEM that are trusted instead of all others. */
  readonly ca?: string | undefined;
  /** Shown to the server when it asks for one. Default: none. */
  readonly certificate?: ClientCertificate | undefined;
}

/**
 * The answer, whatever its status, with its whole body.
 *
 * @throws The signal's reason, or a Failure that holds no path, query, header or body:
 *   `egress_denied`, `invalid_request` for what is no http or https URL, `tls_failed`,
 *   `upstream_unreachable`, `upstream_lost`, `upstream_unavailable` for an answer that is
 *   no HTTP, `too_large`.
 */
export type GuardedFetch = (url: string | URL, init?: FetchInit) => Promise<Response>;

export interface FetchOptions {
  /** Certificates in PEM that are trusted besides those that Node does. */
  readonly ca?: string | undefined;
  /** Who may sign the certificates of servers, instead of `ca`. */
  readonly trust?: Trust | undefined;
}

const defaultMaxBytes = 1_000_000;
const defaultTimeoutMs = 30_000;
const redirects = new Set([301, 302, 303, 307, 308]);
/** Statuses whose answer has no body (RFC 9110, sections 15.3.5, 15.3.6 and 15.4.5). */
const bodiless = new Set([204, 205, 304]);

export function createFetch(dial: Dial, { ca, trust = createTrust(ca) }: FetchOptions = {}): GuardedFetch {
  return async (url, init = {}) => {
    const { maxRedirects = 0 } = init;
    let asked = requestOf(url, init);
    for (let followed = 0; ; followed++) {
      const answer = await exchange(dial, trust, asked);
      const next = maxRedirects > 0 ? redirected(asked, answer) : undefined;
      if (next === undefined) return responseOf(answer, asked.url);
      if (followed === maxRedirects) throw misled(asked.url, `redirects more than ${maxRedirects} times`);
      asked = next;
    }
  };
}

function requestOf(url: string | URL, init: FetchInit): HttpRequest {
  const { method = "GET", body, signal, maxBytes = defaultMaxBytes, ca, certificate } = init;
  return {
    url: checked(URL.parse(url)),
    method: method.toUpperCase(),
    headers: new Headers(init.headers),
    body: bytesOf(body),
    maxBytes,
    signal: signal ?? AbortSignal.timeout(defaultTimeoutMs),
    ca,
    certificate,
  };
}

/** An empty body is none. */
function bytesOf(body: string | Uint8Array = ""): Uint8Array | undefined {
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  return bytes.length === 0 ? undefined : bytes;
}

function checked(url: URL | null): URL {
  if (url === null || !/^https?:$/.test(url.protocol)) throw badUrl("must begin with https:// or http://");
  if (url.username !== "" || url.password !== "") throw badUrl("must not hold a user or a password");
  return url;
}

function badUrl(description: string): Failure {
  return new Failure("invalid_request", `A URL ${description}.`, { where: "egress" });
}

/** What to ask next, or undefined when the answer leads nowhere else. */
function redirected(asked: HttpRequest, { status, headers }: HttpAnswer): HttpRequest | undefined {
  const location = headers.get("location");
  if (!redirects.has(status) || location === null) return undefined;
  const url = URL.parse(location, asked.url);
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== "" || url.password !== "") {
    throw misled(asked.url, "redirects to what is no http or https URL");
  }
  if (asked.url.protocol === "https:" && url.protocol === "http:") {
    throw misled(asked.url, "redirects from https to http");
  }
  // As all browsers do (RFC 9110, section 15.4): only 307 and 308 repeat the request.
  const repeats = status === 307 || status === 308 || /^(?:GET|HEAD)$/.test(asked.method);
  const next = repeats ? asked : { ...asked, method: "GET", headers: withoutBody(asked.headers), body: undefined };
  if (url.origin === asked.url.origin) return { ...next, url };
  if (next.body !== undefined) throw misled(asked.url, "redirects a body to another origin");
  // Authorization, Cookie and X-Vault-Token among them; certificates are trusted by and shown to one origin, too.
  return { ...next, url, headers: new Headers(), ca: undefined, certificate: undefined };
}

function withoutBody(headers: Headers): Headers {
  const left = new Headers(headers);
  for (const name of [...left.keys()]) if (name.startsWith("content-")) left.delete(name);
  return left;
}

function misled({ hostname }: URL, what: string): Failure {
  return new Failure("egress_denied", `"${hostname}" ${what}, which is not followed.`, {
    where: "egress",
    remedy: "Give the URL that it leads to in the end.",
  });
}

function responseOf({ status, headers, body }: HttpAnswer, { hostname }: URL): Response {
  if (status < 200 || status > 599) {
    throw new Failure("upstream_unavailable", `"${hostname}" answers with a status that there is not.`, {
      where: "upstream",
    });
  }
  return new Response(bodiless.has(status) ? null : body, { status, headers });
}
