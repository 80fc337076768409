/** The budget of connections: who waits, who is asked to give up, and that no place is lost. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createPlaces } from "../../src/execution/session/places.ts";
import { type Borrower, ConnectionPool } from "../../src/providers/connections/pool.ts";
import type { Place } from "../../src/providers/contract.ts";

const never = new AbortController().signal;

/** Lets everything that is settled be told. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

/** Notes the name when a place is granted, and frees it. */
async function passThrough(taking: Promise<Place>, name: string, order: string[]): Promise<void> {
  const place = await taking;
  order.push(name);
  place.free();
}

/** Gives the place up as soon as somebody needs it, and notes the name. */
function lend(place: Place, name = "", asked: string[] = []): void {
  place.lend(() => {
    asked.push(name);
    place.free();
  });
}

test("those who wait for one host are served in the order in which they came", async () => {
  const places = createPlaces({ perHost: 1, all: 10 });
  const held = await places.take("db", never);
  const order: string[] = [];
  const waiting = ["first", "second", "third"].map((name) => passThrough(places.take("db", never), name, order));
  held.free();
  await Promise.all(waiting);
  expect(order).toEqual(["first", "second", "third"]);
});

test("hosts take turns, however many wait for one of them", async () => {
  const places = createPlaces({ perHost: 10, all: 1 });
  const held = await places.take("noisy", never);
  const order: string[] = [];
  const hosts = ["noisy", "noisy", "noisy", "quiet", "calm"];
  const waiting = hosts.map((host) => passThrough(places.take(host, never), host, order));
  held.free();
  await Promise.all(waiting);
  expect(order).toEqual(["noisy", "quiet", "calm", "noisy", "noisy"]);
});

test("a host that is full holds up none of the others", async () => {
  const places = createPlaces({ perHost: 1, all: 3 });
  const first = await places.take("full", never);
  const waiting = places.take("FULL", never);
  await places.take("other", never);
  expect(places.figures()).toEqual({ open: 2, lent: 0, waiting: 1 });
  first.free();
  (await waiting).free();
  expect(places.figures()).toEqual({ open: 1, lent: 0, waiting: 0 });
});

test("who leaves the line is told why at once, and takes nobody's place", async () => {
  const places = createPlaces({ perHost: 1, all: 1 });
  const held = await places.take("db", never);
  const leaving = new AbortController();
  const left = places.take("db", leaving.signal);
  const next = places.take("db", never);
  const reason = new Error("enough");
  leaving.abort(reason);
  await expect(left).rejects.toBe(reason);
  await expect(places.take("db", leaving.signal)).rejects.toBe(reason);
  held.free();
  held.free();
  (await next).free();
  expect(places.figures()).toEqual({ open: 0, lent: 0, waiting: 0 });
});

describe("an unused connection that stands in the way", () => {
  test("is asked to give up, the longest unused first, and one in use is not", async () => {
    const places = createPlaces({ perHost: 10, all: 3 });
    const [a, b, c] = (await Promise.all(["a", "b", "c"].map((host) => places.take(host, never)))) as Place[];
    const asked: string[] = [];
    lend(b as Place, "b", asked);
    lend(a as Place, "a", asked);
    lend(c as Place, "c", asked);
    b?.recall();
    await places.take("d", never);
    expect(asked).toEqual(["a"]);
    await places.take("d", never);
    expect(asked).toEqual(["a", "c"]);
  });

  test("is one of the same host where the host is full", async () => {
    const places = createPlaces({ perHost: 1, all: 10 });
    const asked: string[] = [];
    lend(await places.take("other", never), "other", asked);
    lend(await places.take("db", never), "db", asked);
    await places.take("db", never);
    expect(asked).toEqual(["db"]);
  });

  test("is asked when it becomes unused while others wait already", async () => {
    const places = createPlaces({ perHost: 10, all: 1 });
    const place = await places.take("a", never);
    const waiting = places.take("b", never);
    const asked: string[] = [];
    lend(place, "a", asked);
    await waiting;
    expect(asked).toEqual(["a"]);
  });
});

interface Step {
  readonly action: "take" | "leave" | "lend" | "recall" | "free";
  readonly which: number;
}

