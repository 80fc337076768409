/** The way to the service by `fetch`, for browsers: it needs nothing of Node. */
import { Code, ConnectError } from "@connectrpc/connect";
import type { UniversalClientFn, UniversalClientRequest } from "@connectrpc/connect/protocol";
import { createTransport as createConnectTransport } from "@connectrpc/connect/protocol-connect";
import { createTransport as createGrpcWebTransport } from "@connectrpc/connect/protocol-grpc-web";
import { authorization, type CallerOptions, defaultMaxMessage } from "./caller.ts";
import type { Way } from "./client.ts";

export interface WebTransportOptions extends CallerOptions {
  /** Default: `connect`. */
  readonly protocol?: "connect" | "grpc-web";
  /** Default: the runtime's own. */
  readonly fetch?: typeof globalThis.fetch;
}

/** What a message may have at most by the protocols' own lengths. */
const protocolMaxMessage = 0xffff_ffff;

export function openWebTransport(options: WebTransportOptions): Way {
  const closed = new AbortController();
  const create = options.protocol === "grpc-web" ? createGrpcWebTransport : createConnectTransport;
  const transport = create({
    baseUrl: options.url,
    httpClient: fetching(options.fetch ?? globalThis.fetch, closed.signal),
    interceptors: [...(options.interceptors ?? []), authorization(options)],
    useBinaryFormat: true,
    // A browser negotiates the compression of whole answers by itself.
    acceptCompression: [],
    sendCompression: null,
    compressMinBytes: 0,
    readMaxBytes: options.maxMessageBytes ?? defaultMaxMessage,
    writeMaxBytes: protocolMaxMessage,
    ...(options.timeoutMs !== undefined && { defaultTimeoutMs: options.timeoutMs }),
  });
  return { transport, close: () => closed.abort() };
}

/** One HTTP exchange by `fetch`; its answer's body is read as it comes. */
function fetching(fetch: typeof globalThis.fetch, closed: AbortSignal): UniversalClientFn {
  return async (request) => {
    const signal = request.signal === undefined ? closed : AbortSignal.any([request.signal, closed]);
    // Not every browser leaves it out by itself, and one that sends it has to ask first whether it may.
    request.header.delete("User-Agent");
    const init = { method: request.method, headers: request.header, body: await wholeBody(request), signal };
    // The bearer token is all that says who calls.
    const response = await fetch(request.url, { ...init, credentials: "omit" }).catch(unreachable);
    return {
      status: response.status,
      header: response.headers,
      body: response.body === null ? nothing() : chunksOf(response.body),
      trailer: new Headers(),
    };
  };
}

/** Browsers send a body only as a whole over HTTP/1.1, and every call of the contract has one message. */
async function wholeBody({ body }: UniversalClientRequest): Promise<Blob | null> {
  if (body === undefined) return null;
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  for await (const chunk of body) chunks.push(chunk as Uint8Array<ArrayBuffer>);
  return new Blob(chunks);
}

/** Safari can't iterate over a stream. Who leaves the loop early ends the exchange. */
async function* chunksOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  let whole = false;
  try {
    for (;;) {
      const { done, value } = await reader.read().catch(unreachable);
      if (done) {
        whole = true;
        return;
      }
      yield value;
    }
  } finally {
    // One that has failed fails to be cancelled with the same error, which is thrown already.
    if (!whole) await reader.cancel().catch(() => {});
  }
}

/** All that a page is told where there is no network, no service, or no permission for its origin. */
function unreachable(cause: unknown): never {
  if (!(cause instanceof TypeError)) throw cause;
  const message = "The service can't be reached, or does not allow this page's origin (CORS_ORIGINS).";
  throw new ConnectError(message, Code.Unavailable, undefined, undefined, cause);
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
