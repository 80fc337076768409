/** The way to the service over Node's own HTTP/2: the one part of calling that needs Node. */
import type { ClientHttp2Session } from "node:http2";
import type { Interceptor, Transport } from "@connectrpc/connect";
import {
  compressionBrotli,
  compressionGzip,
  createConnectTransport,
  createGrpcTransport,
  type GrpcTransportOptions,
  Http2SessionManager,
} from "@connectrpc/connect-node";
import { resendRefused } from "./resend.ts";

type SessionManager = NonNullable<GrpcTransportOptions["sessionManager"]>;

export interface TransportOptions {
  /** Where the service is: `http://localhost:8080`; `https:` for TLS. */
  readonly url: string;
  /** An API key or a JWT, or what gives one for each call. */
  readonly token: string | (() => string | Promise<string>);
  /** The agent that every call is made as, on its grants only. Default: none, or the token's own. */
  readonly agent?: string;
  /** Default: `connect`. */
  readonly protocol?: "connect" | "grpc";
  /** Milliseconds a call may take when it says nothing itself. Default: the service's own (30 s, a stream 10 min). */
  readonly timeoutMs?: number;
  /** Accept compressed answers: for slow networks, it is several times slower on fast ones. Default: false. */
  readonly compression?: boolean;
  /** Bytes of one message at most; a larger one fails its call. Default: 256 MiB. */
  readonly maxMessageBytes?: number;
  /** Bytes that a stream may have on its way before its reader has read them. Default: 4 MiB. */
  readonly windowBytes?: number;
  /** Around every call, the first one outermost. */
  readonly interceptors?: readonly Interceptor[];
}

/** The default window: the 64 KiB of HTTP/2 make a stream half as fast, even on one machine. */
const defaultWindow = 4 * 1024 * 1024;
const defaultMaxMessage = 256 * 1024 * 1024;

/** A transport, and what closes its connection. */
export function openTransport(options: TransportOptions): { transport: Transport; close(): void } {
  const window = options.windowBytes ?? defaultWindow;
  const manager = new Http2SessionManager(options.url, {}, { settings: { initialWindowSize: window } });
  const common = {
    baseUrl: options.url,
    sessionManager: withWindow(manager, window),
    interceptors: [...(options.interceptors ?? []), authorization(options.token, options.agent), resendRefused()],
    acceptCompression: options.compression ? [compressionGzip, compressionBrotli] : [],
    readMaxBytes: options.maxMessageBytes ?? defaultMaxMessage,
    ...(options.timeoutMs !== undefined && { defaultTimeoutMs: options.timeoutMs }),
  };
  return {
    transport:
      options.protocol === "grpc"
        ? createGrpcTransport(common)
        : createConnectTransport({ ...common, httpVersion: "2" }),
    close: () => manager.abort(),
  };
}

/**
 * Sets the connection's window too. `initialWindowSize` is about each stream; the
 * connection's own window stays at 64 KiB until it is told otherwise.
 */
function withWindow(manager: Http2SessionManager, window: number): SessionManager {
  const widened = new WeakSet<ClientHttp2Session>();
  return {
    authority: manager.authority,
    notifyResponseByteRead: (stream) => manager.notifyResponseByteRead(stream),
    async request(method, path, headers, requestOptions) {
      const stream = await manager.request(method, path, headers, requestOptions);
      const session = stream.session as ClientHttp2Session | undefined;
      if (session !== undefined && !session.destroyed && !widened.has(session)) {
        widened.add(session);
        session.setLocalWindowSize(window);
      }
      return stream;
    },
  };
}

function authorization(token: TransportOptions["token"], agent: string | undefined): Interceptor {
  return (next) => async (request) => {
    if (agent !== undefined) request.header.set("Connector-Agent", agent);
    request.header.set("Authorization", `Bearer ${typeof token === "function" ? await token() : token}`);
    return next(request);
  };
}
