/** One HTTP request and its answer, on a connection of their own through the guarded dial. */
import { type IncomingMessage, request } from "node:http";
import type { Socket } from "node:net";
import { pipeline, type Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { Failure } from "../failure.ts";
import type { Dial } from "./dial.ts";
import { type ClientCertificate, encrypt, type Trust, tlsProblem } from "./tls.ts";

export interface HttpRequest {
  readonly url: URL;
  readonly method: string;
  readonly headers: Headers;
  readonly body: Uint8Array | undefined;
  /** Bytes of the answer's body, decompressed. */
  readonly maxBytes: number;
  readonly signal: AbortSignal;
  readonly ca: string | undefined;
  readonly certificate: ClientCertificate | undefined;
}

export interface HttpAnswer {
  readonly status: number;
  /** Without those that speak of the connection or of how the body was sent. */
  readonly headers: Headers;
  readonly body: Buffer<ArrayBuffer>;
}

/** Bytes of an answer's status line and headers together. */
const maxHeaderBytes = 16_384;

/** Of the connection (RFC 9110, section 7.6.1) or of the body as it was sent. */
const ofTheWay = ["connection", "keep-alive", "transfer-encoding", "upgrade", "trailer", "content-encoding"];

/**
 * @throws The signal's reason, or a Failure that holds neither the path nor any header or
 *   byte of the body.
 */
export async function exchange(dial: Dial, trust: Trust, asked: HttpRequest): Promise<HttpAnswer> {
  const { url, signal } = asked;
  let socket: Socket | undefined;
  try {
    socket = await connected(dial, trust, asked);
    const response = await send(asked, socket);
    const body = await bodyOf(response, asked);
    return { status: response.statusCode ?? 0, headers: headersOf(response), body };
  } catch (error) {
    signal.throwIfAborted();
    throw failureOf(error, url.hostname);
  } finally {
    socket?.destroy();
  }
}

async function connected(dial: Dial, trust: Trust, { url, ca, certificate, signal }: HttpRequest): Promise<Socket> {
  // The URL writes IPv6 addresses in brackets.
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const isHttps = url.protocol === "https:";
  const port = url.port === "" ? (isHttps ? 443 : 80) : Number(url.port);
  const socket = await dial({ host, port }, signal);
  return isHttps ? encrypt(socket, { host, trust, ca, certificate, protocols: ["http/1.1"] }, signal) : socket;
}

/** No agent: none keeps the connection, and none takes a proxy from the environment. */
function send({ url, method, headers, body, signal }: HttpRequest, socket: Socket): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const sending = request({
      createConnection: () => socket,
      method,
      host: url.hostname,
      path: url.pathname + url.search,
      headers: {
        ...Object.fromEntries(headers),
        host: url.host,
        "accept-encoding": "gzip",
        ...(body === undefined ? {} : { "content-length": body.byteLength }),
      },
      maxHeaderSize: maxHeaderBytes,
      insecureHTTPParser: false,
      signal,
    });
    sending.once("response", resolve).on("error", reject).end(body);
  });
}

async function bodyOf(response: IncomingMessage, { url, method, maxBytes }: HttpRequest): Promise<Buffer<ArrayBuffer>> {
  const tooLarge = () => failure("too_large", url.hostname, `answers with more than ${maxBytes} bytes`);
  // The answer to a HEAD tells of a body that does not come.
  const declared = method === "HEAD" ? 0 : Number(response.headers["content-length"] ?? 0);
  if (declared > maxBytes) throw tooLarge();
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of decoded(response, url.hostname) as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

function decoded(response: IncomingMessage, host: string): Readable {
  const encoding = response.headers["content-encoding"]?.trim().toLowerCase() ?? "";
  if (encoding === "" || encoding === "identity") return response;
  if (encoding !== "gzip" && encoding !== "x-gzip") {
    throw failure("upstream_unavailable", host, "answers in an encoding that was not asked for");
  }
  // Whoever reads the decoder is told what went wrong before it.
  return pipeline(response, createGunzip(), () => {});
}

function headersOf({ rawHeaders }: IncomingMessage): Headers {
  const headers = new Headers();
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) headers.append(rawHeaders[i] ?? "", rawHeaders[i + 1] ?? "");
  for (const name of ofTheWay) headers.delete(name);
  headers.delete("content-length");
  return headers;
}

const unreachable = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EADDRNOTAVAIL",
]);

function failureOf(error: unknown, host: string): Failure {
  if (error instanceof Failure) return error;
  const code = codeOf(error);
  // The error itself may hold bytes of the answer or a header.
  const cause = new Error(code || "unknown");
  const problem = tlsProblem(code);
  if (problem !== undefined) return failure("tls_failed", host, `was not believed: ${problem}`, cause);
  if (unreachable.has(code)) return failure("upstream_unreachable", host, `can't be reached (${code})`, cause);
  if (code === "HPE_HEADER_OVERFLOW") {
    return failure("too_large", host, `answers with more than ${maxHeaderBytes} bytes of headers`, cause);
  }
  if (code.startsWith("HPE_")) return failure("upstream_unavailable", host, "does not answer in HTTP", cause);
  if (code.startsWith("Z_")) {
    return failure("upstream_unavailable", host, "answers with what can't be decompressed", cause);
  }
  if (code.startsWith("ERR_")) return failure("invalid_request", host, "can't be asked in this way", cause);
  return failure("upstream_lost", host, "ended the connection before its answer was whole", cause);
}

function codeOf(error: unknown): string {
  // Of several addresses, what the first one said.
  const first = error instanceof AggregateError && error.errors.length > 0 ? error.errors[0] : error;
  const code = (first as { readonly code?: unknown } | undefined)?.code;
  return typeof code === "string" ? code : "";
}

function failure(kind: Failure["kind"], host: string, what: string, cause?: Error): Failure {
  return new Failure(kind, `"${host}" ${what}.`, { where: "upstream", cause });
}
