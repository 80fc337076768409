/**
 * The port where metrics are read: `GET /metrics` and nothing else. It is a port of its
 * own, so that whoever may call the service need not see how it fares, and a scrape
 * needs no API key.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface MetricsPortOptions {
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  /** Gets what the scraper accepts. */
  readonly render: (accept: string | undefined) => Promise<{ readonly contentType: string; readonly body: string }>;
  /** Hears of a fault of the rendering; the scraper gets a 500 without any of it. */
  readonly onFault: (fault: unknown) => void;
}

export interface MetricsPort {
  readonly port: number;
  /** Ends what runs, too: a scrape that is lost is made again. */
  close(): Promise<void>;
}

/** A scraper keeps one connection; more of them are no scraper's. */
const maxConnections = 32;
/** Milliseconds that a request may take to arrive. */
const requestTimeoutMs = 5_000;

/** Listens; rejects when the address can't be had. */
export async function listenForMetrics({ host, port, render, onFault }: MetricsPortOptions): Promise<MetricsPort> {
  const server = createServer(
    { requestTimeout: requestTimeoutMs, headersTimeout: requestTimeoutMs },
    (request, response) => {
      answer(request, response, render).catch((fault: unknown) => {
        onFault(fault);
        respond(response, 500, "The metrics could not be rendered; the service's log says why.\n");
      });
    },
  );
  server.maxConnections = maxConnections;
  server.listen({ host, port });
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  render: MetricsPortOptions["render"],
): Promise<void> {
  // What a request sends besides its head is of no use.
  request.resume();
  const { method = "", url = "" } = request;
  if (url.split("?", 1)[0] !== "/metrics") return respond(response, 404, "Metrics are at /metrics.\n");
  if (method !== "GET" && method !== "HEAD") {
    return respond(response, 405, "Metrics are read with GET.\n", { allow: "GET, HEAD" });
  }
  const { contentType, body } = await render(request.headers.accept);
  respond(response, 200, body, { "content-type": contentType });
}

function respond(response: ServerResponse, status: number, body: string, headers: Record<string, string> = {}): void {
  const length = Buffer.byteLength(body);
  response
    .writeHead(status, { "content-type": "text/plain; charset=utf-8", "content-length": length, ...headers })
    .end(body);
}
