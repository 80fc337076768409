/** Whatever order calls come, end, give up and change their limits in. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { expect, test } from "vitest";
import { createBulkheads, type Permit } from "../../src/execution/bulkhead/bulkheads.ts";
import { Failure } from "../../src/failure.ts";

const limits = { organization: 3, all: 5 };

interface Call {
  readonly organization: number;
  readonly connector: number;
  /** Its deadline has passed, but its signal has not heard of it. */
  readonly late: boolean;
  readonly controller: AbortController;
  state: "waiting" | "running" | "over";
  permit: Permit | undefined;
}

const index = fc.nat({ max: 2 });
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("enter" as const),
      organization: index,
      connector: index,
      permits: fc.integer({ min: 1, max: 3 }),
      late: fc.nat({ max: 9 }).map((number) => number === 0),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("release" as const), which: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("abort" as const), which: fc.nat() }) },
  // Several things happen before a caller hears of the first.
  { weight: 3, arbitrary: fc.constant({ kind: "hear" as const }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** The bulkheads, and beside them a plain account of who runs and who waits. */
function account() {
  const bulkheads = createBulkheads({ ...limits, observe: () => {} });
  const calls: Call[] = [];
  /** What a connector's latest call said. */
  const permits = new Map<string, number>();
  /** As many as it may run: more than its permits while those above a lowered limit end. */
  const allowed = new Map<string, number>();
  const keyOf = (call: Pick<Call, "organization" | "connector">) => `${call.organization}/${call.connector}`;
  const running = (what: (call: Call) => boolean = () => true) =>
    calls.filter((call) => call.state === "running" && what(call)).length;
  const pick = (state: Call["state"], which: number) => {
    const found = calls.filter((call) => call.state === state);
    return found[which % found.length];
  };

  function enter({ kind: _, permits: connector, ...where }: Extract<Step, { kind: "enter" }>): void {
    const call: Call = { ...where, controller: new AbortController(), state: "waiting", permit: undefined };
    const subject = { organizationId: `${call.organization}`, connectorId: `${call.connector}`, provider: "rest" };
    const key = keyOf(call);
    permits.set(key, connector);
    allowed.set(
      key,
      Math.max(
        connector,
        running((each) => keyOf(each) === key),
      ),
    );
    const deadline = call.late ? 0 : Number.MAX_VALUE;
    const admitted = (permit: Permit) => {
      call.permit = permit;
      call.state = "running";
    };
    try {
      const permit = bulkheads.enter(subject, { connector, waiting: 3 }, call.controller.signal, deadline);
      calls.push(call);
      if (permit instanceof Promise) permit.then(admitted, () => (call.state = "over"));
      else admitted(permit);
    } catch (error) {
      if (!(error instanceof Failure && error.kind === "bulkhead_full")) throw error;
    }
  }

  function release(call: Call | undefined): void {
    if (call === undefined) return;
    call.state = "over";
    call.permit?.release();
    call.permit?.release();
  }

  function check(): void {
    for (const [key, most] of allowed) {
      const now = running((call) => keyOf(call) === key);
      expect(now).toBeLessThanOrEqual(most);
      allowed.set(key, Math.max(permits.get(key) ?? 0, Math.min(most, now)));
    }
    const full = (call: Call) =>
      running() >= limits.all ||
      running((each) => each.organization === call.organization) >= limits.organization ||
      running((each) => keyOf(each) === keyOf(call)) >= (permits.get(keyOf(call)) ?? 0);
    for (const organization of [0, 1, 2]) {
      expect(running((call) => call.organization === organization)).toBeLessThanOrEqual(limits.organization);
    }
    const waiting = calls.filter((call) => call.state === "waiting" && !call.late);
    expect(waiting.filter((call) => !full(call))).toEqual([]);
    const figures = bulkheads.figures();
    expect(figures.running).toBe(running());
    expect(figures.running).toBeLessThanOrEqual(limits.all);
    // One that is late waits on, or was passed over and has not heard why yet.
    const late = calls.filter((call) => call.state === "waiting" && call.late).length;
    expect(figures.waiting).toBeGreaterThanOrEqual(waiting.length);
    expect(figures.waiting).toBeLessThanOrEqual(waiting.length + late);
  }

  return {
    async take(each: Step): Promise<void> {
      if (each.kind === "enter") enter(each);
      else if (each.kind === "release") release(pick("running", each.which));
      else if (each.kind === "abort") pick("waiting", each.which)?.controller.abort(new Error("left"));
      else {
        await heard();
        check();
      }
    },
    /** Ends every call; nothing is left then. */
    async end(): Promise<void> {
      for (const call of calls) if (call.late) call.controller.abort(new Error("late"));
      for (await heard(); running() > 0; await heard()) {
        check();
        release(pick("running", 0));
      }
      expect(calls.filter((call) => call.state !== "over")).toEqual([]);
      expect(bulkheads.figures()).toEqual({ running: 0, waiting: 0 });
    },
  };
}

/** Everybody has heard of what happened to them. */
const heard = () => new Promise((resolve) => setImmediate(resolve));

test("no order of comings, ends and aborts breaks a limit, keeps a call waiting beside room for it, or loses a permit", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 80, size: "max" }), async (steps) => {
      const { take, end } = account();
      for (const each of steps) await take(each);
      await end();
    }),
    { numRuns: 400 },
  );
});

test("a connector that nobody uses any more leaves nothing behind, whatever became of its calls", async () => {
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  const bulkheads = createBulkheads({ organization: 1, all: 1_000_000, observe: () => {} });
  const leaving = new AbortController();
  const enter = (organizationId: string, connectorId: string, signal: AbortSignal, deadline: number) => {
    const subject = { organizationId, connectorId, provider: "postgresql" };
    return bulkheads.enter(subject, { connector: 1, waiting: 1 }, signal, deadline);
  };
  const { signal } = leaving;
  const useOnce = async (name: string) => {
    const caller = new AbortController();
    const first = (await enter(name, "runs", signal, Number.MAX_VALUE)) as Permit;
    // The organization has two places in its line: one call aborts, one is late, one is refused.
    const gone = enter(name, "aborts", caller.signal, Number.MAX_VALUE) as Promise<Permit>;
    const late = enter(name, "late", caller.signal, 0) as Promise<Permit>;
    expect(() => enter(name, "refused", signal, Number.MAX_VALUE)).toThrow(Failure);
    const heardOf = Promise.allSettled([gone, late]);
    first.release();
    caller.abort(new Error("left"));
    for (const ended of await heardOf) if (ended.status === "fulfilled") ended.value.release();
  };
  const used = async (count: number) => {
    for (let each = 0; each < count; each++) await useOnce(`organization-${each}`);
    collect();
    return process.memoryUsage().heapUsed;
  };
  const before = await used(500);
  const after = await used(10_000);
  expect(bulkheads.figures()).toEqual({ running: 0, waiting: 0 });
  // Each of their 40,000 connectors takes some 300 bytes.
  expect(after - before).toBeLessThan(2_000_000);
});
