/**
 * An HTTP request as Connect's handlers take it, and their answer as it is written.
 *
 * connect-node has both, for any framework. Here they cost a part of that, which counts
 * where most calls are refused: an answer that is one piece is written as one, and the end
 * of a call makes no error.
 */
import { ServerResponse } from "node:http";
import { Http2ServerRequest } from "node:http2";
import type { ContextValues } from "@connectrpc/connect";
import type { UniversalServerRequest, UniversalServerResponse } from "@connectrpc/connect/protocol";
import type { Response } from "./calls.ts";
import type { Request } from "./router.ts";

/** @throws TypeError when the request names no usable host. */
export function requestOf(request: Request, response: Response, values: ContextValues): UniversalServerRequest {
  const { socket, headers, httpVersion, method = "", url = "" } = request;
  const authority = request instanceof Http2ServerRequest ? request.authority : headers.host;
  if (authority === undefined) throw new TypeError("no host");
  return {
    ...{ httpVersion, method, header: headersOf(request) },
    url: new URL(url, `${"encrypted" in socket && socket.encrypted ? "https" : "http"}://${authority}`).href,
    // When the answer comes before the request's end, the rest is read away: to leave it
    // or to destroy the request, as its own iterator does, would keep a client that still
    // sends from ever seeing the answer.
    body: request.iterator({ destroyOnReturn: false }),
    signal: leavingOf(request, response),
    contextValues: values,
  };
}

/** Writes the answer of a call that has one message. */
export async function writeWhole(answer: UniversalServerResponse, response: Response): Promise<void> {
  const { status, header, body, trailer } = answer;
  const chunks: Uint8Array[] = [];
  for await (const chunk of body ?? []) chunks.push(chunk);
  const headers = Object.fromEntries(header ?? []);
  // The two differ in their types only.
  if (response instanceof ServerResponse) response.writeHead(status, headers);
  else response.writeHead(status, headers);
  if (trailer !== undefined) response.addTrailers(Object.fromEntries(trailer));
  const [first = Buffer.of(), ...more] = chunks;
  response.end(more.length === 0 ? first : Buffer.concat(chunks));
}

function headersOf(request: Request): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers)) {
    if (value === undefined || name.startsWith(":")) continue;
    if (typeof value === "string") headers.append(name, value);
    else for (const each of value) headers.append(name, each);
  }
  return headers;
}

/** One for all calls: to make one takes as long as to authenticate a caller. */
const gone = new DOMException("Nobody waits for the answer any more.", "AbortError");

/**
 * Aborts when nobody waits for the answer any more. Whatever a client gives as its reason,
 * it is no fault of the service: some reset a call as INTERNAL_ERROR whose deadline passed.
 */
function leavingOf(request: Request, response: Response): AbortSignal {
  const controller = new AbortController();
  // Who has been answered whole is waited for by nobody either, and an abort has its price.
  const leave = () => {
    if (!response.writableEnded) controller.abort(gone);
  };
  request.once("error", leave);
  // One of HTTP/1.1 closes as soon as it is read.
  (request instanceof Http2ServerRequest ? request : response).once("close", leave);
  return controller.signal;
}
