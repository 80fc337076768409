import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "vitest";
import { type EngineConnection, openConnection } from "../../../../src/providers/sql/engine/connection.ts";
import { textRows } from "../../../../src/rows/page.ts";

const module = new URL("./counting.ts", import.meta.url).href;
const never = new AbortController().signal;
const enough = new Error("enough");

const open: EngineConnection[] = [];
afterEach(() => {
  for (const connection of open.splice(0)) connection.close();
});

async function connect(): Promise<EngineConnection> {
  const connection = await openConnection(module, "counting", never);
  open.push(connection);
  return connection;
}

const rows = (connection: EngineConnection, text: string) => connection.rows({ text, parameters: [] }, 60_000);
const read = (connection: EngineConnection, text: string, maxRows?: number) =>
  connection.read({ text, parameters: [], maxRows });

test("a small statement's rows come at once, and one after the other does", async () => {
  const connection = await connect();
  expect(await rows(connection, "count 2")).toEqual([["1"], ["2"]]);
  expect(await rows(connection, "count 0")).toEqual([]);
});

test("many rows come in batches, each when it is asked for, and none is missing", async () => {
  const connection = await connect();
  const reading = read(connection, "count 200000");
  expect((await reading.described).map(({ name }) => name)).toEqual(["n"]);
  let next = 0;
  let batches = 0;
  for (let batch = await reading.next(); batch !== undefined; batch = await reading.next()) {
    batches++;
    for (const [n] of textRows(batch, 1)) if (n !== `${++next}`) throw new Error(`Row ${next} is ${n}.`);
  }
  expect(next).toBe(200_000);
  expect(batches).toBeGreaterThan(5);
  expect([reading.finished, connection.isBusy]).toEqual([true, false]);
});

test("a statement that is given up, or of which no more rows are wanted, leaves the connection to the next", async () => {
  const connection = await connect();
  await read(connection, "count 1000000").next();
  expect(connection.isBusy).toBe(true);
  expect(await connection.settle()).toBe("answered");
  expect(connection.isBusy).toBe(false);

  const cut = read(connection, "count 1000000", 3);
  expect((await cut.next())?.rows).toBe(3);
  expect(await cut.next()).toBeUndefined();
  expect(await rows(connection, "count 1")).toEqual([["1"]]);
});

test("a statement that gives no row and hears nothing is stopped with its process", async () => {
  const connection = await connect();
  const reading = read(connection, "busy");
  const first = expect(reading.next()).rejects.toBe(enough);
  expect(connection.isBusy).toBe(true);
  expect(await connection.cancel(enough)).toBe("answered");
  await first;
  expect([connection.isOpen, connection.isBusy, await connection.answers()]).toEqual([false, false, false]);
  await expect(rows(connection, "count 1")).rejects.toBe(enough);
});

test("the rows before an error come before it, and the error with its own properties", async () => {
  const connection = await connect();
  const reading = read(connection, "fail 3");
  expect((await reading.next())?.rows).toBe(3);
  await expect(reading.next()).rejects.toMatchObject({ message: "It fails.", code: "COUNTING", at: 3 });
  expect([reading.finished, connection.isBusy]).toEqual([true, false]);
  expect(await rows(connection, "count 1")).toEqual([["1"]]);
});

test("a process that dies is told as a lost source, and every later statement, too", async () => {
  const connection = await connect();
  await expect(read(connection, "die").next()).rejects.toMatchObject({ code: "ECONNRESET" });
  expect(connection.isOpen).toBe(false);
  await expect(rows(connection, "count 1")).rejects.toMatchObject({ code: "ECONNRESET" });
});

test("what opening throws is thrown, and a call that is over opens nothing", async () => {
  await expect(openConnection(module, "refused", never)).rejects.toMatchObject({ code: "COUNTING" });
  await expect(openConnection(module, "counting", AbortSignal.abort(enough))).rejects.toBe(enough);
  const controller = new AbortController();
  const opening = openConnection(module, "counting", controller.signal);
  controller.abort(enough);
  await expect(opening).rejects.toBe(enough);
});

test("the process has nothing of this one's environment or options", async () => {
  process.env.CANARY_OF_THE_SERVICE = "secret";
  try {
    const [[told = ""] = []] = (await rows(await connect(), "environment 0")) as [[string]];
    expect(told).not.toContain("CANARY");
    expect(JSON.parse(told)[1]).toEqual([]);
  } finally {
    delete process.env.CANARY_OF_THE_SERVICE;
  }
});

test("a statement without end does not outlive the process that asked for it", async () => {
  const asking = fork(fileURLToPath(new URL("./asking.ts", import.meta.url)), { execArgv: [] });
  const [pid] = (await once(asking, "message")) as [number];
  const isAlive = () => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  };
  expect(isAlive()).toBe(true);
  asking.kill("SIGKILL");
  await expect.poll(isAlive).toBe(false);
});
