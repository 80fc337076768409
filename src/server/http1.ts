/** The HTTP/1.1 half of the port: a server that is given its connections. */
import { createServer } from "node:http";
import type { Socket } from "node:net";
import type { Limits } from "./limits.ts";
import type { Listener } from "./router.ts";

export interface Half {
  /** Takes a connection over, its first bytes included. */
  take(socket: Socket): void;
  /** Lets every connection go as soon as it has no call left. */
  close(): void;
}

export function http1Half(limits: Limits, listener: Listener): Half {
  const server = createServer({
    maxHeaderSize: limits.maxHeaderBytes,
    headersTimeout: limits.headerTimeoutMs,
    // Ends with the request's last byte: an answer may take as long as it likes.
    requestTimeout: Math.max(limits.requestTimeoutMs, limits.headerTimeoutMs),
    keepAliveTimeout: limits.idleTimeoutMs,
    connectionsCheckingInterval: Math.min(limits.headerTimeoutMs, 1_000),
  });
  // Node enforces the first two timeouts only on a server that listens; this one never does by itself.
  server.emit("listening");
  // Counted here, since closeIdleConnections() also cuts off answers that are being flushed.
  const answering = new Map<Socket, number>();
  let closing = false;
  const ended = (socket: Socket) => {
    const left = (answering.get(socket) ?? 1) - 1;
    if (answering.has(socket)) answering.set(socket, left);
    if (closing && left === 0) socket.destroySoon();
  };
  server.on("request", (request, response) => {
    const { socket } = request;
    answering.set(socket, (answering.get(socket) ?? 0) + 1);
    response.once("close", () => ended(socket));
    if (closing) response.setHeader("connection", "close");
    listener(request, response);
  });
  return {
    take(socket) {
      answering.set(socket, 0);
      socket.once("close", () => answering.delete(socket));
      server.emit("connection", socket);
    },
    close() {
      closing = true;
      for (const [socket, answers] of answering) if (answers === 0) socket.destroySoon();
      // Only stops the check of the timeouts.
      server.close();
    },
  };
}
