/** What the proxy does to real sockets. */
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type FaultProxy, faultProxy } from "../support/fault-proxy.ts";
import { stopwatch } from "../support/stopwatch.ts";

/** Sends back what it gets, and ends when the client does. */
const echo = createServer((socket) => {
  served.push(socket);
  socket.on("error", () => {}).pipe(socket);
});
let served: Socket[] = [];
let proxy: FaultProxy;
let clients: Socket[] = [];

beforeEach(async () => {
  await once(echo.listen(0, "127.0.0.1"), "listening");
  proxy = await faultProxy({ host: "127.0.0.1", port: (echo.address() as { port: number }).port });
});
afterEach(async () => {
  for (const socket of [...clients, ...served]) socket.destroy();
  [clients, served] = [[], []];
  await proxy.stop();
  const closed = once(echo, "close");
  echo.close();
  await closed;
});

/** Milliseconds: at least what the proxy had them wait, and what of it this process had. */
interface Took {
  readonly clockMs: number;
  readonly ownMs: number;
}

interface Client {
  readonly socket: Socket;
  /** All that has come. */
  received(): Buffer;
  /** Waits until so many bytes have come, and gives the time it took. */
  until(bytes: number): Promise<Took>;
  /** How the connection ends: the error's code, or "closed". */
  readonly ended: Promise<string>;
}

async function client(): Promise<Client> {
  const socket = connect({ port: proxy.port, host: "127.0.0.1", allowHalfOpen: true });
  clients.push(socket);
  const chunks: Buffer[] = [];
  let size = 0;
  let look = () => {};
  socket.on("data", (chunk: Buffer) => {
    chunks.push(chunk);
    size += chunk.length;
    look();
  });
  const ended = new Promise<string>((resolve) => {
    socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? "error"));
    socket.once("end", () => {
      socket.end();
      resolve("closed");
    });
  });
  await Promise.race([once(socket, "connect"), ended]);
  const until = (bytes: number) =>
    new Promise<Took>((resolve) => {
      const start = performance.now();
      const took = stopwatch();
      look = () => {
        if (size >= bytes) resolve({ clockMs: performance.now() - start, ownMs: took() });
      };
      look();
    });
  return { socket, until, ended, received: () => Buffer.concat(chunks) };
}

/** Sends the bytes and gives the time until they are back. */
async function roundTrip({ socket, until, received }: Client, bytes: Uint8Array): Promise<Took> {
  const before = received().length;
  socket.write(bytes);
  return until(before + bytes.length);
}

const ping = Buffer.from("ping");
/** Long enough for bytes that pass to have passed. */
const aWhile = 60;

test("without a fault every byte passes in both directions, and so does the end", async () => {
  const one = await client();
  const bytes = Buffer.alloc(3_000_000, "abcdefg");
  await roundTrip(one, bytes);
  expect(one.received().equals(bytes)).toBe(true);
  expect([proxy.connections, proxy.accepted]).toEqual([1, 1]);
  one.socket.end();
  expect(await one.ended).toBe("closed");
  await expect.poll(() => proxy.connections).toBe(0);
});

test("latency delays every byte in the direction that it is given for, on an open connection too", async () => {
  const one = await client();
  expect((await roundTrip(one, ping)).ownMs).toBeLessThan(50);
  await proxy.set({ kind: "latency", latencyMs: 80, jitterMs: 20, direction: "downstream" });
  expect((await roundTrip(one, ping)).clockMs).toBeGreaterThan(55);
  await proxy.set({ kind: "latency", latencyMs: 80, jitterMs: 20 });
  expect((await roundTrip(one, ping)).clockMs).toBeGreaterThan(115);
  await proxy.set(undefined);
  expect((await roundTrip(one, ping)).ownMs).toBeLessThan(50);
});

test("down refuses new connections and cuts open ones, and the same port listens again afterwards", async () => {
  const one = await client();
  await roundTrip(one, ping);
  await proxy.set({ kind: "down" });
  expect(await one.ended).toMatch(/^(closed|ECONNRESET)$/);
  expect(await (await client()).ended).toBe("ECONNREFUSED");
  await proxy.set(undefined);
  expect((await roundTrip(await client(), ping)).ownMs).toBeLessThan(500);
});

test("bandwidth lets so many bytes a second through", async () => {
  const one = await client();
  await proxy.set({ kind: "bandwidth", bytesPerSecond: 50_000, direction: "downstream" });
  const { clockMs, ownMs } = await roundTrip(one, Buffer.alloc(15_000));
  expect(clockMs).toBeGreaterThan(230);
  expect(ownMs).toBeLessThan(900);
});

