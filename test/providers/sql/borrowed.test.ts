/** What a call leaves its connection with, and what becomes of the connection. */
import { expect, test } from "vitest";
import { createPlaces } from "../../../src/execution/session/places.ts";
import { ConnectionPool } from "../../../src/providers/connections/pool.ts";
import type { Settled } from "../../../src/providers/contract.ts";
import { Borrowed, type Lendable } from "../../../src/providers/sql/borrowed.ts";
import { callFor } from "./asking.ts";

/** A connection that does one work at a time, as its test lets it. */
class Connection implements Lendable {
  isOpen = true;
  #work: Promise<unknown> | undefined;

  get isBusy() {
    return this.#work !== undefined;
  }

  do<T>(work: Promise<T>): Promise<T> {
    this.#work = work;
    const over = () => {
      this.#work = undefined;
    };
    work.then(over, over);
    return work;
  }

  rows = async () => [];

  async cancel(): Promise<Settled> {
    this.isOpen = false;
    return "answered";
  }

  async settle(): Promise<Settled> {
    await this.#work?.catch(() => {});
    return "answered";
  }
}

function stage() {
  const pool = new ConnectionPool<Connection>({
    ...{ max: 1, idleMs: 60_000, host: "source", places: createPlaces({ perHost: 1, all: 1 }) },
    ...{ open: async () => new Connection(), close: () => {}, check: async () => true },
    isOpen: ({ isOpen }) => isOpen,
  });
  return { pool, borrow: () => Borrowed.from(pool, callFor(10_000), () => undefined) };
}

test("the next call gets the connection when the work that it was left with is done", async () => {
  const { pool, borrow } = stage();
  const { promise, resolve } = Promise.withResolvers<void>();
  const first = await borrow();
  await first.during(async () => first.leaves((connection) => connection.do(promise)));
  let second: Connection | undefined;
  const asking = pool.acquire(callFor(10_000)).then((connection) => {
    second = connection;
  });
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(second).toBeUndefined();
  resolve();
  await asking;
  expect(second).toBe(first.connection);
});

test("no call gets a connection whose work was refused", async () => {
  const { pool, borrow } = stage();
  const { promise, reject } = Promise.withResolvers<void>();
  const first = await borrow();
  await first.during(async () => first.leaves((connection) => connection.do(promise)));
  const waiting = pool.acquire(callFor(10_000));
  reject(new Error("refused"));
  expect(await waiting).not.toBe(first.connection);
  expect(first.connection.isOpen).toBe(false);
});