test("whatever happens in whatever order, no limit is exceeded, no place is lost, and nobody waits while there is room", async () => {
  const hosts = ["a", "b", "c"];
  const steps = fc.array(
    fc.record<Step>({
      action: fc.constantFrom("take", "take", "leave", "lend", "recall", "free"),
      which: fc.nat(1_000),
    }),
    { maxLength: 80 },
  );
  const property = fc.asyncProperty(
    fc.integer({ min: 1, max: 4 }),
    fc.integer({ min: 1, max: 8 }),
    steps,
    async (perHost, all, list) => {
      const places = createPlaces({ perHost, all });
      const waiting: { host: string; leaving: AbortController }[] = [];
      const open: { host: string; place: Place; lent: boolean }[] = [];
      const remove = <T>(from: T[], what: T) => from.includes(what) && from.splice(from.indexOf(what), 1);
      const act = ({ action, which }: Step) => {
        const host = hosts[which % hosts.length] as string;
        const held = open[which % open.length];
        if (action === "take") {
          const waiter = { host, leaving: new AbortController() };
          waiting.push(waiter);
          places.take(host, waiter.leaving.signal).then(
            (place) => {
              remove(waiting, waiter);
              open.push({ host, place, lent: false });
            },
            () => remove(waiting, waiter),
          );
        } else if (action === "leave") {
          waiting[which % waiting.length]?.leaving.abort();
        } else if (held !== undefined && action === "lend") {
          held.lent = true;
          held.place.lend(() => {
            expect(held.lent).toBe(true);
            remove(open, held);
            held.place.free();
          });
        } else if (held !== undefined && action === "recall") {
          held.lent = false;
          held.place.recall();
        } else if (held !== undefined) {
          remove(open, held);
          held.place.free();
        }
      };
      const check = () => {
        const at = (host: string) => open.filter((each) => each.host === host);
        const figures = { open: open.length, lent: open.filter(({ lent }) => lent).length, waiting: waiting.length };
        expect(places.figures()).toEqual(figures);
        expect(open.length).toBeLessThanOrEqual(all);
        for (const host of hosts) {
          expect(at(host).length).toBeLessThanOrEqual(perHost);
          if (!waiting.some((each) => each.host === host)) continue;
          const inTheWay = at(host).length === perHost ? at(host) : open;
          expect(at(host).length === perHost || open.length === all).toBe(true);
          expect(inTheWay.filter(({ lent }) => lent)).toEqual([]);
        }
      };
      for (const step of list) {
        act(step);
        await settled();
        check();
      }
      for (const { leaving } of [...waiting]) leaving.abort();
      for (const { place } of open.splice(0)) place.free();
      await settled();
      expect(places.figures()).toEqual({ open: 0, lent: 0, waiting: 0 });
    },
  );
  await fc.assert(property, { numRuns: 150 });
});

/** A connection that is nothing but its number: what is shown here is who has it. */
interface Connection {
  readonly pool: number;
  open: boolean;
}

interface PoolStep {
  readonly action: "acquire" | "release" | "break" | "abort" | "sever";
  readonly pool: number;
  readonly which: number;
}

test("pools that share a budget lose no connection and no place, and leave nobody waiting, whatever fails when", async () => {
  const steps = fc.array(
    fc.record<PoolStep>({
      action: fc.constantFrom("acquire", "acquire", "acquire", "release", "release", "break", "abort", "sever"),
      pool: fc.nat(2),
      which: fc.nat(1_000),
    }),
    { maxLength: 60 },
  );
  /** What becomes of each opening and each check, one after the other. */
  const fates = fc.infiniteStream(fc.constantFrom("good", "good", "good", "late", "fails"));
  const property = fc.asyncProperty(fc.integer({ min: 1, max: 3 }), steps, fates, async (perHost, list, fate) => {
    const places = createPlaces({ perHost, all: 4 });
    let existing: Connection[] = [];
    const alive = async (good: () => void, signal: AbortSignal) => {
      const { value } = fate.next();
      if (value === "late") await settled();
      signal.throwIfAborted();
      if (value === "fails") throw new Error("failed");
      good();
    };
    // Two sources on one host, and one on another.
    const pools = ["a", "a", "b"].map(
      (host, pool) =>
        new ConnectionPool<Connection>({
          ...{ max: 2, idleMs: 60_000, freshMs: 0, places, host },
          async open(signal) {
            const connection = { pool, open: true };
            await alive(() => existing.push(connection), signal);
            return connection;
          },
          close(connection) {
            connection.open = false;
            existing = existing.filter((each) => each !== connection);
          },
          isOpen: ({ open }) => open,
          check: (_, signal) => alive(() => {}, signal).then(...([() => true, () => false] as const)),
        }),
    );
    const calls: { pool: number; leaving: AbortController }[] = [];
    const used: { pool: number; connection: Connection }[] = [];
    const act = ({ action, pool, which }: PoolStep) => {
      if (action === "acquire") {
        const call = { pool, leaving: new AbortController() };
        calls.push(call);
        const borrower: Borrower = { signal: call.leaving.signal, enter: () => {} };
        (pools[pool] as ConnectionPool<Connection>)
          .acquire(borrower)
          .then(
            (connection) => used.push({ pool, connection }),
            () => {},
          )
          .finally(() => calls.splice(calls.indexOf(call), 1));
      } else if (action === "abort") {
        calls[which % calls.length]?.leaving.abort();
      } else if (action === "sever") {
        const connection = existing[which % existing.length];
        if (connection !== undefined) connection.open = false;
      } else {
        const [given] = used.splice(which % Math.max(used.length, 1), 1);
        if (given !== undefined) pools[given.pool]?.release(given.connection, action === "release");
      }
    };
    const quiet = async () => {
      for (let i = 0; i < 10; i++) await settled();
    };
    const check = () => {
      const connections = used.map(({ connection }) => connection);
      expect(new Set(connections).size).toBe(connections.length);
      expect(places.figures().open).toBe(existing.length);
      expect(existing.length).toBeLessThanOrEqual(4);
      expect(existing.filter(({ pool }) => pool < 2).length).toBeLessThanOrEqual(perHost);
      for (const { pool } of calls) {
        const busy = used.filter((each) => each.pool === pool).length;
        const atHost = used.filter((each) => each.pool < 2 === pool < 2).length;
        expect(busy === 2 || atHost === perHost || used.length === 4).toBe(true);
      }
    };
    for (const step of list) {
      act(step);
      if (step.which % 3 === 0) continue;
      await quiet();
      check();
    }
    for (const { leaving } of [...calls]) leaving.abort();
    await quiet();
    for (const { pool, connection } of used.splice(0)) pools[pool]?.release(connection, true);
    for (const pool of pools) pool.close();
    expect([places.figures(), existing, calls]).toEqual([{ open: 0, lent: 0, waiting: 0 }, [], []]);
  });
  await fc.assert(property, { numRuns: 150 });
});