test("slow_close delays the end and nothing else", async () => {
  const one = await client();
  await proxy.set({ kind: "slow_close", delayMs: 150, direction: "upstream" });
  expect((await roundTrip(one, ping)).ownMs).toBeLessThan(100);
  const start = performance.now();
  one.socket.end();
  expect(await one.ended).toBe("closed");
  expect(performance.now() - start).toBeGreaterThan(140);
});

test("reset_peer resets what is open, and what is opened afterwards", async () => {
  const one = await client();
  await roundTrip(one, ping);
  await proxy.set({ kind: "reset_peer" });
  expect(await one.ended).toBe("ECONNRESET");
  expect(await (await client()).ended).toBe("ECONNRESET");
  await expect.poll(() => proxy.connections).toBe(0);
});

test("timeout holds everything back while connections stay open, and lets it go when it is lifted", async () => {
  const one = await client();
  await proxy.set({ kind: "timeout" });
  const back = roundTrip(one, ping);
  await delay(aWhile);
  expect([one.received().length, served[0]?.bytesRead, proxy.connections]).toEqual([0, 0, 1]);
  await proxy.set(undefined);
  await back;
  expect(one.received()).toEqual(ping);
});

test("half_open stops one direction", async () => {
  const one = await client();
  await proxy.set({ kind: "half_open", direction: "downstream" });
  one.socket.write(ping);
  await expect.poll(() => served[0]?.bytesRead).toBe(ping.length);
  await delay(aWhile);
  expect(one.received()).toHaveLength(0);
  await proxy.set({ kind: "half_open", direction: "upstream" });
  await one.until(ping.length);
  one.socket.write(ping);
  await delay(aWhile);
  expect(served[0]?.bytesRead).toBe(ping.length);
});

test("blackhole accepts and leads nowhere, while older connections work", async () => {
  const older = await client();
  await proxy.set({ kind: "blackhole" });
  const younger = await client();
  const back = roundTrip(younger, ping);
  await roundTrip(older, ping);
  expect([younger.received().length, served.length, proxy.connections]).toEqual([0, 1, 2]);
  const leaver = await client();
  leaver.socket.write(ping);
  leaver.socket.destroy();
  await expect.poll(() => proxy.connections).toBe(2);
  await proxy.set(undefined);
  await back;
  expect(younger.received()).toEqual(ping);
});

test("forgotten connections lead nowhere for ever, and new ones work", async () => {
  const older = await client();
  await roundTrip(older, ping);
  await proxy.set({ kind: "forgotten" });
  older.socket.write(ping);
  await roundTrip(await client(), ping);
  await proxy.set(undefined);
  await delay(aWhile);
  expect(older.received()).toEqual(ping);
  older.socket.destroy();
  await expect.poll(() => proxy.connections).toBe(1);
});

test("slicer passes everything in small pieces with a delay between them", async () => {
  const one = await client();
  await proxy.set({ kind: "slicer", averageBytes: 10, variationBytes: 3, delayMs: 10, direction: "downstream" });
  const bytes = Buffer.from(Array.from({ length: 100 }, (_, i) => i));
  expect((await roundTrip(one, bytes)).clockMs).toBeGreaterThan(60);
  expect(one.received()).toEqual(bytes);
});

test("corruption flips single bits of about as many bytes as it is told", async () => {
  const one = await client();
  await proxy.set({ kind: "corruption", rate: 0.1, direction: "downstream" });
  await roundTrip(one, Buffer.alloc(10_000));
  const wrong = one.received().filter((byte) => byte !== 0);
  expect(wrong.length).toBeGreaterThan(700);
  expect(wrong.length).toBeLessThan(1_300);
  expect([...wrong].every((byte) => (byte & (byte - 1)) === 0)).toBe(true);
});

test("limit_data closes a connection after so many bytes", async () => {
  const one = await client();
  await proxy.set({ kind: "limit_data", bytes: 1_000, direction: "downstream" });
  one.socket.write(Buffer.alloc(5_000));
  expect(await one.ended).toMatch(/^(closed|ECONNRESET)$/);
  expect(one.received().length).toBe(1_000);
});

test("a side that breaks off breaks the other off, and one that only ends can still be answered", async () => {
  const one = await client();
  await roundTrip(one, ping);
  served[0]?.resetAndDestroy();
  expect(await one.ended).toBe("ECONNRESET");
  const two = await client();
  two.socket.end(ping);
  await two.ended;
  expect(two.received()).toEqual(ping);
  await expect.poll(() => proxy.connections).toBe(0);
});
