/** The one port: HTTP/1.1 and HTTP/2, with or without TLS; gRPC, gRPC-Web and Connect. */
import { type AddressInfo, createServer as createTcpServer, type Socket, type Server as TcpServer } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { createServer as createTlsServer } from "node:tls";
import type { ConnectRouter, ConnectRouterOptions, HandlerContext, Interceptor } from "@connectrpc/connect";
import { Failure } from "../failure.ts";
import { type FaultOptions, failureGate, failureInterceptor, toConnectError } from "../rpc/failure.ts";
import { Calls } from "./calls.ts";
import { clientAddressBehind } from "./client-address.ts";
import { allowOrigins } from "./cors.ts";
import { http1Half } from "./http1.ts";
import { http2Half } from "./http2.ts";
import { abortGraceMs, type LateOptions, lateCalls } from "./late-calls.ts";
import { defaultLimits, type Limits } from "./limits.ts";
import { createListener, type ListenerOptions } from "./router.ts";
import { type RpcGateOptions, rpcGate } from "./rpc-gate.ts";
import { tellApart } from "./tell-apart.ts";

export interface TlsOptions {
  /** PEM, as all of them. */
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
  /** Whose certificates clients may show. Default: they are asked for none. */
  readonly clientCa?: string;
  /** Whether who shows none, or no good one, may connect all the same. Default: it may not. */
  readonly clientAuth?: "optional" | "required";
}

export interface ListenOptions extends FaultOptions, RpcGateOptions {
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  /** PEM. Default: no TLS. */
  readonly tls?: TlsOptions;
  /** Registers the services. `draining` aborts when the server begins to stop. */
  readonly routes: (router: ConnectRouter, draining: AbortSignal) => void;
  /** Run in this order, inside the one that answers failures. Default: none. */
  readonly interceptors?: readonly Interceptor[];
  /** Admits a call before its body is read, or throws a Failure. Default: admits all. */
  readonly admit?: (context: HandlerContext) => void | Promise<void>;
  /** Answers what is no RPC and says whether it did. Default: nothing does. */
  readonly pages?: ListenerOptions["pages"];
  /** Whose pages may call from browsers: `https://app.example.com`. Default: none's. */
  readonly origins?: readonly string[];
  /** Ranges of the proxies that are believed when they say whom they were called from. Default: none is. */
  readonly trustedProxies?: readonly string[];
  readonly slowPart?: LateOptions["slowPart"];
  readonly limits?: Partial<Limits>;
}

export interface DrainSummary {
  /** Calls that ended by themselves while the server waited. */
  readonly finished: number;
  /** Calls that were ended with UNAVAILABLE when the budget was used up. */
  readonly aborted: number;
}

export interface Server {
  readonly port: number;
  /** `http://127.0.0.1:8080`. */
  readonly url: string;
  /** Requests that are being answered. */
  readonly running: number;
  /**
   * Stops: readiness turns first; after `delayMs` (default: 0) nothing new is accepted,
   * and running calls have `budgetMs` to end. Those that do not are told to, and end
   * with UNAVAILABLE. A second call gets the first one's promise.
   */
  drain(budgetMs: number, delayMs?: number): Promise<DrainSummary>;
}

/** Finds a peer that is gone without a word. */
const tcpKeepAliveMs = 60_000;

const stopping = [
  "The service is stopping.",
  { where: "service", remedy: "Try again: another replica will answer." },
] as const;

/** How long answers may take to reach their clients when all is over. */
const lingerMs = 1_000;

