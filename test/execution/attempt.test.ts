/** What one attempt tells of its source: who is judged by what, and who decides whether a source is back. */
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import type { ConnectorRow } from "../../src/store/entities/connector.ts";
import { type Answer, type HttpSource, httpSource, lines, rows, silence, status } from "../support/http-provider.ts";
import { anew } from "../support/patience.ts";
import {
  callerFor,
  type Executing,
  type ExecutingOptions,
  executing,
  httpConnector,
  pageQuery,
  queryOf,
} from "./executing.ts";

let source: HttpSource;
let connector: ConnectorRow;

beforeAll(async () => {
  source = await httpSource();
});
afterAll(() => source.stop());
beforeEach(() => {
  connector = httpConnector(source.port);
});

async function closedLater(options?: ExecutingOptions): Promise<Executing> {
  const own = await executing(options);
  onTestFinished(() => own.close());
  return own;
}

const ask = ({ execution }: Executing, signal?: AbortSignal, timeoutMs?: number) =>
  execution.query(connector, pageQuery(), callerFor(timeoutMs, signal));

const openStream = ({ execution }: Executing, signal?: AbortSignal) =>
  execution.stream(connector, queryOf(), callerFor(undefined, signal));

const breakerOf = ({ execution }: Executing) => execution.breakerStatus(connector.organizationId, connector.id);

const attemptsOf = ({ observations }: Executing) =>
  observations.filter((each) => each.kind === "attempt_ended").map(({ attempt, reason }) => [attempt, reason]);

/** Lets the source fail until the breaker opens. */
async function broken(options: ExecutingOptions = { breakerOpenMs: 100 }): Promise<Executing> {
  const own = await closedLater(options);
  source.answer(status(503));
  while (breakerOf(own).state !== "open") await ask(own).catch(() => {});
  return own;
}

/** Until the next call is the probe. */
const halfOpen = (own: Executing) => expect.poll(() => breakerOf(own).state).toBe("half_open");

/** An answer that is given when the test says. */
function heldAnswer(answer: Answer) {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { answer: (...args: Parameters<Answer>) => void promise.then(() => answer(...args)), give: resolve };
}

describe("a stream", () => {
  test("whose source is lost before its first batch is a failed attempt, and many of them open the breaker", async () => {
    const own = await closedLater();
    source.answer((response) => {
      response.writeHead(200).flushHeaders();
      setTimeout(() => response.destroy(), 5);
    });
    for (let i = 0; i < 5; i++) {
      await expect(Array.fromAsync((await openStream(own)).batches)).rejects.toMatchObject({ kind: "upstream_lost" });
    }
    expect(attemptsOf(own)).toEqual(Array.from({ length: 5 }, () => [1, "upstream_lost"]));
    expect(breakerOf(own)).toMatchObject({ state: "open", reason: "upstream_lost" });
  });

  test("whose source is lost later has shown that the source works, and is not read again", async () => {
    const own = await closedLater();
    source.answer((response) => {
      response.write('[["1"]]\n');
      setTimeout(() => response.destroy(), 20);
    });
    const before = source.requests;
    for (let i = 0; i < 5; i++) {
      await expect(Array.fromAsync((await openStream(own)).batches)).rejects.toMatchObject({ kind: "upstream_lost" });
    }
    expect(attemptsOf(own)).toEqual(Array.from({ length: 5 }, () => [1, undefined]));
    expect(breakerOf(own).state).toBe("closed");
    expect(source.requests - before).toBe(5);
  });

  test("that could not be begun is tried again", async () => {
    const own = await closedLater();
    source.answer(status(503), lines([["1"]]));
    const { batches, attempts, timings } = await openStream(own);
    expect((await Array.fromAsync(batches)).length).toBe(1);
    expect(attempts).toBe(2);
    expect(timings().backoff).toBeGreaterThan(0);
    expect(attemptsOf(own)).toEqual([
      [1, "upstream_unavailable"],
      [2, undefined],
    ]);
  });
});

