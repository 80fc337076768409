/** From an HTTP request to the RPC or the page that it asks for. */
import { type IncomingMessage, ServerResponse } from "node:http";
import { constants, Http2ServerRequest } from "node:http2";
import type { Writable } from "node:stream";
import {
  Code,
  ConnectError,
  type ConnectRouterOptions,
  createConnectRouter,
  createContextValues,
} from "@connectrpc/connect";
import type { UniversalHandlerFn } from "@connectrpc/connect/protocol";
import { compressionGzip, universalResponseToNodeResponse } from "@connectrpc/connect-node";
import type { FaultOptions } from "../rpc/failure.ts";
import { clientAddressKey, clientCertificateKey } from "../rpc/principal.ts";
import { takeReady } from "../rpc/ready.ts";
import type { Calls, Response } from "./calls.ts";
import type { ClientAddressOf } from "./client-address.ts";
import { clientCertificateOf } from "./client-certificate.ts";
import { requestOf, writeWhole } from "./exchange.ts";
import { defaultLimits } from "./limits.ts";
import { guarded } from "./rest/guarded.ts";
import { createReference } from "./rest/reference.ts";
import { createRest } from "./rest/rest.ts";

export type Request = IncomingMessage | Http2ServerRequest;
export type Listener = (request: Request, response: Response) => void;
export type Routes = (router: ReturnType<typeof createConnectRouter>) => void;

/** What answers the requests at one path. */
export interface Answering {
  readonly answer: UniversalHandlerFn;
  /** Whether the answer is sent as it comes. */
  readonly streams: boolean;
  /** Whether all of a request comes before its answer. */
  readonly asksOnce: boolean;
}

export interface ListenerOptions extends FaultOptions {
  readonly routes: Routes;
  readonly router: ConnectRouterOptions;
  readonly calls: Calls;
  /** Answers what is no RPC and says whether it did. Default: nothing does. */
  readonly pages?: ((request: Request, response: Response) => boolean) | undefined;
  /** Whom a request comes from, as far as it is known. */
  readonly clientAddress: ClientAddressOf;
  /** Bytes of a request's headers; a client of HTTP/2 need not keep to what it is told. */
  readonly maxHeaderBytes: number;
  /** An HTTP/2 request must be complete after so many milliseconds; HTTP/1.1 has this of its own. */
  readonly requestTimeoutMs: number;
}

/**
 * Does what `connectNodeAdapter` does, and besides: counts the calls, bears requests
 * without a usable host, which throw there, and ends what can't be written.
 */
export function createListener(options: ListenerOptions): Listener {
  const router = createConnectRouter({
    // No gRPC client needs Brotli, whose decoder takes 16 MiB where a sender's stream asks for it.
    acceptCompression: [compressionGzip],
    ...options.router,
  });
  options.routes(router);
  const rpcs = new Map(
    router.handlers.map((answer): [string, Answering] => {
      const { methodKind } = answer.method;
      const asksOnce = methodKind === "unary" || methodKind === "server_streaming";
      return [answer.requestPath, { answer, streams: methodKind !== "unary", asksOnce }];
    }),
  );
  const reference = createReference();
  const rest = createRest(router.handlers, options.router.readMaxBytes ?? defaultLimits.readMaxBytes);
  const guardedAt = (path: string, method: string, answering: Answering | undefined) =>
    answering && guarded(answering, `${method} ${path}`, options);
  return (request, response) => {
    if (request instanceof Http2ServerRequest && headerBytes(request) > options.maxHeaderBytes) {
      refuse(response, 431, "resource_exhausted", "The request's headers are too large.");
      return;
    }
    const { url = "", method = "" } = request;
    const path = url.split("?", 1)[0] ?? "";
    const answering = rpcs.get(path) ?? guardedAt(path, method, rest(method, url) ?? reference(method, url));
    if (answering !== undefined) {
      options.calls.add(response);
      if (request instanceof Http2ServerRequest && answering.asksOnce) limitRequest(request, options.requestTimeoutMs);
      serve(answering, request, response, options).catch((cause) => endUnwritten(response, cause));
    } else if (options.pages?.(request, response)) {
      options.calls.add(response);
    } else {
      refuse(response, 404, "unimplemented", "There is nothing at this path.");
    }
  };
}

async function serve(
  { answer, streams }: Answering,
  request: Request,
  response: Response,
  { clientAddress }: Pick<ListenerOptions, "clientAddress">,
): Promise<void> {
  let universal: ReturnType<typeof requestOf>;
  const values = createContextValues();
  values.set(clientCertificateKey, clientCertificateOf(request));
  values.set(clientAddressKey, clientAddress(request.socket.remoteAddress, request.headers));
  try {
    universal = requestOf(request, response, values);
  } catch {
    refuse(response, 400, "invalid_argument", "The request names no usable host.");
    return;
  }
  // What is sent after the answer is read away; see `requestOf`.
  response.once("finish", () => request.resume());
  const putReady = streams ? takeReady(values, () => writableOf(response).writableLength === 0) : undefined;
  const answered = await answer(universal);
  if (putReady === undefined) return writeWhole(answered, response);
  const written = answered.body === undefined ? {} : { body: putReady(answered.body) };
  await universalResponseToNodeResponse({ ...answered, ...written }, response);
}

/** What buffers a response's bytes: of HTTP/2, its stream does. */
function writableOf(response: Response): Writable {
  return response instanceof ServerResponse ? response : response.stream;
}

/** A response that could not be written to its end must not stay open. */
function endUnwritten(response: Response, cause: unknown): void {
  // The client has gone, or has all that it will read.
  if (ConnectError.from(cause).code === Code.Aborted && response.writableEnded) return;
  response.destroy();
}

/** As HTTP/2 counts them (RFC 9113, 6.5.2): 32 bytes besides for each. */
function headerBytes({ rawHeaders }: Http2ServerRequest): number {
  let bytes = rawHeaders.length * 16;
  for (const text of rawHeaders) bytes += text.length;
  return bytes;
}

function limitRequest(request: Http2ServerRequest, timeoutMs: number): void {
  const timer = setTimeout(() => {
    if (!request.complete) request.stream.close(constants.NGHTTP2_CANCEL);
  }, timeoutMs);
  const forget = () => clearTimeout(timer);
  request.once("end", forget).once("close", forget);
}

/** A Connect error for a request that reaches no RPC. */
function refuse(response: Response, status: number, code: string, message: string): void {
  const body = JSON.stringify({ code, message });
  const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
  // The two differ in their types only.
  if (response instanceof ServerResponse) response.writeHead(status, headers).end(body);
  else response.writeHead(status, headers).end(body);
}
