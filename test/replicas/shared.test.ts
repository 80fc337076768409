/** Limits, kept answers and history are those of both replicas together; without Redis, each has its own. */
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Redis } from "ioredis";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ConnectorError } from "../../src/client/index.ts";
import { run } from "../service/customer.ts";
import { type FreshDatabase, freshDatabase, freshStore } from "../support/postgres.ts";
import { type OwnRedis, ownRedis } from "../support/redis.ts";
import { type Replica, type Replicas, twoReplicas, until } from "../support/replicas.ts";
import { connectorTo } from "../support/service.ts";

const canary = `canary-${randomUUID()}`;
const callsPerSecond = 20;

let store: FreshDatabase;
let source: FreshDatabase;
let redis: OwnRedis;
let replicas: Replicas;

beforeAll(async () => {
  [store, source, redis] = await Promise.all([freshStore(), freshDatabase(), ownRedis()]);
  await run(source.url, `CREATE TABLE secret AS SELECT '${canary}' AS value`);
  replicas = await twoReplicas(store.url, { REDIS_URL: redis.url, REDIS_TIMEOUT_SECONDS: "10" });
  // The first calls of a process take so long that a second's limit would begin anew among them.
  await burst(await connector({}));
});

afterAll(async () => {
  await replicas.stop();
  await Promise.all([redis.stop(), store.drop(), source.drop()]);
});

// Both have found Redis, and found it again.
beforeEach(async () => {
  await until("answers are shared", shared);
});

async function connector(policy: object): Promise<string> {
  const request = { ...connectorTo(source.url, `c-${randomUUID()}`), policy };
  return (await replicas.first.client.createConnector(request)).id;
}

/** An answer that one replica keeps and the other gives. */
async function keptAnswer() {
  const connectorId = await connector({ maxCacheAge: { seconds: 60n } });
  const query = { source: { case: "resource" as const, value: "secret" } };
  const ask = ({ client }: Replica) => client.rpc.query({ connectorId, query, maxAge: { seconds: 60n } });
  return { read: await ask(replicas.first), given: await ask(replicas.second) };
}

async function shared(): Promise<boolean> {
  return (await keptAnswer()).given.cached;
}

/**
 * What becomes of 100 calls in a row, five at once to each replica: all at once would keep
 * a busy machine from hearing Redis in time, and then each counts for itself.
 */
async function burst(id: string): Promise<string[]> {
  const lanes = Array.from({ length: 10 }, async (_, lane) => {
    const outcomes: string[] = [];
    for (let i = 0; i < 10; i++) outcomes.push(await outcomeOf(replicas.both[lane % 2] as Replica, id));
    return outcomes;
  });
  return (await Promise.all(lanes)).flat();
}

/** How many calls of a burst pass the limit of a new connector, and how many may by a limit that holds for all. */
async function passed(): Promise<{ count: number; most: number }> {
  const id = await connector({ callsPerSecond });
  const begin = performance.now();
  const outcomes = await burst(id);
  const seconds = 1 + Math.floor((performance.now() - begin) / 1_000);
  const refused = outcomes.filter((outcome) => outcome !== "answered");
  expect(new Set(refused)).toEqual(new Set(["RATE_LIMITED"]));
  return { count: 100 - refused.length, most: seconds * callsPerSecond + 5 };
}

async function outcomeOf({ client }: Replica, id: string): Promise<string> {
  try {
    await client.query(id, { native: "SELECT 1" });
    return "answered";
  } catch (error) {
    if (error instanceof ConnectorError) return error.reason ?? error.message;
    throw error;
  }
}

test("a rate limit holds for both together", async () => {
  const { count, most } = await passed();
  expect(count).toBeGreaterThanOrEqual(callsPerSecond);
  expect(count).toBeLessThanOrEqual(most);
});

describe("an answer that one has read", () => {
  test("is given by the other, which says how old it is", async () => {
    const { read, given } = await keptAnswer();
    expect(read).toMatchObject({ cached: false, attempts: 1 });
    expect(given).toMatchObject({ cached: true, attempts: 0, readTime: read.readTime, rows: read.rows });
    expect(given.rows[0]?.values[0]?.kind.value).toBe(canary);
    const ageMs = Number(given.age?.seconds) * 1_000 + (given.age?.nanos ?? 0) / 1e6;
    expect(ageMs).toBeGreaterThan(0);
    expect(ageMs).toBeLessThan(60_000);
  });

  test("stands in Redis without a plain byte of it", async () => {
    await keptAnswer();
    const client = new Redis(redis.url);
    try {
      const keys = await client.keys("*");
      const values = await Promise.all(keys.map((key) => client.getBuffer(key)));
      const all = Buffer.concat([Buffer.from(keys.join()), ...values.filter((value) => value !== null)]);
      expect(all.length).toBeGreaterThan(canary.length);
      for (const encoding of ["utf8", "utf16le"] as const)
        expect(all.includes(Buffer.from(canary, encoding))).toBe(false);
      for (const encoding of ["base64", "hex"] as const) {
        // A piece of it, since what stands before it shifts the groups of base64.
        expect(all.includes(Buffer.from(canary.slice(3, -3)).toString(encoding).slice(0, 16))).toBe(false);
      }
    } finally {
      client.disconnect();
    }
  });
});

