/** The program of `apiServer`: answers HTTP at as many ports as its parent asks for, and tells it what it is doing. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import type { DoorFigures, FromApi, ToApi } from "./api-server.ts";

/** Rows of `/known` and of `/trickle`. */
const knownRows = 20;
const trickleRows = 200;
/** Milliseconds that `/slow_answer` and `/orders` take. */
const slowMs = 400;

interface Door {
  readonly server: Server;
  readonly running: Set<{ readonly path: string }>;
}

const doors = new Map<number, Door>();
const tell = (message: FromApi) => void process.send?.(message);

const routes: Readonly<Record<string, (request: IncomingMessage, response: ServerResponse) => Promise<unknown>>> = {
  "/known": async (_, response) => response.end(JSON.stringify(Array.from({ length: knownRows }, (_, i) => row(i, 1)))),
  async "/slow_answer"(_, response) {
    await delay(slowMs);
    response.end('[{"answer":42}]');
  },
  async "/trickle"(_, response) {
    for (let i = 0; i < trickleRows && !response.destroyed; i++) {
      response.write(`${i === 0 ? "[" : ","}${JSON.stringify(row(i, 8))}`);
      await delay(1);
    }
    response.end("]");
  },
  async "/orders"(request, response) {
    const { order } = (await json(request)) as { order: string };
    // From now on it has been placed, whoever hears of it.
    tell({ kind: "ordered", port: request.socket.localPort ?? 0, order });
    await delay(slowMs);
    response.writeHead(201).end(JSON.stringify({ placed: order }));
  },
};

function row(index: number, times: number) {
  const id = index + 1;
  return { id, text: createHash("md5").update(String(id)).digest("hex").repeat(times) };
}

async function open(port: number, certificate: { cert: string; key: string } | undefined): Promise<number> {
  const running: Door["running"] = new Set();
  const answer = (request: IncomingMessage, response: ServerResponse) => {
    const [path = ""] = (request.url ?? "").split("?");
    const mark = { path };
    running.add(mark);
    response.once("close", () => running.delete(mark)).setHeader("content-type", "application/json");
    const route = routes[path];
    if (route === undefined) response.writeHead(404).end();
    // Whoever has left wants no answer.
    else route(request, response).catch(() => response.destroy());
  };
  const options = { keepAliveTimeout: 60_000 };
  const server =
    certificate === undefined ? createServer(options, answer) : createTlsServer({ ...options, ...certificate }, answer);
  server.on("tlsClientError", () => {}).listen(port, "127.0.0.1");
  await once(server, "listening");
  const own = (server.address() as AddressInfo).port;
  doors.set(own, { server, running });
  return own;
}

async function figures({ server, running }: Door): Promise<DoorFigures> {
  const count = Promise.withResolvers<number>();
  server.getConnections((error, connections) => (error ? count.reject(error) : count.resolve(connections)));
  return { open: await count.promise, running: [...running].map(({ path }) => path) };
}

async function answered(message: ToApi): Promise<DoorFigures | number> {
  if (message.kind === "open") return open(message.port, message.certificate);
  const door = doors.get(message.port);
  if (door === undefined) throw new Error(`Nothing listens at ${message.port}.`);
  if (message.kind === "figures") return figures(door);
  doors.delete(message.port);
  door.server.close();
  door.server.closeAllConnections();
  return 0;
}

process.on("message", async (message: ToApi) => {
  try {
    tell({ kind: "answer", id: message.id, answer: await answered(message) });
  } catch (error) {
    tell({ kind: "answer", id: message.id, error: String((error as NodeJS.ErrnoException).code ?? error) });
  }
});
// The parent may have been killed.
process.once("disconnect", () => process.exit());