test.each([
  ["refusals of a request", status(400), undefined],
  ["calls whose time was up at a source that is slow", silence, 30],
])("many %s open no breaker", anew, async (_, answer, timeoutMs) => {
  const own = await closedLater({ limits: { concurrency: 20 } });
  source.answer(answer);
  const calls = Array.from({ length: 20 }, () => ask(own, undefined, timeoutMs));
  for (const { status } of await Promise.allSettled(calls)) expect(status).toBe("rejected");
  await expect.poll(own.execution.bulkheadFigures).toEqual({ running: 0, waiting: 0 });
  expect(breakerOf(own).state).toBe("closed");
});

describe("the probe of a half open breaker", () => {
  test("is one call; the others are refused while it runs", async () => {
    const own = await broken();
    const { answer, give } = heldAnswer(rows([["1"]]));
    source.answer(answer);
    await halfOpen(own);
    const before = source.requests;
    const probing = ask(own);
    await source.asked(before + 1);
    const others = await Promise.allSettled(Array.from({ length: 10 }, () => ask(own)));
    for (const other of others) expect(other).toMatchObject({ status: "rejected", reason: { kind: "breaker_open" } });
    expect(source.requests).toBe(before + 1);
    give();
    await probing;
    expect(breakerOf(own).state).toBe("closed");
  });

  test.each([
    ["cancels", undefined],
    ["gives up by its deadline", 50],
  ])("decides without its caller, who %s", anew, async (_, timeoutMs) => {
    const own = await broken();
    const { answer, give } = heldAnswer(rows([["1"]]));
    source.answer(answer);
    await halfOpen(own);
    const before = source.requests;
    const controller = new AbortController();
    const probing = ask(own, controller.signal, timeoutMs).catch(({ kind }) => kind);
    await source.asked(before + 1);
    if (timeoutMs === undefined) controller.abort();
    expect(await probing).toBe(timeoutMs === undefined ? "cancelled" : "deadline_exceeded");
    expect(breakerOf(own).state).toBe("half_open");
    give();
    await expect.poll(() => breakerOf(own).state).toBe("closed");
    await expect.poll(own.execution.bulkheadFigures).toEqual({ running: 0, waiting: 0 });
  });

  test("that was a stream whose caller has left leaves nothing running when its source has answered", async () => {
    const own = await broken();
    const { answer, give } = heldAnswer((response) => void response.write('[["1"]]\n'));
    source.answer(answer);
    await halfOpen(own);
    const before = source.requests;
    const controller = new AbortController();
    const probing = openStream(own, controller.signal).catch(({ kind }) => kind);
    await source.asked(before + 1);
    controller.abort();
    expect(await probing).toBe("cancelled");
    give();
    await expect.poll(() => breakerOf(own).state).toBe("closed");
    await expect.poll(own.execution.bulkheadFigures).toEqual({ running: 0, waiting: 0 });
  });

  test("that fails keeps the breaker open, and there is another one", async () => {
    const own = await broken();
    await halfOpen(own);
    await expect(ask(own)).rejects.toMatchObject({
      kind: expect.stringMatching(/^upstream_unavailable|breaker_open$/),
    });
    expect(breakerOf(own)).toMatchObject({ state: "open", opened: 2 });
    source.answer(rows([["1"]]));
    await halfOpen(own);
    await ask(own);
    expect(breakerOf(own).state).toBe("closed");
  });
});

test("a call that was tried again says how often its source was asked", async () => {
  const own = await closedLater();
  source.answer(status(503), status(503));
  const error = await ask(own).catch((cause) => cause);
  expect(error).toMatchObject({ kind: "upstream_unavailable", metadata: { attempts: "2" } });
});

test("a call whose second attempt the breaker refuses says that its source was asked once", anew, async () => {
  const own = await closedLater();
  source.answer(status(503));
  // Four failures: the next one opens it.
  for (let i = 0; i < 3; i++) await ask(own).catch(() => {});
  expect([attemptsOf(own).length, breakerOf(own).state]).toEqual([4, "closed"]);
  await new Promise((resolve) => setTimeout(resolve, 1_000)); // The budget has a retry again.
  const before = source.requests;
  const error = await ask(own).catch((cause) => cause);
  expect(source.requests - before).toBe(1);
  expect(error).toMatchObject({ kind: "breaker_open", metadata: { reason: "upstream_unavailable" } });
  expect(error.metadata.attempts).toBeUndefined();
});