describe("the patience that an API asks one of them for", () => {
  test.each([
    ["in seconds", 429, () => "60"],
    ["until a time", 503, () => new Date(Date.now() + 60_000).toUTCString()],
  ])("%s is had by both: neither calls it again", async (_, status, retryAfter) => {
    // It asks once, so that the other replica can't have heard it from the API itself.
    let requests = 0;
    const api = createServer((_, response) => {
      const head = { "content-type": "application/json", ...(++requests === 1 && { "retry-after": retryAfter() }) };
      response.writeHead(requests === 1 ? status : 200, head).end("[]");
    }).listen(0, "127.0.0.1");
    await once(api, "listening");
    try {
      const resources = [{ name: "rows", path: "/rows", fields: [{ name: "id", type: "int32" }] }];
      const { id } = await replicas.first.client.createConnector({
        ...{ provider: "rest", name: `c-${randomUUID()}`, credential: { type: "none" } },
        config: {
          ...{ base_url: `http://127.0.0.1:${(api.address() as AddressInfo).port}`, resources },
          authentication: { type: "none" },
        },
      });
      const ask = ({ client }: Replica) => client.query(id, { resource: "rows" }).then(() => undefined, refusalOf);

      const refused = await ask(replicas.first);
      expect(refused).toMatchObject({ reason: "UPSTREAM_RATE_LIMITED", metadata: { status: String(status) } });
      expect(refused?.retryAfterMs).toBeGreaterThan(0);
      expect(refused?.retryAfterMs).toBeLessThan(90_000);

      await until("the other one has heard of it", async () => (await ask(replicas.second)) !== undefined);
      const heard = requests;
      for (const replica of [...replicas.both, ...replicas.both]) {
        expect(await ask(replica)).toMatchObject({ reason: "UPSTREAM_RATE_LIMITED", where: "upstream" });
      }
      expect(requests).toBe(heard);
    } finally {
      api.close();
      api.closeAllConnections();
    }
  });

  function refusalOf(error: unknown): ConnectorError {
    if (error instanceof ConnectorError) return error;
    throw error;
  }
});

test("while Redis is dead no call fails for it and each has limits of its own, and afterwards they share again", async () => {
  const id = await connector({ callsPerSecond: 10_000 });
  const load = steadyLoad(id);
  await load.answered(50);
  await redis.kill("SIGKILL");
  await load.answered(50);

  const alone = await passed();
  expect(alone.count).toBeGreaterThanOrEqual(2 * callsPerSecond);
  expect(alone.count).toBeLessThanOrEqual(2 * alone.most);

  await redis.restart();
  await until("answers are shared", shared, 5_000);
  const together = await passed();
  expect(together.count).toBeLessThanOrEqual(together.most);
  expect(await load.stop()).toEqual({ failed: [] });
});

/** Two calls at once to each replica, again and again. */
function steadyLoad(id: string) {
  const failed: string[] = [];
  let count = 0;
  let stopped = false;
  const lanes = [...replicas.both, ...replicas.both].map(async (replica) => {
    while (!stopped) {
      const outcome = await outcomeOf(replica, id);
      count++;
      if (outcome !== "answered") failed.push(outcome);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  });
  return {
    /** Resolves when so many more calls have ended. */
    async answered(more: number) {
      const goal = count + more;
      await until(`${more} calls have ended`, async () => count >= goal);
    },
    async stop() {
      stopped = true;
      await Promise.all(lanes);
      return { failed };
    },
  };
}

test("the history that one shows holds the calls of both", async () => {
  const id = await connector({});
  for (const replica of [...replicas.both, replicas.second]) expect(await outcomeOf(replica, id)).toBe("answered");
  const { rpc } = replicas.first.client;
  await until("all three are there", async () => (await rpc.listQueries({ connectorId: id })).queries.length === 3);
});
