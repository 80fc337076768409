/** The way to the service over Node's own HTTP/2: the one part of calling that needs Node. */
import type { ClientHttp2Session } from "node:http2";
import {
  compressionBrotli,
  compressionGzip,
  createConnectTransport,
  createGrpcTransport,
  type GrpcTransportOptions,
  Http2SessionManager,
} from "@connectrpc/connect-node";
import { authorization, type CallerOptions, defaultMaxMessage } from "./caller.ts";
import type { Way } from "./client.ts";
import { resendRefused } from "./resend.ts";

type SessionManager = NonNullable<GrpcTransportOptions["sessionManager"]>;

export interface TransportOptions extends CallerOptions {
  /** Default: `connect`. */
  readonly protocol?: "connect" | "grpc";
  /** Accept compressed answers: for slow networks, it is several times slower on fast ones. Default: false. */
  readonly compression?: boolean;
  /** Bytes that a stream may have on its way before its reader has read them. Default: 4 MiB. */
  readonly windowBytes?: number;
}

/** The default window: the 64 KiB of HTTP/2 make a stream half as fast, even on one machine. */
const defaultWindow = 4 * 1024 * 1024;

export function openTransport(options: TransportOptions): Way {
  const window = options.windowBytes ?? defaultWindow;
  const manager = new Http2SessionManager(options.url, {}, { settings: { initialWindowSize: window } });
  const common = {
    baseUrl: options.url,
    sessionManager: withWindow(manager, window),
    interceptors: [...(options.interceptors ?? []), authorization(options), resendRefused()],
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
