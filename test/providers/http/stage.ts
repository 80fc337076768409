/** Clients over real sockets, and servers that do what no library would let them do. */
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { expect, onTestFinished } from "vitest";
import { createDial, type Dial } from "../../../src/egress/dial.ts";
import { createEgressPolicy } from "../../../src/egress/policy.ts";
import { createTrust } from "../../../src/egress/tls.ts";
import { createPlaces } from "../../../src/execution/session/places.ts";
import type { Call, Phase, Quota, Settled } from "../../../src/providers/contract.ts";
import { createHttpClient, type HttpClientOptions } from "../../../src/providers/http/client.ts";
import type { Authentication, HttpAnswer, HttpClient, HttpRequest } from "../../../src/providers/http/exchange.ts";

/** To this machine, as an operator would open it. */
export const localDial = createDial(createEgressPolicy({ allow: ["127.0.0.0/8", "::1/128"] }));

export const nobody: Authentication = { authorize: async (request) => request };

/** Shows a token, as most APIs want it. */
export const bearer: Authentication = {
  authorize: async (request) => ({ ...request, headers: { ...request.headers, authorization: "Bearer canary-token" } }),
};

export interface Staged {
  readonly client: HttpClient;
  /** Connections that have a place, and those of them that are unused. */
  places(): { readonly open: number; readonly lent: number };
}

export function stage(
  baseUrl: string,
  options: Partial<Omit<HttpClientOptions, "baseUrl" | "places">> & { readonly dial?: Dial } = {},
): Staged {
  const places = createPlaces({ perHost: 100, all: 100 });
  const client = createHttpClient({
    ...{ authentication: nobody, dial: localDial, trust: createTrust(), maxConnections: 4, upstream: "test" },
    ...options,
    ...{ baseUrl: new URL(baseUrl), places },
  });
  onTestFinished(() => client.close());
  return { client, places: () => places.figures() };
}

export interface TestCall extends Call {
  readonly phases: readonly Phase[];
  readonly quotas: readonly Quota[];
  readonly settlings: readonly Promise<Settled>[];
}

export function callFor(signal: AbortSignal = new AbortController().signal): TestCall {
  const phases: Phase[] = [];
  const quotas: Quota[] = [];
  const settlings: Promise<Settled>[] = [];
  return {
    ...{ signal, deadline: performance.now() + 60_000, phases, quotas, settlings },
    enter: (phase) => void phases.push(phase),
    settling: (settled) => void settlings.push(settled),
    quota: (quota) => void quotas.push(quota),
  };
}

export function get(url: string, more: Partial<HttpRequest> = {}): HttpRequest {
  return { method: "GET", url: new URL(url), headers: {}, ...more };
}

export function post(url: string, body: string, more: Partial<HttpRequest> = {}): HttpRequest {
  return { method: "POST", url: new URL(url), headers: {}, body: Buffer.from(body), ...more };
}

export async function textOf({ body }: HttpAnswer): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** Answers a request, whose head it is given. */
export type Answering = (socket: Socket, head: string) => void;

export interface RawServer {
  readonly url: string;
  readonly port: number;
  /** The heads of the requests that came. */
  readonly heads: readonly string[];
  /** Connections that were made. */
  readonly connections: number;
  /** Connections that are open. */
  open(): number;
  /** Settles when none is. */
  allClosed(): Promise<void>;
}

/** A server that writes what it likes: each request's answer in turn, the last one again and again. */
export async function rawServer(...answers: [Answering | string, ...(Answering | string)[]]): Promise<RawServer> {
  const sockets = new Set<Socket>();
  const heads: string[] = [];
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    sockets.add(socket);
    let text = "";
    socket.on("error", () => {}).once("close", () => sockets.delete(socket));
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      const end = text.indexOf("\r\n\r\n");
      if (end < 0) return;
      const head = text.slice(0, end);
      const size = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
      if (text.length < end + 4 + size) return;
      text = text.slice(end + 4 + size);
      const answer = answers[Math.min(heads.push(head), answers.length) - 1] as Answering | string;
      if (typeof answer === "string") socket.write(answer);
      else answer(socket, head);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const { port } = server.address() as AddressInfo;
  return {
    ...{ url: `http://127.0.0.1:${port}/`, port, heads },
    get connections() {
      return connections;
    },
    open: () => sockets.size,
    allClosed: () => expect.poll(() => sockets.size).toBe(0),
  };
}

/** An answer as text, its length told. */
export function ok(body: string, headers: readonly string[] = [], status = "200 OK"): string {
  const lines = [`HTTP/1.1 ${status}`, `Content-Length: ${Buffer.byteLength(body)}`, ...headers];
  return `${lines.join("\r\n")}\r\n\r\n${body}`;
}
