/** One request on one connection, by axios, and the answer's head. */
import type { ClientRequest, IncomingMessage, RequestOptions } from "node:http";
import { request as send } from "node:http";
import { AxiosHeaders, getAdapter, type InternalAxiosRequestConfig } from "axios";
import type { Call } from "../contract.ts";
import type { HttpConnection } from "./agent.ts";
import type { HttpRequest } from "./exchange.ts";
import { type AnswerHead, exchangeFailure, lost, unknownOutcome } from "./failure.ts";
import { type BodyLimits, type BodyOwner, bodyOf } from "./incoming.ts";

export interface HttpLimits extends BodyLimits {
  /** Milliseconds from the request until the whole head of its answer must have come. */
  readonly headMs: number;
}

/** What an exchange is part of. */
export interface Exchange {
  readonly call: Call;
  readonly limits: HttpLimits;
  /** Milliseconds of silence after which the connection may be one that the network has forgotten; undefined: it is none. */
  readonly doubtMs: number | undefined;
  /** The provider's id. */
  readonly upstream: string;
}

/** An answer whose head has come. Either its body is read, or it is discarded. */
export interface Answer extends AnswerHead {
  readonly tls: string;
  /** The body; `HttpAnswer.body` says how it is read. */
  body(): AsyncIterable<Uint8Array>;
  /** Nobody wants the body: the connection can be used again when it is small, and is closed otherwise. Once is enough. */
  discard(): void;
}

/** Bytes of an answer's status line and headers together. */
const maxHeaderBytes = 16_384;
/** Answers before the answer (RFC 9110, section 15.2): nobody sends more than a few. */
const maxInformation = 16;
/** What an unwanted body may have, and the milliseconds that it may take. */
const discarded = { bytes: 65_536, ms: 1_000 };
/** Milliseconds of silence after which a source that is given up may be away, however long its caller would have waited. */
const silentMs = 5_000;

/**
 * The connection is the exchange's own until `over` settles: whether it may be used again.
 *
 * @returns `stale` when the server closed the connection as it had been unused, or nothing is
 *   heard on it any more, and the request may be sent once more.
 * @throws Failure or the signal's reason; `HttpClient.send` says which.
 */
export async function exchangeOn(
  connection: HttpConnection,
  request: HttpRequest,
  { call, limits, doubtMs, upstream }: Exchange,
  over: (reusable: boolean) => void,
): Promise<Answer | "stale"> {
  const { socket, isUsed } = connection;
  const { bytesWritten, bytesRead } = socket;
  const wasSent = () => socket.bytesWritten > bytesWritten;
  const wasHeard = () => socket.bytesRead > bytesRead;
  const owner = ownerOf(connection, { call, upstream, over, wasHeard });
  const isDoubtful = doubtMs !== undefined && doubtMs < limits.headMs;
  const giveUp = () => owner.cut(late(limits.headMs, upstream));
  const doubt = () => {
    if (!wasHeard()) return connection.close();
    timer = setTimeout(giveUp, limits.headMs - (doubtMs ?? 0));
  };
  let timer = isDoubtful ? setTimeout(doubt, doubtMs) : setTimeout(giveUp, limits.headMs);
  call.enter("source");
  try {
    const response = await headOf(connection, request);
    call.enter("transfer");
    return answerOf(response, connection, request, limits, owner);
  } catch (error) {
    const mayRepeat = isRepeatable(request) || !wasSent();
    if (isUsed && !wasHeard() && mayRepeat && owner.stopped() === undefined) {
      connection.close();
      return "stale";
    }
    const meaning = owner.meaningOf(error);
    owner.cut(meaning);
    throw mayRepeat ? meaning : unknownOutcome(meaning, upstream);
  } finally {
    clearTimeout(timer);
  }
}

function isRepeatable(request: Pick<HttpRequest, "repeatable" | "method">): boolean {
  return request.repeatable ?? isReading(request);
}

/** It changes nothing, so that it may be under way twice. */
export function isReading({ repeatable, method }: Pick<HttpRequest, "repeatable" | "method">): boolean {
  return repeatable !== false && (method === "GET" || method === "HEAD");
}

interface Owned extends Pick<Exchange, "call" | "upstream"> {
  over(reusable: boolean): void;
  wasHeard(): boolean;
}

