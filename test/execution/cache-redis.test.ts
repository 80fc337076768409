import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { RedisOptions } from "../../src/execution/redis.ts";
import { patience } from "../support/patience.ts";
import { hurried, type OwnRedis, ownRedis } from "../support/redis.ts";
import { stopwatch } from "../support/stopwatch.ts";
import {
  connectorOf,
  countingSource,
  heldSource,
  notKeptYet,
  pageWith,
  questionTo,
  type Replica,
  replica,
} from "./cache-questions.ts";

let server: OwnRedis;
const open: Replica[] = [];
beforeEach(async () => {
  server = await ownRedis();
});
afterEach(async () => {
  for (const each of open.splice(0)) each.close();
  await server.stop();
});

async function newReplica(options?: RedisOptions): Promise<Replica> {
  const made = await replica(server.url, options);
  open.push(made);
  return made;
}

/** The names of Redis' keys without the client's prefix, and their bytes. */
async function stored({ redis }: Replica): Promise<Map<string, Buffer>> {
  const client = redis?.client;
  if (client === undefined) throw new Error("The replica has no Redis.");
  const names = (await client.keys("*")).map((name) => name.slice("connector:".length));
  return new Map(
    await Promise.all(names.map(async (name) => [name, (await client.getBuffer(name)) as Buffer] as const)),
  );
}

async function answersIn(replica: Replica, count: number): Promise<[name: string, bytes: Buffer][]> {
  return vi.waitFor(async () => {
    const answers = [...(await stored(replica))].filter(([name]) => !name.endsWith(":epoch"));
    expect(answers.length).toBe(count);
    return answers;
  }, patience);
}

describe("what replicas share in Redis", () => {
  test("is an answer of one for the other, and sealed", async () => {
    const [one, other] = [await newReplica(), await newReplica()];
    const source = countingSource();
    const question = questionTo(connectorOf(), "canary_resource");
    const read = async () => ({ page: pageWith([["canary-cell"]]), readTime: new Date() });
    await one.ask(question, read);
    const [[name, bytes] = []] = await answersIn(one, 1);
    expect(await other.ask(question, source.read)).toBe("canary-cell kept");
    expect(`${name} ${bytes?.toString("latin1")}`).not.toContain("canary");
  });

  test("expires with the connector's own limit", async () => {
    const one = await newReplica();
    await one.ask(questionTo(connectorOf({ policy: { maxCacheAgeMs: 60_000 } })), countingSource().read);
    const [[name = ""] = []] = await answersIn(one, 1);
    const leftMs = (await one.redis?.client.pttl(name)) ?? 0;
    expect(leftMs).toBeGreaterThan(50_000);
    expect(leftMs).toBeLessThanOrEqual(60_000);
  });

  test("does not open in the place of another answer", async () => {
    const one = await newReplica();
    const source = countingSource();
    const connector = connectorOf();
    const questions = [
      questionTo(connector, "cities"),
      questionTo(connector, "countries"),
      questionTo({ ...connector, version: 2 }, "cities"),
      questionTo({ ...connector, organizationId: "umbrella" }, "cities"),
    ];
    for (const question of questions) await one.ask(question, source.read);
    const answers = await answersIn(one, questions.length);
    // Each gets the next one's bytes, and all one epoch.
    const client = one.redis?.client;
    for (const [i, [name]] of answers.entries()) {
      await client?.set(name, answers[(i + 1) % answers.length]?.[1] as Buffer, "KEEPTTL");
    }
    for (const [name, bytes] of await stored(one)) {
      if (name.endsWith(":epoch"))
        for (const each of (await stored(one)).keys()) if (each.endsWith(":epoch")) await client?.set(each, bytes);
    }
    for (const question of questions) expect(await one.ask(question, source.read)).toMatch("source");
  });

  test.each([
    ["no sealed answer", Buffer.from("rubbish")],
    ["nothing", Buffer.alloc(0)],
    ["more than an answer may have", Buffer.alloc(3_000_000)],
  ])("is read anew when Redis holds %s instead", async (_what, rubbish) => {
    const one = await newReplica();
    const source = countingSource();
    const question = questionTo(connectorOf());
    await one.ask(question, source.read);
    const [[name = "", bytes = rubbish] = []] = await answersIn(one, 1);
    await one.redis?.client.set(name, rubbish);
    expect(await one.ask(question, source.read)).toBe("2 source");
    await one.redis?.client.set(name, Buffer.concat([bytes.subarray(0, -1), Buffer.of((bytes.at(-1) ?? 0) ^ 1)]));
    expect(await one.ask(question, source.read)).toMatch("source");
  });

  test("is read anew when Redis holds something of another type, or another's word for an epoch", async () => {
    const one = await newReplica();
    const source = countingSource();
    const question = questionTo(connectorOf());
    await one.ask(question, source.read);
    const [[name = ""] = []] = await answersIn(one, 1);
    const epoch = [...(await stored(one)).keys()].find((each) => each.endsWith(":epoch")) ?? "";
    await one.redis?.client.del(name);
    await one.redis?.client.lpush(name, "rubbish");
    expect(await one.ask(question, source.read)).toBe("2 source");
    await one.redis?.client.set(epoch, "rubbish of another");
    expect(await one.ask(question, source.read)).toBe("3 source");
    await one.redis?.client.del(epoch);
    await one.redis?.client.lpush(epoch, "rubbish");
    expect(await one.ask(question, source.read)).toBe("4 source");
  });

  test("is not kept when it takes more than 1 MB", async () => {
    const one = await newReplica();
    const reading = (bytes: number) => async () => ({ page: pageWith([["x".repeat(bytes)]]), readTime: new Date() });
    const connector = connectorOf();
    await one.ask(questionTo(connector, "larger"), reading(1_000_000));
    await one.ask(questionTo(connector, "large"), reading(990_000));
    await answersIn(one, 1);
  });

  test("is forgotten in every replica once one has invalidated it", async () => {
    const [one, other] = [await newReplica(), await newReplica()];
    const source = countingSource();
    const question = questionTo(connectorOf());
    await one.ask(question, source.read);
    await vi.waitFor(async () => expect(await other.ask(question, notKeptYet)).toMatch("kept"), patience);
    const held = heldSource();
    const slow = other.ask(questionTo(question.connector, "slow"), held.read);
    await held.asked(1);

    await one.cache.invalidate(question.connector.organizationId, question.connector.id, undefined);
    const asked = source.asked;
    expect(await other.ask(question, source.read)).toBe(`${asked + 1} source`);
    const anew = other.ask(questionTo(question.connector, "slow"), held.read);
    await held.asked(2);
    held.answer(0, "before");
    expect(await slow).toBe("before source");
    held.answer(1, "after");
    expect(await anew).toBe("after source");
    await vi.waitFor(
      async () => expect(await one.ask(questionTo(question.connector, "slow"), notKeptYet)).toBe("after kept"),
      patience,
    );
  });

  test("does not come back when Redis forgets that it was invalidated", async () => {
    const one = await newReplica();
    const source = countingSource();
    const question = questionTo(connectorOf());
    await one.ask(question, source.read);
    await answersIn(one, 1);
    await one.cache.invalidate(question.connector.organizationId, question.connector.id, undefined);
    const epochs = [...(await stored(one)).keys()].filter((name) => name.endsWith(":epoch"));
    expect(epochs.length).toBe(1);
    await one.redis?.client.del(...epochs);
    expect(await one.ask(question, source.read)).toBe("2 source");
  });
});

