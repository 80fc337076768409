import { once } from "node:events";
import net from "node:net";
import { inspect } from "node:util";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { connectRedis, type RedisOptions, type SharedRedis } from "../../src/execution/redis.ts";
import type { Observation } from "../../src/observability/observation.ts";
import { patience } from "../support/patience.ts";
import { hurried, type OwnRedis, ownRedis, unhurried } from "../support/redis.ts";
import { stopwatch } from "../support/stopwatch.ts";

let server: OwnRedis;
const open: SharedRedis[] = [];
let told: boolean[] = [];

const observe = (observation: Observation) => {
  if (observation.kind === "shared_state_changed") told.push(observation.available);
};
const connect = (url = server.url, options: RedisOptions = unhurried) => {
  const redis = connectRedis(url, observe, options);
  open.push(redis);
  return redis;
};
const available = (redis: SharedRedis, expected = true) => vi.waitUntil(() => redis.available === expected, patience);

beforeEach(async () => {
  told = [];
  server = await ownRedis();
});
afterEach(async () => {
  for (const redis of open.splice(0)) redis.close();
  await server.stop();
});

describe("a connection to Redis", () => {
  test("is available once it is there, and tells so", async () => {
    const redis = connect();
    expect(redis.available).toBe(false);
    await available(redis);
    expect(told).toEqual([true]);
  });

  test("prefixes every key", async () => {
    const redis = connect();
    await available(redis);
    await redis.client.set("a", "1");
    expect(await redis.client.call("KEYS", "*")).toEqual(["connector:a"]);
  });

  test("begins without Redis, and comes to it by itself", async () => {
    await server.kill("SIGKILL");
    const redis = connect();
    await vi.waitUntil(() => told.length > 0, patience);
    expect(told).toEqual([false]);
    await server.restart();
    await available(redis);
    expect(told).toEqual([false, true]);
  });

  test("fails a command at once while Redis is dead, and comes back when it is", async () => {
    const redis = connect();
    await available(redis);
    await server.kill("SIGKILL");
    await available(redis, false);
    const took = stopwatch();
    await expect(redis.client.get("a")).rejects.toThrow();
    expect(took()).toBeLessThan(50);
    await server.restart();
    await available(redis);
    await expect(redis.client.get("a")).resolves.toBeNull();
    expect(told).toEqual([true, false, true]);
  });

  test("gives a frozen Redis a tenth of a second, then leaves it until it answers again", async () => {
    const redis = connect(server.url, {});
    await available(redis);
    await server.kill("SIGSTOP");
    const took = stopwatch();
    await expect(redis.client.get("a")).rejects.toThrow();
    expect(took()).toBeLessThan(200);
    await available(redis, false);
    await server.kill("SIGCONT");
    await available(redis);
    await vi.waitFor(() => expect(redis.client.get("a")).resolves.toBeNull(), patience);
  });

  test("is not available to anybody from the first doubt on, until it answers", async () => {
    const redis = connect(server.url, hurried);
    await available(redis);
    await server.kill("SIGSTOP");
    redis.doubt();
    expect(redis.available).toBe(false);
    await vi.waitUntil(() => told.length === 2, patience);
    await server.kill("SIGCONT");
    await available(redis);
    expect(told).toEqual([true, false, true]);
  });

  test("is available again at once, and tells nothing, when the doubt was wrong", async () => {
    const redis = connect();
    await available(redis);
    redis.doubt();
    await redis.client.get("a");
    expect(redis.available).toBe(true);
    expect(told).toEqual([true]);
  });

  test("does not run a command later that was given up", async () => {
    const redis = connect();
    await available(redis);
    await server.kill("SIGKILL");
    await available(redis, false);
    await expect(redis.client.incr("count")).rejects.toThrow();
    await server.restart();
    await available(redis);
    expect(await redis.client.get("count")).toBeNull();
  });

  test("hears what others publish, and catches up on each new connection", async () => {
    const heard: string[] = [];
    let caughtUp = 0;
    const [one, other] = [connect(), connect()];
    one.listen({
      channel: "news",
      heard: (message) => heard.push(message),
      catchUp: async (client) => {
        await client.get("news");
        caughtUp += 1;
      },
    });
    await Promise.all([available(one), available(other)]);
    other.publish("news", "first");
    await vi.waitUntil(() => heard.length === 1, patience);
    await server.kill("SIGKILL");
    await server.restart();
    await available(one, true);
    await vi.waitUntil(() => caughtUp === 2, patience);
    await Promise.all([available(one), available(other)]);
    other.publish("news", "second");
    await vi.waitUntil(() => heard.length === 2, patience);
    expect(heard).toEqual(["first", "second"]);
  });

  test("hears a channel that is asked for after it was connected", async () => {
    const redis = connect();
    await available(redis);
    const heard = new Promise<string>((resolve) => {
      redis.listen({
        channel: "late",
        heard: resolve,
        catchUp: async () => redis.publish("late", "here"),
      });
    });
    expect(await heard).toBe("here");
  });

  test("is not available while a listener can't catch up", async () => {
    const redis = connect();
    let tries = 0;
    redis.listen({
      channel: "news",
      heard: () => {},
      catchUp: async () => {
        tries += 1;
        if (tries < 3) throw new Error("not yet");
      },
    });
    await available(redis);
    expect(tries).toBe(3);
    expect(told).toEqual([false, true]);
  });

  test("shows no password when it is refused, and when its URL is not one", async () => {
    await server.stop();
    server = await ownRedis(["--requirepass", "right-canary"]);
    const printed: unknown[] = [];
    const spies = (["log", "warn", "error", "info"] as const).map((level) =>
      vi.spyOn(console, level).mockImplementation((...args) => void printed.push(...args)),
    );
    const redis = connect(`redis://:wrong-canary@127.0.0.1:${server.port}`);
    await vi.waitUntil(() => told.length > 0, patience);
    const refused = await redis.client.get("a").catch((error: unknown) => error);
    const invalid = ["redis://:wrong-canary@127.0.0.1:99999999", "redis://:wrong-canary%zz@127.0.0.1:6379"].map(
      (url) => {
        try {
          return connect(url);
        } catch (error) {
          return error;
        }
      },
    );
    for (const spy of spies) spy.mockRestore();
    expect(invalid).toEqual([
      expect.objectContaining({ kind: "configuration_rejected" }),
      expect.objectContaining({ kind: "configuration_rejected" }),
    ]);
    expect(inspect([refused, invalid, printed], { depth: 10, showHidden: true })).not.toContain("canary");
    expect(told).toEqual([false]);
  });

  test("connects with the password of its URL", async () => {
    await server.stop();
    server = await ownRedis(["--requirepass", "right"]);
    await available(connect(`redis://:right@127.0.0.1:${server.port}`));
  });

  test("never counts a server as available that can't both hear and answer on one connection", async () => {
    // As a server from before RESP3 does, it knows no HELLO.
    const old = net.createServer((socket) => {
      const upstream = net.connect(server.port, "127.0.0.1").setEncoding("latin1");
      socket.setEncoding("latin1").on("data", (text: string) => upstream.write(text.replaceAll("hello", "hellx")));
      upstream.on("data", (text: string) => socket.write(text.replaceAll("hellx", "hello")));
      socket.on("close", () => upstream.destroy()).on("error", () => {});
      upstream.on("close", () => socket.destroy()).on("error", () => {});
    });
    await once(old.listen(0, "127.0.0.1"), "listening");
    const redis = connect(`redis://127.0.0.1:${(old.address() as net.AddressInfo).port}`);
    let caughtUp = 0;
    const catchUp = async () => {
      caughtUp += 1;
    };
    redis.listen({ channel: "news", heard: () => {}, catchUp });
    await vi.waitUntil(() => caughtUp >= 2, patience);
    expect(told).toEqual([false]);
    old.close();
  });

  test("tells nothing any more once it is closed, and reconnects no more", async () => {
    const redis = connect();
    await available(redis);
    redis.close();
    expect(redis.available).toBe(false);
    await vi.waitUntil(() => redis.client.status === "end", patience);
    expect(told).toEqual([true]);
  });
});
