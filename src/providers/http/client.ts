/**
 * A live handle to one HTTP API: keeps connections to it, shows who asks, follows redirects,
 * and turns what went wrong into a Failure.
 */
import { validateHeaderName } from "node:http";
import type { Dial } from "../../egress/dial.ts";
import type { Trust } from "../../egress/tls.ts";
import { invalidRequest } from "../../failure.ts";
import type { Call, Places } from "../contract.ts";
import { type Connections, connectionsTo, destinationOf, type HttpConnection } from "./agent.ts";
import type { Authentication, HttpAnswer, HttpClient, HttpRequest } from "./exchange.ts";
import { connectFailure, lost, statusFailure } from "./failure.ts";
import { acceptEncoding } from "./incoming.ts";
import { quotasOf } from "./limits.ts";
import { anonymous, maxRedirects, misled, redirected } from "./redirect.ts";
import { type Answer, exchangeOn, type HttpLimits, isReading } from "./sending.ts";

export interface HttpClientOptions {
  /** Requests to its origin show who asks; others don't. */
  readonly baseUrl: URL;
  readonly authentication: Authentication;
  readonly dial: Dial;
  readonly trust: Trust;
  /** Certificates in PEM that sign the source's, instead of those that `trust` knows. */
  readonly ca?: string | undefined;
  readonly places: Places;
  /** Connections at most. */
  readonly maxConnections: number;
  /** Sent with every request that has none of its own by this name; names in lower case. Default: none. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly limits?: Partial<HttpLimits & IdleLimits> | undefined;
  /** Requests to `baseUrl`'s origin say which trace they are a part of. Default: they don't. */
  readonly tellsTrace?: boolean;
  /** The provider's id, for failures. */
  readonly upstream: string;
}

/** Milliseconds for which an unused connection is kept, and for which it is trusted to lead anywhere still. */
export interface IdleLimits {
  readonly idleMs: number;
  readonly freshMs: number;
}

const defaults = {
  headMs: 60_000,
  silentMs: 30_000,
  maxBytes: 100_000_000,
  maxRatio: 250,
  /** Milliseconds after which an unused connection is closed; servers keep it for a minute, or say how long. */
  idleMs: 30_000,
  freshMs: 5_000,
};

/** Milliseconds of silence on a connection that was unused for long that say nothing, and how many times as long as the source's slowest answers. */
const doubted = { ms: 1_000, times: 3 };
/** What is left of the slowest with each answer that is not: what was slow once is forgotten. */
const forgetting = 0.9;

/** A request that was answered, and what was asked in the end. */
interface Reply {
  readonly answer: Answer;
  readonly asked: HttpRequest;
  /** The source itself has answered, and no stranger that it led to. */
  readonly isOwn: boolean;
}