/** Ends the exchange when its call ends, and tells when it has ended. */
function ownerOf(
  connection: HttpConnection,
  { call, upstream, over, wasHeard }: Owned,
): BodyOwner & { cut(reason: unknown): void } {
  const { signal } = call;
  const begun = performance.now();
  const ended = Promise.withResolvers<void>();
  let isOwn = true;
  let stopped: unknown;
  const cut = (reason: unknown) => {
    if (stopped !== undefined) return;
    stopped = reason;
    // Another request may be on it by now.
    if (!isOwn) return;
    const settled = wasHeard() || performance.now() - begun < silentMs ? "answered" : "lost";
    call.settling(ended.promise.then(() => settled));
    connection.close();
  };
  const abort = () => cut(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  connection.begin((reusable) => {
    isOwn = false;
    signal.removeEventListener("abort", abort);
    ended.resolve();
    over(reusable);
  });
  if (signal.aborted) abort();
  return {
    upstream,
    cut,
    stopped: () => stopped,
    meaningOf: (error) => stopped ?? exchangeFailure(error, upstream),
  };
}

function late(ms: number, upstream: string) {
  return lost(`The source did not begin to answer within ${(ms / 1_000).toFixed(1)} s.`, upstream);
}

/**
 * By axios's adapter alone: what its instances add (default headers, transformations,
 * interceptors) is not wanted here, and costs as much as the request itself.
 */
async function headOf({ agent }: HttpConnection, request: HttpRequest): Promise<IncomingMessage> {
  const { url, method, headers, body } = request;
  const config: InternalAxiosRequestConfig = {
    ...{ url: url.href, method, headers: new AxiosHeaders(headers) },
    ...(body === undefined ? {} : { data: Buffer.from(body.buffer, body.byteOffset, body.byteLength) }),
    ...{ httpAgent: agent, httpsAgent: agent, transport },
    ...{ proxy: false, maxRedirects: 0, allowAbsoluteUrls: false, decompress: false },
    ...{ responseType: "stream", validateStatus: null, maxContentLength: -1, maxBodyLength: -1 },
  };
  const response = await getAdapter("http")(config);
  return response.data as IncomingMessage;
}

/** Where axios sends requests: a socket that is encrypted is so already, and to Node one like any other. */
const transport = {
  request(options: RequestOptions, respond: (response: IncomingMessage) => void): ClientRequest {
    options.protocol = "http:";
    options.maxHeaderSize = maxHeaderBytes;
    let informed = 0;
    let answered = false;
    const sending = send(options, (response) => {
      answered = true;
      // Whoever reads it hears of its errors; until then they must not end the process.
      response.on("error", () => {});
      // What the answer was broken by is told to the request only.
      sending.on("error", (error) => response.complete || response.destroy(error));
      respond(response);
    });
    return sending
      .on("information", () => {
        if (++informed > maxInformation) sending.destroy(noHttp("answers before the answer do not end"));
      })
      .once("close", () => {
        // Node says nothing more where a server changes to a protocol that nobody asked for.
        if (!answered) sending.emit("error", new Error("no answer"));
      });
  },
};

/** As Node's own parser says it. */
function noHttp(message: string): Error {
  return Object.assign(new Error(message), { code: "HPE_UNEXPECTED" });
}

function answerOf(
  response: IncomingMessage,
  connection: HttpConnection,
  request: HttpRequest,
  limits: HttpLimits,
  owner: BodyOwner,
): Answer {
  const headers = headersOf(response);
  let isDiscarded = false;
  limitIdle(connection, headers["keep-alive"]);
  return {
    ...{ status: response.statusCode ?? 0, headers, tls: connection.tls },
    body: () => bodyOf(response, { ...limits, maxBytes: request.maxBytes ?? limits.maxBytes }, owner),
    discard() {
      if (!isDiscarded) discard(response, owner);
      isDiscarded = true;
    },
  };
}

function headersOf({ headers }: IncomingMessage): Record<string, string> {
  const joined: Record<string, string> = {};
  for (const name in headers) {
    const value = headers[name];
    if (value !== undefined) joined[name] = typeof value === "string" ? value : value.join(", ");
  }
  return joined;
}

/** `timeout=5`: seconds after which the server closes the connection; what is sent at that moment would be lost. */
function limitIdle(connection: HttpConnection, header: string | undefined): void {
  const seconds = /timeout=(\d{1,6})/.exec(header ?? "")?.[1];
  if (seconds !== undefined) connection.limitIdle(Number(seconds) * 1_000 - 1_000);
}

function discard(response: IncomingMessage, owner: BodyOwner): void {
  const enough = () => owner.cut(lost("The answer has more than anybody wants of it.", owner.upstream));
  const timer = setTimeout(enough, discarded.ms);
  let bytes = 0;
  response.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > discarded.bytes) enough();
  });
  response.once("close", () => clearTimeout(timer));
}