describe("a Redis in trouble is no call's failure", () => {
  test("when it is dead: calls read, and share a reading", async () => {
    const one = await newReplica();
    const source = countingSource();
    const question = questionTo(connectorOf());
    await one.ask(question, source.read);
    await server.kill("SIGKILL");
    expect(await one.ask(question, source.read)).toBe("2 source");
    const held = heldSource();
    const asking = [1, 2, 3].map(() => one.ask(question, held.read));
    await vi.waitFor(() => expect(one.results.length).toBe(5), patience);
    held.answer(0, "once");
    expect((await Promise.all(asking)).toSorted()).toEqual(["once joined", "once joined", "once source"]);

    await server.restart();
    await vi.waitFor(async () => expect(await one.ask(question, source.read)).toMatch("kept"), patience);
  });

  test("when it is frozen: a call waits for as long as it may take, and the next ones not at all", async () => {
    const one = await newReplica(hurried);
    const source = countingSource();
    const question = questionTo(connectorOf());
    await one.ask(question, source.read);
    await vi.waitFor(async () => expect(await one.ask(question, notKeptYet)).toBe("1 kept"), patience);
    await server.kill("SIGSTOP");
    const tookMs: number[] = [];
    for (let i = 0; i < 6; i++) {
      const took = stopwatch();
      expect(await one.ask(question, source.read)).toMatch("source");
      tookMs.push(took());
    }
    // On a machine that stalls meanwhile another call may find that it is time to try again.
    const [first, ...next] = tookMs;
    expect(first).toBeLessThan(2 * hurried.answerMs);
    expect(Math.min(...next)).toBeLessThan(50);
    await server.kill("SIGCONT");
  });

  test("when it does not take an invalidation: nothing kept is answered here, and it is told again", async () => {
    const [one, other] = [await newReplica(), await newReplica()];
    const source = countingSource();
    const question = questionTo(connectorOf());
    await one.ask(question, source.read);
    await vi.waitFor(async () => expect(await one.ask(question, notKeptYet)).toBe("1 kept"), patience);
    await other.redis?.client.call("ACL", "SETUSER", "default", "-set");
    await one.cache.invalidate(question.connector.organizationId, question.connector.id, undefined);
    expect(await one.ask(question, source.read)).toBe("2 source");
    expect(await one.ask(question, source.read)).toBe("3 source");

    await other.redis?.client.call("ACL", "SETUSER", "default", "+set");
    await vi.waitFor(async () => expect(await one.ask(question, source.read)).toMatch("kept"), patience);
    expect(await other.ask(question, notKeptYet)).not.toBe("1 kept");
  });
});
