/** Connections to one HTTP server: each a guarded socket that carries one request after the other. */
import { Agent } from "node:http";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { Dial } from "../../egress/dial.ts";
import { type ClientCertificate, encrypt, type Trust } from "../../egress/tls.ts";
import { ConnectionPool } from "../connections/pool.ts";
import type { Places } from "../contract.ts";

/** A server, as a URL names it, and how it is believed. */
export interface Destination {
  /** Without the brackets of a URL. */
  readonly host: string;
  readonly port: number;
  readonly isEncrypted: boolean;
  /** Certificates in PEM that sign the server's, instead of those that are trusted otherwise. */
  readonly ca: string | undefined;
  /** Who connects, where the server asks. */
  readonly certificate: ClientCertificate | undefined;
}

/** What connections are made with. */
export interface WayOut {
  readonly dial: Dial;
  readonly trust: Trust;
  readonly places: Places;
}

export interface HttpConnection {
  /** Sends requests on this socket and on no other. */
  readonly agent: Agent;
  readonly socket: Socket;
  /** `TLSv1.3` for example; empty without encryption. */
  readonly tls: string;
  /** It has carried a request before: its server may just have closed it. */
  readonly isUsed: boolean;
  /** Milliseconds since its last answer had come to the end; 0 before the first. */
  readonly unusedMs: number;
  /** As far as can be known without asking. */
  readonly isOpen: boolean;
  /**
   * A request begins.
   *
   * @param over Is called once, when its answer has come to the end or the socket is closed:
   *   the connection is no longer this request's own, and another may follow or not.
   */
  begin(over: (reusable: boolean) => void): void;
  /** The server closes the connection when it was unused for so many milliseconds. */
  limitIdle(ms: number): void;
  /** At once, whatever goes on. */
  close(): void;
}

export type Connections = ConnectionPool<HttpConnection>;

export function destinationOf(url: URL, own: Partial<Pick<Destination, "ca" | "certificate">> = {}): Destination {
  const isEncrypted = url.protocol === "https:";
  const port = url.port === "" ? (isEncrypted ? 443 : 80) : Number(url.port);
  // A URL writes IPv6 addresses in brackets.
  const host = url.hostname.replace(/^\[|\]$/g, "");
  return { host, port, isEncrypted, ca: own.ca, certificate: own.certificate };
}

/**
 * @param idleMs Milliseconds after which an unused connection is closed.
 * @param freshMs Milliseconds for which one is given to whoever wants a fresh one.
 */
export function connectionsTo(
  destination: Destination,
  way: WayOut,
  { max, idleMs, freshMs }: { readonly max: number; readonly idleMs: number; readonly freshMs: number },
): Connections {
  return new ConnectionPool<HttpConnection>({
    ...{ max, idleMs, freshMs, places: way.places, host: destination.host },
    open: (signal) => connect(destination, way, signal),
    close: (connection) => connection.close(),
    isOpen: ({ isOpen }) => isOpen,
    // HTTP has no question that is none: whether the server still answers shows when it is asked.
    check: async ({ isOpen }) => isOpen,
  });
}

async function connect(
  destination: Destination,
  { dial, trust }: WayOut,
  signal: AbortSignal,
): Promise<HttpConnection> {
  const { host, port, isEncrypted, ca, certificate } = destination;
  const socket = await dial({ host, port, isClearText: !isEncrypted }, signal);
  if (!isEncrypted) return kept(socket);
  return kept(await encrypt(socket, { host, trust, ca, certificate, protocols: ["http/1.1"] }, signal));
}

function kept(socket: Socket): HttpConnection {
  let over: ((reusable: boolean) => void) | undefined;
  let isUsed = false;
  let unusedSince = 0;
  let idleMs = Number.POSITIVE_INFINITY;
  let goodUntil = Number.POSITIVE_INFINITY;
  // Nothing was asked, so that it belongs to no answer, and must not become the beginning of one.
  const unexpected = () => void socket.destroy();
  const end = (reusable: boolean) => {
    const tell = over;
    over = undefined;
    tell?.(reusable);
  };
  const agent = new SocketAgent(socket, () => {
    isUsed = true;
    unusedSince = performance.now();
    goodUntil = unusedSince + idleMs;
    socket.on("data", unexpected);
    end(true);
  });
  // Whoever has sent a request hears of errors by it.
  socket.on("error", () => {}).once("close", () => end(false));
  return {
    agent,
    socket,
    tls: socket instanceof TLSSocket ? (socket.getProtocol() ?? "") : "",
    get isUsed() {
      return isUsed;
    },
    get unusedMs() {
      return isUsed ? performance.now() - unusedSince : 0;
    },
    get isOpen() {
      return !socket.destroyed && socket.writable && !socket.readableEnded && performance.now() < goodUntil;
    },
    begin(told) {
      socket.off("data", unexpected);
      over = told;
      if (socket.closed) end(false);
    },
    limitIdle(ms) {
      idleMs = ms;
    },
    close: () => void socket.destroy(),
  };
}

/** Node's agent for a single socket that is connected already, and encrypted where it is to be. */
class SocketAgent extends Agent {
  readonly #socket: Socket;
  readonly #idle: () => void;

  /** @param idle Is called when an answer was read to the end and the server lets another request follow. */
  constructor(socket: Socket, idle: () => void) {
    super({ keepAlive: true, maxSockets: 1 });
    this.#socket = socket;
    this.#idle = idle;
  }

  override createConnection(): Socket {
    return this.#socket;
  }

  /** All requests go to the same place. */
  override getName(): string {
    return "";
  }

  override keepSocketAlive(socket: Socket): boolean {
    if (socket.destroyed) return false;
    this.#idle();
    return true;
  }
}