/** Listens; rejects when the address can't be had. */
export async function listen(options: ListenOptions): Promise<Server> {
  const limits = { ...defaultLimits, ...options.limits };
  const calls = new Calls();
  const draining = new AbortController();
  const shutdown = new AbortController();
  const calling = createListener({
    calls,
    clientAddress: clientAddressBehind(options.trustedProxies ?? []),
    maxHeaderBytes: limits.maxHeaderBytes,
    requestTimeoutMs: limits.requestTimeoutMs,
    routes: (router) => options.routes(router, draining.signal),
    router: routerOptions(options, limits, shutdown.signal),
    pages: options.pages,
    ...(options.onInternal && { onInternal: options.onInternal }),
  });
  const listener = allowOrigins(options.origins ?? [], calling);
  const halves = [http1Half(limits, listener), http2Half(limits, listener)] as const;
  const sockets = new Set<Socket>();
  const tcp = accept(options, limits, sockets, (socket) => {
    tellApart(socket, limits.headerTimeoutMs, halves[0].take, halves[1].take);
  });
  await bind(tcp, options);
  const stop = async (budgetMs: number, delayMs: number): Promise<DrainSummary> => {
    draining.abort();
    // A balancer that asks for readiness now and then goes on sending connections until it has.
    if (delayMs > 0) await delay(delayMs);
    const closed = new Promise((resolve) => tcp.close(resolve));
    for (const half of halves) half.close();
    const before = calls.ended;
    await calls.idle(budgetMs);
    const summary = { finished: calls.ended - before, aborted: calls.running };
    shutdown.abort(toConnectError(new Failure("shutting_down", ...stopping)));
    await calls.idle(abortGraceMs + lingerMs);
    const linger = setTimeout(() => {
      for (const socket of sockets) socket.destroy();
    }, lingerMs);
    await closed;
    clearTimeout(linger);
    return summary;
  };
  let stopped: Promise<DrainSummary> | undefined;
  const { port } = tcp.address() as AddressInfo;
  return {
    port,
    url: urlOf(options, port),
    get running() {
      return calls.running;
    },
    drain(budgetMs, delayMs = 0) {
      stopped ??= stop(budgetMs, delayMs);
      return stopped;
    },
  };
}

function routerOptions(options: ListenOptions, limits: Limits, shutdownSignal: AbortSignal): ConnectRouterOptions {
  const late = lateCalls({
    defaultMs: limits.defaultTimeoutMs,
    maxMs: limits.maxTimeoutMs,
    slowPart: options.slowPart,
  });
  return {
    readMaxBytes: limits.readMaxBytes,
    writeMaxBytes: limits.writeMaxBytes,
    compressMinBytes: limits.compressMinBytes,
    maxTimeoutMs: limits.maxTimeoutMs,
    shutdownSignal,
    // A misspelt `filter` must not read every row.
    jsonOptions: { ignoreUnknownFields: false },
    requestGate: rpcGate(failureGate(late.gate(options.admit), options), options),
    interceptors: [failureInterceptor(options), late.interceptor, ...(options.interceptors ?? [])],
  };
}

/** The server that accepts connections, each of which is in `sockets` while it is open. */
function accept(
  { tls }: ListenOptions,
  limits: Limits,
  sockets: Set<Socket>,
  ready: (socket: Socket) => void,
): TcpServer {
  const track = (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    bearErrors(socket);
  };
  // As Node's own HTTP servers: a client may close its half after its request.
  const common = { allowHalfOpen: true, noDelay: true, keepAlive: true, keepAliveInitialDelay: tcpKeepAliveMs };
  if (tls === undefined) {
    return createTcpServer(common, (socket) => {
      track(socket);
      ready(socket);
    });
  }
  const server = createTlsServer({
    ...common,
    ...{ cert: tls.cert, key: tls.key },
    ...(tls.clientCa !== undefined && { ca: tls.clientCa, requestCert: true }),
    rejectUnauthorized: tls.clientAuth !== "optional",
    ALPNProtocols: ["h2", "http/1.1"],
    handshakeTimeout: limits.headerTimeoutMs,
  });
  server.on("connection", track);
  return server.on("secureConnection", (socket) => {
    bearErrors(socket);
    ready(socket);
  });
}

/** A client that goes away is no reason to stop; whoever uses the socket sees its close. */
function bearErrors(socket: Socket): void {
  socket.on("error", () => {});
}

function bind(server: TcpServer, { host, port }: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port }, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

function urlOf({ host, tls }: ListenOptions, port: number): string {
  return `${tls ? "https" : "http"}://${host.includes(":") ? `[${host}]` : host}:${port}`;
}
