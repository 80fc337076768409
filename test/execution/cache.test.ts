import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { Failure } from "../../src/failure.ts";
import { patience } from "../support/patience.ts";
import { someRedis } from "../support/redis.ts";
import {
  connectorOf,
  countingSource,
  heldSource,
  notKeptYet,
  pageWith,
  questionTo,
  type Replica,
  replica,
  rowsOf,
} from "./cache-questions.ts";

let redis: Awaited<ReturnType<typeof someRedis>>;
beforeAll(async () => {
  redis = await someRedis();
});
afterAll(() => redis.stop());

const open: Replica[] = [];
afterEach(() => {
  for (const each of open.splice(0)) each.close();
});

async function replicaIn(place: "memory" | "redis", maxBytes = 8_000_000): Promise<Replica> {
  const made = await replica(place === "redis" ? redis.url : undefined, { maxBytes });
  open.push(made);
  return made;
}

const never = () => new AbortController().signal;

describe.each(["memory", "redis"] as const)("in %s", (place) => {
  test("a query is answered with what was kept, as often as it is asked", async () => {
    const { ask, results } = await replicaIn(place);
    const source = countingSource();
    const question = questionTo(connectorOf());
    expect(await ask(question, source.read)).toBe("1 source");
    await vi.waitFor(async () => expect(await ask(question, notKeptYet)).toBe("1 kept"), patience);
    expect(await ask(question, source.read)).toBe("1 kept");
    expect(source.asked).toBe(1);
    expect(results.at(0)).toBe("miss");
    expect(results.at(-1)).toBe("hit");
  });

  test("an answer says when it was read, and is what was read", async () => {
    const { cache } = await replicaIn(place);
    const readTime = new Date(Date.now() - 5_000);
    const rows = [
      ["a", null],
      ["", "ü🦉"],
    ];
    const question = questionTo(connectorOf());
    const read = async () => ({ page: { ...pageWith(rows), truncated: true, continuation: undefined }, readTime });
    const first = await cache.get(question, 10_000, never(), read);
    for (const batch of first.page.batches) batch.release();
    const again = await vi.waitFor(async () => {
      const answer = await cache.get(question, 10_000, never(), read);
      expect(answer.from).toBe("kept");
      return answer;
    }, patience);
    expect(again.readTime).toEqual(readTime);
    expect(again.page).toMatchObject({ continuation: undefined, truncated: true, paging: "keyset" });
    expect(again.page.fields).toEqual(first.page.fields);
    expect(rowsOf(again.page)).toEqual(rows);
  });

  test("another organization, connector, version or credential never gets it", async () => {
    const { ask } = await replicaIn(place);
    const source = countingSource();
    const connector = connectorOf();
    await ask(questionTo(connector), source.read);
    await vi.waitFor(async () => expect(await ask(questionTo(connector), notKeptYet)).toBe("1 kept"), patience);
    const others = [
      { organizationId: "umbrella" },
      { id: crypto.randomUUID() },
      { version: 2 },
      { credentialVersion: 2 },
    ];
    for (const [i, change] of others.entries()) {
      expect(await ask(questionTo({ ...connector, ...change }), source.read)).toBe(`${i + 2} source`);
    }
  });

  test("an answer older than the caller accepts is read anew", async () => {
    const { ask } = await replicaIn(place);
    const source = countingSource();
    const question = questionTo(connectorOf());
    await ask(question, source.read);
    await vi.waitFor(async () => expect(await ask(question, notKeptYet)).toBe("1 kept"), patience);
    const kept = Date.now();
    await vi.waitUntil(() => Date.now() > kept + 5, patience);
    expect(await ask(question, source.read, 5)).toBe("2 source");
  });

  test("nothing is kept longer than the connector allows, whatever the caller accepts", async () => {
    const { ask } = await replicaIn(place);
    const source = countingSource();
    const question = questionTo(connectorOf({ policy: { maxCacheAgeMs: 300 } }));
    await vi.waitFor(async () => expect(await ask(question, source.read)).toMatch("kept"), patience);
    await vi.waitFor(async () => expect(await ask(question, source.read)).toMatch("source"), patience);
  });

  test("nothing is kept of a connector that allows none", async () => {
    const { ask } = await replicaIn(place);
    const source = countingSource();
    const question = questionTo(connectorOf({ policy: null }));
    await ask(question, source.read);
    expect(await ask(question, source.read)).toBe("2 source");
  });

  test("the same query is read once for many who ask it at once, each with batches of its own", async () => {
    const { cache, results } = await replicaIn(place);
    const source = heldSource();
    const question = questionTo(connectorOf());
    const asking = Array.from({ length: 5 }, () => cache.get(question, 10_000, never(), source.read));
    await vi.waitFor(() => expect(results.length).toBe(5), patience);
    source.answer(0, "once");
    const answers = await Promise.all(asking);
    expect(source.readings.length).toBe(1);
    expect(answers.map(({ from }) => from).toSorted()).toEqual(["joined", "joined", "joined", "joined", "source"]);
    expect(results.toSorted()).toEqual(["joined", "joined", "joined", "joined", "miss"]);
    answers[0]?.page.batches[0]?.buffer.fill(0xff);
    for (const { page } of answers.slice(1)) expect(rowsOf(page)).toEqual([["once"]]);
  });

  test("a failure is everybody's who waits, and is not kept", async () => {
    const { cache, ask, results } = await replicaIn(place);
    const source = heldSource();
    const question = questionTo(connectorOf());
    const asking = [1, 2].map(() => cache.get(question, 10_000, never(), source.read));
    await vi.waitFor(() => expect(results.length).toBe(2), patience);
    const failure = new Failure("upstream_lost", "The source went away.");
    source.readings[0]?.reject(failure);
    for (const each of await Promise.allSettled(asking)) expect(each).toEqual({ status: "rejected", reason: failure });
    expect(await ask(question, countingSource().read)).toBe("1 source");
  });

  test("who leaves does not end what another waits for; the last one does", async () => {
    const { cache, results } = await replicaIn(place);
    const source = heldSource();
    const question = questionTo(connectorOf());
    const [leader, follower] = [new AbortController(), new AbortController()];
    const leading = cache.get(question, 10_000, leader.signal, source.read);
    await source.asked(1);
    const following = cache.get(question, 10_000, follower.signal, source.read);
    await vi.waitFor(() => expect(results.length).toBe(2), patience);

    const left = new Failure("cancelled", "The caller cancelled the call.");
    leader.abort(left);
    await expect(leading).rejects.toBe(left);
    expect(source.readings[0]?.signal.aborted).toBe(false);
    follower.abort(left);
    await expect(following).rejects.toBe(left);
    expect(source.readings[0]?.signal.aborted).toBe(true);

    const later = cache.get(question, 10_000, never(), source.read);
    await source.asked(2);
    source.answer(1, "later");
    expect(rowsOf((await later).page)).toEqual([["later"]]);
  });

  test.each(["cancelled", "deadline_exceeded"] as const)(
    "a leader's own end (%s) is not that of those who joined it: one of them reads",
    async (kind) => {
      const { cache, results } = await replicaIn(place);
      const source = heldSource();
      const question = questionTo(connectorOf());
      const leading = cache.get(question, 10_000, never(), source.read);
      await source.asked(1);
      const following = [1, 2].map(() => cache.get(question, 10_000, never(), source.read));
      await vi.waitFor(() => expect(results.length).toBe(3), patience);
      source.readings[0]?.reject(new Failure(kind, "The leader's call has ended."));
      await expect(leading).rejects.toMatchObject({ kind });
      await source.asked(2);
      source.answer(1, "second");
      const answers = await Promise.all(following);
      expect(answers.map(({ page }) => rowsOf(page))).toEqual([[["second"]], [["second"]]]);
      expect(source.readings.length).toBe(2);
      expect(results.length).toBe(3);
    },
  );

  test("a reading that began too long ago is not joined", async () => {
    const { cache } = await replicaIn(place);
    const source = heldSource();
    const question = questionTo(connectorOf());
    const early = cache.get(question, 10_000, never(), source.read);
    await source.asked(1);
    const begun = Date.now();
    await vi.waitUntil(() => Date.now() > begun + 5, patience);
    const late = cache.get(question, 5, never(), source.read);
    await source.asked(2);
    source.answer(1, "late");
    source.answer(0, "early");
    expect(rowsOf((await late).page)).toEqual([["late"]]);
    expect(rowsOf((await early).page)).toEqual([["early"]]);
  });

  test("an invalidation forgets the whole connector, and no other", async () => {
    const { ask, cache } = await replicaIn(place);
    const source = countingSource();
    const [one, other] = [connectorOf(), connectorOf()];
    const questions = [questionTo(one, "cities"), questionTo(one, "view_of_cities"), questionTo(other, "cities")];
    for (const question of questions) await ask(question, source.read);
    for (const [i, question] of questions.entries()) {
      await vi.waitFor(async () => expect(await ask(question, notKeptYet)).toBe(`${i + 1} kept`), patience);
    }
    await cache.invalidate(one.organizationId, one.id, "public.cities");
    expect(await ask(questions[0] as never, source.read)).toBe("4 source");
    expect(await ask(questions[1] as never, source.read)).toBe("5 source");
    expect(await ask(questions[2] as never, source.read)).toBe("3 kept");
    await vi.waitFor(async () => expect(await ask(questions[0] as never, notKeptYet)).toBe("4 kept"), patience);
  });

  test("a reading under way when an invalidation comes is neither kept nor joined", async () => {
    const { cache } = await replicaIn(place);
    const source = heldSource();
    const question = questionTo(connectorOf());
    const before = cache.get(question, 10_000, never(), source.read);
    await source.asked(1);
    await cache.invalidate(question.connector.organizationId, question.connector.id, undefined);
    const after = cache.get(question, 10_000, never(), source.read);
    await source.asked(2);
    source.answer(1, "after");
    expect(rowsOf((await after).page)).toEqual([["after"]]);
    source.answer(0, "before");
    expect(rowsOf((await before).page)).toEqual([["before"]]);
    await vi.waitFor(async () => {
      const kept = await cache.get(question, 10_000, never(), notKeptYet);
      expect([kept.from, rowsOf(kept.page)]).toEqual(["kept", [["after"]]]);
    }, patience);
  });
});

test("in memory, what was unused the longest makes room, and one answer takes at most an eighth", async () => {
  const { ask, cache } = await replicaIn("memory", 80_000);
  const connector = connectorOf();
  const reading = (bytes: number) => async () => ({ page: pageWith([["x".repeat(bytes)]]), readTime: new Date() });
  const askFor = async (resource: string, bytes: number) =>
    (await cache.get(questionTo(connector, resource), 10_000, never(), reading(bytes))).from;

  await askFor("large", 10_000);
  expect(await askFor("large", 10_000)).toBe("source");
  for (let i = 0; i < 12; i++) {
    await askFor(`r${i}`, 7_000);
    await askFor("r0", 7_000);
  }
  expect(await askFor("r0", 7_000)).toBe("kept");
  expect(await askFor("r11", 7_000)).toBe("kept");
  expect(await askFor("r1", 7_000)).toBe("source");
  expect(await ask(questionTo(connectorOf()), countingSource().read)).toBe("1 source");
});
