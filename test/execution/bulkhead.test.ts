import { getEventListeners } from "node:events";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Bulkheads, createBulkheads, type Permit } from "../../src/execution/bulkhead/bulkheads.ts";
import { Failure } from "../../src/failure.ts";
import type { Observation, Subject } from "../../src/observability/observation.ts";

const { signal: never } = new AbortController();
const told: Observation[] = [];
const observe = (observation: Observation) => void told.push(observation);

beforeEach(() => {
  told.length = 0;
});
afterEach(() => {
  vi.useRealTimers();
});

function subjectOf(organizationId: string, connectorId: string): Subject {
  return { organizationId, connectorId, provider: "postgresql" };
}

interface Asked {
  readonly connector?: number;
  readonly waiting?: number;
  readonly signal?: AbortSignal;
  readonly deadline?: number;
}

/** Enters through a connector that is named `organization/connector`. */
function enter(bulkheads: Bulkheads, name: string, asked: Asked = {}): Permit | Promise<Permit> {
  const { connector = 100, waiting = 100, signal = never, deadline = Number.POSITIVE_INFINITY } = asked;
  const [organizationId = "", connectorId = ""] = name.split("/");
  return bulkheads.enter(subjectOf(organizationId, connectorId), { connector, waiting }, signal, deadline);
}

/** A permit that is there without waiting. */
function enterNow(bulkheads: Bulkheads, name: string, asked: Asked = {}): Permit {
  const permit = enter(bulkheads, name, asked);
  if (permit instanceof Promise) throw new Error(`no room for ${name}`);
  return permit;
}

