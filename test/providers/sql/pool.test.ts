/** The pool over real sockets: what a server sees is what counts. */
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ConnectionPool } from "../../../src/providers/sql/pool.ts";

const never = new AbortController().signal;

let server: Server;
/** The server's ends of open sockets. */
let accepted: Set<Socket>;
/** The most there were at once. */
let most: number;

beforeEach(async () => {
  accepted = new Set();
  most = 0;
  server = createServer((socket) => {
    accepted.add(socket.resume());
    most = Math.max(most, accepted.size);
    socket.on("error", () => {}).once("close", () => accepted.delete(socket));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
});

afterEach(() => {
  for (const socket of accepted) socket.destroy();
  server.close();
});

async function open(signal: AbortSignal): Promise<Socket> {
  const { port } = server.address() as { port: number };
  const socket = connect({ port, host: "127.0.0.1", signal }).on("error", () => {});
  await once(socket, "connect", { signal });
  return socket;
}

function pool(max: number, options: { idleMs?: number; open?: typeof open } = {}): ConnectionPool<Socket> {
  return new ConnectionPool<Socket>({
    ...{ max, idleMs: 60_000, open, ...options },
    close: (socket) => socket.destroy(),
    isOpen: (socket) => !socket.destroyed && socket.readyState === "open",
  });
}

test("a connection that was given back is used again", async () => {
  const connections = pool(3);
  const first = await connections.acquire(never);
  connections.release(first, true);
  expect(await connections.acquire(never)).toBe(first);
  expect(connections.size).toBe(1);
  await vi.waitUntil(() => accepted.size === 1);
});

test("there are never more than allowed, and every caller gets one", async () => {
  const connections = pool(4);
  let inUse = 0;
  let mostInUse = 0;
  await Promise.all(
    Array.from({ length: 100 }, async (_, i) => {
      const socket = await connections.acquire(never);
      mostInUse = Math.max(mostInUse, ++inUse);
      await delay(i % 3);
      inUse--;
      connections.release(socket, i % 7 > 0);
    }),
  );
  expect([mostInUse, most <= 5, connections.size <= 4]).toEqual([4, true, true]);
});

test("callers are served in the order in which they came", async () => {
  const connections = pool(1);
  const held = await connections.acquire(never);
  const served: number[] = [];
  const waiting = Array.from({ length: 10 }, async (_, i) => {
    const socket = await connections.acquire(never);
    served.push(i);
    connections.release(socket, i % 2 === 0);
  });
  connections.release(held, true);
  await Promise.all(waiting);
  expect(served).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

test("a caller that leaves the line takes nobody's place", async () => {
  const connections = pool(1);
  const held = await connections.acquire(never);
  const leaving = new AbortController();
  const first = connections.acquire(leaving.signal);
  const second = connections.acquire(never);
  const reason = new Error("enough");
  leaving.abort(reason);
  await expect(first).rejects.toBe(reason);
  connections.release(held, true);
  expect(await second).toBe(held);
  await expect(connections.acquire(leaving.signal)).rejects.toBe(reason);
  expect(connections.size).toBe(1);
});

test("an open that fails passes its place on", async () => {
  let refusals = 2;
  const connections = pool(1, {
    open: (signal) => (refusals-- > 0 ? delay(5).then(() => Promise.reject(new Error("refused"))) : open(signal)),
  });
  const results = await Promise.allSettled(Array.from({ length: 3 }, () => connections.acquire(never)));
  expect(results.map(({ status }) => status)).toEqual(["rejected", "rejected", "fulfilled"]);
  expect(connections.size).toBe(1);
});

test("a caller that leaves while its connection is being opened leaves none behind", async () => {
  const connections = pool(1);
  const leaving = new AbortController();
  const first = connections.acquire(leaving.signal);
  leaving.abort();
  await expect(first).rejects.toThrow();
  expect(connections.size).toBe(0);
  connections.release(await connections.acquire(never), true);
  expect(connections.size).toBe(1);
});

test("a broken connection is closed and its place is free", async () => {
  const connections = pool(1);
  const broken = await connections.acquire(never);
  const next = connections.acquire(never);
  connections.release(broken, false);
  expect(await next).not.toBe(broken);
  expect(broken.destroyed).toBe(true);
  expect(connections.size).toBe(1);
});

test("an idle connection that the server has closed is not given out", async () => {
  const connections = pool(2);
  const idle = await connections.acquire(never);
  connections.release(idle, true);
  for (const socket of accepted) socket.destroy();
  await vi.waitUntil(() => idle.readyState !== "open");
  const next = await connections.acquire(never);
  expect([next === idle, next.readyState, connections.size]).toEqual([false, "open", 1]);
});

test("connections that nobody uses are closed, those in use are not", async () => {
  const connections = pool(3, { idleMs: 100 });
  const sockets = await Promise.all([1, 2, 3].map(() => connections.acquire(never)));
  const [used, ...unused] = sockets as [Socket, ...Socket[]];
  for (const socket of unused) connections.release(socket, true);
  await vi.waitUntil(() => connections.size === 1 && accepted.size === 1);
  expect([used.destroyed, ...unused.map(({ destroyed }) => destroyed)]).toEqual([false, true, true]);
});

test("a closed pool closes what is idle at once, and what is in use when it is given back", async () => {
  const connections = pool(2);
  const used = await connections.acquire(never);
  const idle = await connections.acquire(never);
  connections.release(idle, true);
  connections.close();
  expect([idle.destroyed, used.destroyed]).toEqual([true, false]);
  connections.release(used, true);
  expect([used.destroyed, connections.size]).toEqual([true, 0]);
});

test("a closed pool lets those in line have their turn", async () => {
  const connections = pool(1);
  const held = await connections.acquire(never);
  const waiting = connections.acquire(never);
  connections.close();
  connections.release(held, true);
  const last = await waiting;
  connections.release(last, true);
  await vi.waitUntil(() => accepted.size === 0);
  expect(connections.size).toBe(0);
});
