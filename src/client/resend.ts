/**
 * Sends a call again that the service has not begun to process.
 *
 * A server that stops tells its HTTP/2 clients to go away. What a client sends before it
 * hears that is refused, and the refusal promises that nothing has been done for it, so
 * that any request may be sent again, a write included (RFC 9113, section 8.7). grpc-js
 * does the same unasked; connect-node leaves it to its user.
 */
import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";

/** Tries in all; a service that goes on refusing has another reason than a stop. */
const maxTries = 3;
const refused = `The service refused the call ${maxTries} times without looking at it.`;

export function resendRefused(): Interceptor {
  return (next) => async (request) => {
    const requestAgain = request.stream ? await repeatable(request) : () => request;
    for (let tries = 1; ; tries++) {
      try {
        return await next(requestAgain());
      } catch (error) {
        if (request.signal.aborted || !isRefused(error)) throw error;
        if (tries === maxTries) throw new ConnectError(refused, Code.Unavailable, undefined, undefined, error);
      }
    }
  };
}

type StreamRequest = Extract<Parameters<ReturnType<Interceptor>>[0], { readonly stream: true }>;

/** Every stream of the contract has one request message. */
async function repeatable(request: StreamRequest): Promise<() => StreamRequest> {
  const messages = await Array.fromAsync(request.message);
  return () => ({ ...request, message: iterate(messages) });
}

async function* iterate<T>(messages: readonly T[]): AsyncGenerator<T> {
  yield* messages;
}

/** By the server, or by our own end of a connection that was told to go away before the request was written. */
function isRefused(error: unknown): boolean {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === "ERR_HTTP2_STREAM_ERROR" && message.includes("NGHTTP2_REFUSED_STREAM")) return true;
    if (cause instanceof ConnectError && cause.rawMessage.includes("error code REFUSED_STREAM")) return true;
  }
  return false;
}
