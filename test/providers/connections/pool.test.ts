/** The pool over real sockets: what a server sees is what counts. */
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createPlaces } from "../../../src/execution/session/places.ts";
import { type Borrower, ConnectionPool } from "../../../src/providers/connections/pool.ts";
import type { Phase, Places } from "../../../src/providers/contract.ts";
import { anew, patience } from "../../support/patience.ts";

const never = borrower(new AbortController().signal);

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

/** A call that gathers its phases. */
function borrower(signal: AbortSignal): Borrower & { readonly phases: Phase[] } {
  const phases: Phase[] = [];
  return { signal, phases, enter: (phase) => phases.push(phase) };
}

interface Options {
  readonly idleMs?: number;
  readonly freshMs?: number;
  readonly places?: Places;
  readonly open?: typeof open;
  readonly check?: (socket: Socket, signal: AbortSignal) => Promise<boolean>;
}

function pool(max: number, options: Options = {}): ConnectionPool<Socket> {
  const places = createPlaces({ perHost: 100, all: 100 });
  return new ConnectionPool<Socket>({
    ...{ max, idleMs: 60_000, open, places, host: "source", check: async () => true, ...options },
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
  await vi.waitUntil(() => accepted.size === 1, patience);
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
  const first = connections.acquire(borrower(leaving.signal));
  const second = connections.acquire(never);
  const reason = new Error("enough");
  leaving.abort(reason);
  await expect(first).rejects.toBe(reason);
  connections.release(held, true);
  expect(await second).toBe(held);
  await expect(connections.acquire(borrower(leaving.signal))).rejects.toBe(reason);
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
  const first = connections.acquire(borrower(leaving.signal));
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
  await vi.waitUntil(() => idle.readyState !== "open", patience);
  const next = await connections.acquire(never);
  expect([next === idle, next.readyState, connections.size]).toEqual([false, "open", 1]);
});

test("connections that nobody uses are closed, those in use are not", async () => {
  const connections = pool(3, { idleMs: 100 });
  const sockets = await Promise.all([1, 2, 3].map(() => connections.acquire(never)));
  const [used, ...unused] = sockets as [Socket, ...Socket[]];
  for (const socket of unused) connections.release(socket, true);
  await vi.waitUntil(() => connections.size === 1 && accepted.size === 1, patience);
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
  await vi.waitUntil(() => accepted.size === 0, patience);
  expect(connections.size).toBe(0);
});

describe("a place in the budget of connections", () => {
  test("is taken before a connection is opened, lent while it is unused, and free when it is closed", async () => {
    const places = createPlaces({ perHost: 5, all: 5 });
    const connections = pool(3, { places });
    const [first, second] = await Promise.all([connections.acquire(never), connections.acquire(never)]);
    expect(places.figures()).toEqual({ open: 2, lent: 0, waiting: 0 });
    connections.release(first, true);
    connections.release(second, false);
    expect(places.figures()).toEqual({ open: 1, lent: 1, waiting: 0 });
    connections.close();
    expect(places.figures()).toEqual({ open: 0, lent: 0, waiting: 0 });
  });

  test("is left to another source when the connection is unused", async () => {
    const places = createPlaces({ perHost: 1, all: 5 });
    const [one, other] = [pool(3, { places }), pool(3, { places })];
    const idle = await one.acquire(never);
    one.release(idle, true);
    await other.acquire(never);
    expect([idle.destroyed, one.size, places.figures()]).toEqual([true, 0, { open: 1, lent: 0, waiting: 0 }]);
  });

  test("is waited for beside the pool's own connections, whichever is there first", async () => {
    const places = createPlaces({ perHost: 1, all: 5 });
    const connections = pool(3, { places });
    const only = await connections.acquire(never);
    const call = borrower(never.signal);
    const next = connections.acquire(call);
    expect(places.figures().waiting).toBe(1);
    connections.release(only, true);
    expect(await next).toBe(only);
    expect([call.phases, places.figures()]).toEqual([["pool"], { open: 1, lent: 0, waiting: 0 }]);
  });

  test("is free again when the connection can't be opened, and when nobody waits for it any more", async () => {
    const places = createPlaces({ perHost: 1, all: 1 });
    const refusing = pool(2, { places, open: () => Promise.reject(new Error("refused")) });
    await expect(refusing.acquire(never)).rejects.toThrow("refused");
    const connections = pool(2, { places });
    const only = await connections.acquire(never);
    const leaving = new AbortController();
    const left = expect(pool(1, { places }).acquire(borrower(leaving.signal))).rejects.toThrow();
    leaving.abort();
    await left;
    connections.release(only, false);
    expect(places.figures()).toEqual({ open: 0, lent: 0, waiting: 0 });
  });

  test("goes round, though the calls of a busy session need its connection one after the other", async () => {
    const places = createPlaces({ perHost: 1, all: 1 });
    const [busy, quiet] = [pool(1, { places }), pool(1, { places })];
    let served = false;
    const lane = async () => {
      while (!served) {
        const socket = await busy.acquire(never);
        await delay(1);
        busy.release(socket, true);
      }
    };
    const lanes = [lane(), lane(), lane()];
    quiet.release(await quiet.acquire(never), true);
    served = true;
    await Promise.all(lanes);
    expect(places.figures()).toMatchObject({ waiting: 0 });
  });
});

test("a call is told what it waits for: a connection of others, and then its own that is being opened", async () => {
  const connections = pool(1);
  const held = await connections.acquire(never);
  const waiting = borrower(never.signal);
  const next = connections.acquire(waiting);
  expect(waiting.phases).toEqual(["pool"]);
  connections.release(held, false);
  connections.release(await next, true);
  expect(waiting.phases).toEqual(["pool", "connect"]);
  const warm = borrower(never.signal);
  await connections.acquire(warm);
  expect(warm.phases).toEqual([]);
});

describe("a connection that was unused for long", () => {
  const checked = () => vi.fn<(socket: Socket, signal: AbortSignal) => Promise<boolean>>();

  test("is asked before it is used, and a younger one is not", anew, async () => {
    const check = checked().mockResolvedValue(true);
    const connections = pool(1, { freshMs: 50, check });
    const socket = await connections.acquire(never);
    connections.release(socket, true);
    expect(await connections.acquire(never)).toBe(socket);
    expect(check).not.toHaveBeenCalled();
    connections.release(socket, true);
    await delay(60);
    expect(await connections.acquire(never)).toBe(socket);
    expect(check).toHaveBeenCalledOnce();
  });

  test("is closed when it does not answer, and so are those unused for longer; a new one is opened", async () => {
    const check = checked().mockResolvedValue(false);
    const connections = pool(3, { freshMs: 0, check });
    const stale = await Promise.all([1, 2, 3].map(() => connections.acquire(never)));
    for (const socket of stale) connections.release(socket, true);
    const socket = await connections.acquire(never);
    expect([stale.includes(socket), stale.map(({ destroyed }) => destroyed)]).toEqual([false, [true, true, true]]);
    expect([check.mock.calls.length, connections.size]).toEqual([1, 1]);
  });

  test("has a second to answer, and no longer than its caller waits", async () => {
    const check = checked().mockImplementation(
      (_, signal) => new Promise((resolve) => signal.addEventListener("abort", () => resolve(false))),
    );
    const connections = pool(2, { freshMs: 0, check });
    connections.release(await connections.acquire(never), true);
    const start = performance.now();
    const socket = await connections.acquire(never);
    expect(performance.now() - start).toBeGreaterThan(900);
    connections.release(socket, true);
    const leaving = new AbortController();
    const left = connections.acquire(borrower(leaving.signal));
    const reason = new Error("enough");
    leaving.abort(reason);
    await expect(left).rejects.toBe(reason);
    expect([socket.destroyed, connections.size]).toEqual([true, 0]);
  });
});