function refusal(work: () => unknown): Failure {
  try {
    work();
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

/** Everything that is settled has been heard. */
const heard = () => new Promise((resolve) => setImmediate(resolve));

/** Enters one after the other; the list fills with their names as they get their permits, and each gives its own back at once. */
function queue(bulkheads: Bulkheads, names: readonly string[], asked: Asked = {}): string[] {
  const served: string[] = [];
  for (const name of names) {
    Promise.resolve(enter(bulkheads, name.split("#")[0] ?? "", asked)).then((permit) => {
      served.push(name);
      permit.release();
    });
  }
  return served;
}

test("a call that finds room gets its permit without a promise", () => {
  const bulkheads = createBulkheads({ organization: 2, all: 3, observe });
  const permit = enterNow(bulkheads, "a/1", { connector: 1 });
  expect(bulkheads.figures()).toEqual({ running: 1, waiting: 0 });
  permit.release();
  expect(bulkheads.figures()).toEqual({ running: 0, waiting: 0 });
});

test.each([
  ["its connector", "a/1", { organization: 9, all: 9 }, 1],
  ["its organization", "a/2", { organization: 1, all: 9 }, 9],
  ["the whole replica", "b/1", { organization: 9, all: 1 }, 9],
])("a call waits for room at %s", async (_, name, limits, connector) => {
  const bulkheads = createBulkheads({ ...limits, observe });
  const first = enterNow(bulkheads, "a/1", { connector });
  const second = enter(bulkheads, name, { connector });
  expect(second).toBeInstanceOf(Promise);
  expect(bulkheads.figures()).toEqual({ running: 1, waiting: 1 });

  first.release();
  (await second).release();
  expect(bulkheads.figures()).toEqual({ running: 0, waiting: 0 });
});

test("a connector and an organization without room keep nobody else waiting", () => {
  const bulkheads = createBulkheads({ organization: 2, all: 9, observe });
  enterNow(bulkheads, "a/1", { connector: 1 });
  enter(bulkheads, "a/1", { connector: 1 });
  enterNow(bulkheads, "a/2", { connector: 1 });
  enter(bulkheads, "a/3", { connector: 1 });
  enterNow(bulkheads, "b/1", { connector: 1 });
  expect(bulkheads.figures()).toEqual({ running: 3, waiting: 2 });
});

test("a permit that comes back twice makes room once", () => {
  const bulkheads = createBulkheads({ organization: 9, all: 9, observe });
  const first = enterNow(bulkheads, "a/1", { connector: 2 });
  enterNow(bulkheads, "a/1", { connector: 2 });
  first.release();
  first.release();
  expect(bulkheads.figures().running).toBe(1);
});

test("the first to come through a connector is the first to be served", async () => {
  const bulkheads = createBulkheads({ organization: 9, all: 9, observe });
  const first = enterNow(bulkheads, "a/1", { connector: 1 });
  const served = queue(bulkheads, ["a/1#1", "a/1#2", "a/1#3"], { connector: 1 });
  first.release();
  await heard();
  expect(served).toEqual(["a/1#1", "a/1#2", "a/1#3"]);
});

test("an organization's connectors take turns", async () => {
  const bulkheads = createBulkheads({ organization: 9, all: 1, observe });
  const first = enterNow(bulkheads, "a/1");
  const served = queue(bulkheads, ["a/1#1", "a/1#2", "a/1#3", "a/2#1", "a/2#2", "a/3#1"]);
  first.release();
  await heard();
  expect(served).toEqual(["a/1#1", "a/2#1", "a/3#1", "a/1#2", "a/2#2", "a/1#3"]);
});

test("organizations take turns, however many connectors they have", async () => {
  const bulkheads = createBulkheads({ organization: 9, all: 1, observe });
  const first = enterNow(bulkheads, "a/1");
  const served = queue(bulkheads, ["a/1#1", "a/2#1", "a/3#1", "b/1#1", "b/1#2"]);
  first.release();
  await heard();
  expect(served).toEqual(["a/1#1", "b/1#1", "a/2#1", "b/1#2", "a/3#1"]);
});

test("a call that aborts leaves its line with the signal's reason, and the next one moves up", async () => {
  const bulkheads = createBulkheads({ organization: 9, all: 9, observe });
  const first = enterNow(bulkheads, "a/1", { connector: 1 });
  const leaving = new AbortController();
  const left = enter(bulkheads, "a/1", { connector: 1, signal: leaving.signal });
  const next = enter(bulkheads, "a/1", { connector: 1 });
  const reason = new Failure("cancelled", "The caller cancelled the call.");
  leaving.abort(reason);

  await expect(left).rejects.toBe(reason);
  expect(bulkheads.figures()).toEqual({ running: 1, waiting: 1 });
  first.release();
  (await next).release();
  expect(bulkheads.figures()).toEqual({ running: 0, waiting: 0 });
});

test("a call that has aborted before gets the signal's reason, though there is room", () => {
  const bulkheads = createBulkheads({ organization: 9, all: 9, observe });
  const reason = new Failure("cancelled", "The caller cancelled the call.");
  expect(refusal(() => enter(bulkheads, "a/1", { signal: AbortSignal.abort(reason) }))).toBe(reason);
  expect(bulkheads.figures().running).toBe(0);
});

test("a permit that was granted is its call's, whatever the signal says later", async () => {
  const bulkheads = createBulkheads({ organization: 9, all: 9, observe });
  const caller = new AbortController();
  const first = enterNow(bulkheads, "a/1", { connector: 1 });
  const second = enter(bulkheads, "a/1", { connector: 1, signal: caller.signal });
  first.release();
  caller.abort(new Error("too late"));

  const permit = await second;
  expect(bulkheads.figures()).toEqual({ running: 1, waiting: 0 });
  permit.release();
  expect(bulkheads.figures().running).toBe(0);
});

test("a call that waits no more listens to its signal no more", async () => {
  const bulkheads = createBulkheads({ organization: 9, all: 9, observe });
  const { signal } = new AbortController();
  const first = enterNow(bulkheads, "a/1", { connector: 1, signal });
  const second = enter(bulkheads, "a/1", { connector: 1, signal });
  expect(getEventListeners(signal, "abort")).toHaveLength(1);
  first.release();
  expect(getEventListeners(signal, "abort")).toHaveLength(0);
  (await second).release();
});

test("a call whose deadline has passed is passed over", async () => {
  const bulkheads = createBulkheads({ organization: 9, all: 9, observe });
  const caller = new AbortController();
  const first = enterNow(bulkheads, "a/1", { connector: 1 });
  const late = enter(bulkheads, "a/1", { connector: 1, signal: caller.signal, deadline: performance.now() });
  const next = enter(bulkheads, "a/1", { connector: 1 });
  first.release();
  await next;
  expect(bulkheads.figures()).toEqual({ running: 1, waiting: 0 });

  const reason = new Failure("deadline_exceeded", "The call's time limit has passed.");
  caller.abort(reason);
  await expect(late).rejects.toBe(reason);
  expect(bulkheads.figures()).toEqual({ running: 1, waiting: 0 });
});

test.each([
  ["the connector's line is full", "connector", "a/1", { organization: 9, all: 9 }, { connector: 1, waiting: 2 }, 2],
  ["the organization's line is full", "organization", "a/2", { organization: 1, all: 9 }, { waiting: 5 }, 2],
  [
    "the connector's line stands at its organization's limit",
    "organization",
    "a/1",
    { organization: 1, all: 9 },
    { waiting: 1 },
    1,
  ],
  [
    "the connector's line stands at the service's limit",
    "service",
    "a/1",
    { organization: 9, all: 1 },
    { waiting: 1 },
    1,
  ],
] as const)("a call is refused at once when %s", (_, limit, name, limits, asked, waiting) => {
  const bulkheads = createBulkheads({ ...limits, observe });
  enterNow(bulkheads, "a/1", asked);
  for (let each = 0; each < waiting; each++) enter(bulkheads, "a/1", asked);

  const failure = refusal(() => enter(bulkheads, name, asked));
  expect(failure).toMatchObject({ kind: "bulkhead_full", where: "bulkhead", final: false });
  expect(failure.metadata).toEqual(
    // How many calls there are of all organizations is no organization's business.
    limit === "service" ? { limit } : { limit, permits: "1", waiting: String(waiting) },
  );
  expect(failure.remedy).toContain("Try again");
  const [organizationId = "", connectorId = ""] = name.split("/");
  expect(told).toEqual([{ kind: "bulkhead_full", subject: subjectOf(organizationId, connectorId), limit }]);
  expect(bulkheads.figures()).toEqual({ running: 1, waiting });
});

test("what others wait for closes no organization's line", async () => {
  const bulkheads = createBulkheads({ organization: 9, all: 1, observe });
  const first = enterNow(bulkheads, "a/1");
  for (const noisy of ["a/1", "b/1", "c/1"]) queue(bulkheads, Array(18).fill(noisy));
  const served = queue(bulkheads, ["d/1#1", "d/1#2"]);
  first.release();
  await heard();
  expect(served).toEqual(["d/1#1", "d/1#2"]);
});

test("without a line every call that finds no room is refused", () => {
  const bulkheads = createBulkheads({ organization: 9, all: 9, observe });
  enterNow(bulkheads, "a/1", { connector: 1, waiting: 0 });
  expect(refusal(() => enter(bulkheads, "a/1", { connector: 1, waiting: 0 })).kind).toBe("bulkhead_full");
});

test.each([
  ["as long as those before it need, by what permits were held for", 200, 500],
  ["5 seconds at most", 60_000, 5_000],
  ["10 milliseconds at least", 0.5, 10],
])("a refused call is told to wait %s", async (_, heldMs, expected) => {
  vi.useFakeTimers({ toFake: ["performance", "setTimeout"] });
  const bulkheads = createBulkheads({ organization: 9, all: 9, observe });
  const asked = { connector: 2, waiting: 4 };
  const permits = [enterNow(bulkheads, "a/1", asked), enterNow(bulkheads, "a/1", asked)];
  for (let each = 0; each < 4; each++) enter(bulkheads, "a/1", asked);
  vi.advanceTimersByTime(heldMs);
  permits[0]?.release();
  enter(bulkheads, "a/1", asked);
  expect(refusal(() => enter(bulkheads, "a/1", asked)).retryAfterMs).toBe(expected);
});

test("a raised limit admits those who wait before the call that brings it", async () => {
  const bulkheads = createBulkheads({ organization: 9, all: 9, observe });
  enterNow(bulkheads, "a/1", { connector: 1 });
  const served: number[] = [];
  const wait = async (number: number, connector: number) => {
    await enter(bulkheads, "a/1", { connector });
    served.push(number);
  };
  const waiting = [wait(1, 1), wait(2, 1), wait(3, 3)];
  await heard();
  expect(served).toEqual([1, 2]);
  expect(bulkheads.figures()).toEqual({ running: 3, waiting: 1 });
  expect(waiting).toHaveLength(3);
});

test("a lowered limit admits nobody until fewer run", async () => {
  const bulkheads = createBulkheads({ organization: 9, all: 9, observe });
  const running = [1, 2, 3].map(() => enterNow(bulkheads, "a/1", { connector: 3 }));
  const waiting = enter(bulkheads, "a/1", { connector: 1 });
  running[0]?.release();
  running[1]?.release();
  expect(bulkheads.figures()).toEqual({ running: 1, waiting: 1 });
  running[2]?.release();
  (await waiting).release();
});

test("a call that even the connector's quickest calls would outlast gets no permit, and holds nobody up", async () => {
  vi.useFakeTimers({ toFake: ["performance", "setTimeout"] });
  const bulkheads = createBulkheads({ organization: 10, all: 10, observe });
  const first = enterNow(bulkheads, "a/1", { connector: 1 });
  await vi.advanceTimersByTimeAsync(100);
  first.release();
  const second = enterNow(bulkheads, "a/1", { connector: 1 });
  // The line is empty, so nothing is known yet of how it moves.
  const caller = new AbortController();
  const late = enter(bulkheads, "a/1", { connector: 1, signal: caller.signal, deadline: performance.now() + 150 });
  const inTime = enter(bulkheads, "a/1", { connector: 1, deadline: performance.now() + 1_000 });
  await vi.advanceTimersByTimeAsync(100);
  second.release();
  expect(bulkheads.figures()).toEqual({ running: 1, waiting: 0 });
  (await inTime).release();
  caller.abort(new Failure("deadline_exceeded", "The call's time limit has passed."));
  await expect(late).rejects.toMatchObject({ kind: "deadline_exceeded" });
  expect(bulkheads.figures()).toEqual({ running: 0, waiting: 0 });
});

test("a call that its line would bring too late is refused when it comes, and one with more time is not", async () => {
  vi.useFakeTimers({ toFake: ["performance", "setTimeout"] });
  const bulkheads = createBulkheads({ organization: 100, all: 100, observe });
  const asked = (ms: number) => ({ connector: 1, deadline: performance.now() + ms });
  let running = enterNow(bulkheads, "a/1", asked(100_000));
  const waiting = Array.from({ length: 10 }, () => enter(bulkheads, "a/1", asked(100_000)));
  for (const next of waiting.slice(0, 5)) {
    await vi.advanceTimersByTimeAsync(100);
    running.release();
    running = await next;
  }
  // Five wait, and each takes 100 ms.
  expect(refusal(() => enter(bulkheads, "a/1", asked(500)))).toMatchObject({ kind: "bulkhead_full" });
  expect(enter(bulkheads, "a/1", asked(1_000))).toBeInstanceOf(Promise);
});