/** @throws Node's own error when the authentication's certificate can't be read. */
export function createHttpClient(options: HttpClientOptions): HttpClient {
  const { baseUrl, authentication, ca, maxConnections: max, upstream } = options;
  const { certificate } = authentication;
  const { idleMs, freshMs, ...limits } = { ...defaults, ...options.limits };
  // What can't be read shall be known before the first call.
  options.trust.contextFor(ca, certificate);
  const connect = (url: URL) =>
    connectionsTo(destinationOf(url, { ca, certificate }), options, { max, idleMs, freshMs });
  /** To where the source was last. */
  let own = { origin: baseUrl.origin, connections: connect(baseUrl) };
  /** Milliseconds that answers take to begin. */
  let slowestMs = 0;
  const headers = { "user-agent": "connector-service", "accept-encoding": acceptEncoding, ...options.headers };

  async function send(request: HttpRequest, call: Call): Promise<HttpAnswer> {
    const whole = { ...request, headers: { ...headers, ...request.headers } };
    const first = await reply(whole, call);
    return accepted((await isWorthRenewing(first, call)) ? await reply(whole, call) : first);
  }

  /** The first answer that leads nowhere else. */
  async function reply(request: HttpRequest, call: Call): Promise<Reply> {
    let target = request;
    for (let followed = 0; ; followed++) {
      const isOwn = target.url.origin === baseUrl.origin;
      const asked = isOwn ? await authentication.authorize(target, call) : anonymous(target);
      checkHeaders(asked.headers);
      const answer = isOwn ? await answered(ownAt(asked.url), placed(asked, call), call) : await elsewhere(asked, call);
      if (isOwn) tellQuotas(answer, call);
      const url = leadsTo(target, asked, answer);
      if (url === undefined) return { answer, asked, isOwn };
      if (followed === maxRedirects) throw misled(`redirects more than ${maxRedirects} times`);
      target = { ...target, url };
    }
  }

  /** The source is where its authentication says. */
  function ownAt(url: URL): Connections {
    if (url.origin !== own.origin) {
      own.connections.close();
      own = { origin: url.origin, connections: connect(url) };
    }
    return own.connections;
  }

  /** After it was authorized: a signature need not hold what a proxy on the way may change. */
  function placed(request: HttpRequest, { traceparent }: Call): HttpRequest {
    if (options.tellsTrace !== true || traceparent === undefined) return request;
    return { ...request, headers: { traceparent, ...request.headers } };
  }

  /** Whoever is no longer believed may be so with what is newer. */
  async function isWorthRenewing({ answer, asked, isOwn }: Reply, call: Call): Promise<boolean> {
    if (answer.status !== 401 || !isOwn || authentication.renew === undefined) return false;
    // What renews may take its time, or fail.
    answer.discard();
    return authentication.renew(asked, call);
  }

  function accepted({ answer, asked, isOwn }: Reply): HttpAnswer {
    const { status, headers, tls } = answer;
    const { origin } = isOwn ? asked.url : baseUrl;
    if (status >= 200 && status < 300) return { status, headers, tls, origin, body: answer.body() };
    answer.discard();
    // It was not shown the credential, which says nothing of the credential.
    if (status === 401 && !isOwn) throw misled("leads to another origin, which asks for a credential");
    throw statusFailure(answer, upstream);
  }

  async function answered(connections: Connections, request: HttpRequest, call: Call): Promise<Answer> {
    const first = await exchanged(connections, request, call);
    if (first !== "stale") return first;
    connections.dropIdle();
    const second = await exchanged(connections, request, call);
    if (second === "stale") throw lost("The source closes its connections before it answers.", upstream);
    return second;
  }

  /** On a connection that nobody else gets: with none of the source's own trust, and closed afterwards. */
  async function elsewhere(request: HttpRequest, call: Call): Promise<Answer> {
    const connections = connectionsTo(destinationOf(request.url), options, { max: 1, idleMs, freshMs });
    try {
      return await answered(connections, request, call);
    } finally {
      connections.close();
    }
  }

  async function exchanged(connections: Connections, request: HttpRequest, call: Call): Promise<Answer | "stale"> {
    const connection = await opened(connections, request, call);
    const over = (reusable: boolean) => connections.release(connection, reusable);
    // Whatever changes something was given none of those, and must not be under way twice.
    const isDoubtful = isReading(request) && connection.unusedMs > freshMs;
    const doubtMs = isDoubtful ? Math.max(doubted.ms, slowestMs * doubted.times) : undefined;
    const begun = performance.now();
    const answer = await exchangeOn(connection, request, { call, limits, doubtMs, upstream }, over);
    if (answer !== "stale") slowestMs = Math.max(performance.now() - begun, slowestMs * forgetting);
    return answer;
  }

  /** What changes something goes over no connection of which nobody knows whether it leads anywhere. */
  async function opened(connections: Connections, request: HttpRequest, call: Call): Promise<HttpConnection> {
    try {
      return await connections.acquire(call, { freshOnly: !isReading(request) });
    } catch (error) {
      call.signal.throwIfAborted();
      throw connectFailure(error, upstream);
    }
  }

  return {
    send,
    async close() {
      own.connections.close();
    },
  };
}

function leadsTo(request: HttpRequest, asked: HttpRequest, answer: Answer): URL | undefined {
  let url: URL | undefined;
  try {
    url = redirected(request, asked, answer);
    return url;
  } catch (error) {
    answer.discard();
    throw error;
  } finally {
    if (url !== undefined) answer.discard();
  }
}

function tellQuotas({ headers }: Answer, call: Call): void {
  for (const quota of quotasOf(headers, Date.now())) call.quota(quota);
}

/** What axios would leave out without a word, a credential's character among them. */
const unwritable = /[^\t\x20-\x7e\x80-\xff]/;

function checkHeaders(headers: Readonly<Record<string, string>>): void {
  for (const name in headers) {
    try {
      validateHeaderName(name);
    } catch {
      throw invalidRequest({ field: "headers", description: "holds a name that no header can have" });
    }
    if (unwritable.test(headers[name] ?? "")) {
      throw invalidRequest({ field: `headers.${name}`, description: "holds a character that no header can have" });
    }
  }
}
