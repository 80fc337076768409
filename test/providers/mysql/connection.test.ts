/** One connection to a real server: whatever pieces its packets come in, and whatever a cancel meets. */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from "vitest";
import { SourceConnection } from "../../../src/providers/mysql/connection.ts";
import type { Reading } from "../../../src/providers/mysql/reading.ts";
import { mysqlClient } from "../../support/mysql-client.ts";
import { numbersUpTo, processlist } from "../../support/mysql-server.ts";
import { rogueServer } from "../../support/service.ts";
import type { SourceClient } from "../../support/source-kind.ts";
import { stopwatch } from "../../support/stopwatch.ts";
import { scaled, seeded } from "../../torture/scale.ts";
import { inPieces } from "../postgresql/pieces.ts";
import { dial, loginOf, open, rest, timeoutMs } from "./opened.ts";
import { column, described, endAt, obeying, packet, prepared, row, sized } from "./rogue.ts";

let watcher: SourceClient;

beforeAll(async () => {
  watcher = await mysqlClient(inject("mariadbUrl"));
});
afterAll(() => watcher.close());

function* always(size: number): Generator<number> {
  for (;;) yield size;
}

describe("packets that arrive in pieces", () => {
  const text = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < CAST(? AS SIGNED))
    SELECT i, IF(i % 3 > 0, REPEAT('ü', i * i), NULL) AS u, '' AS nothing FROM n`;
  const expected = (rows: number) =>
    Array.from({ length: rows }, (_, i) => [String(i + 1), (i + 1) % 3 > 0 ? "ü".repeat((i + 1) ** 2) : null, ""]);

  async function readsAll(sizes: Iterator<number>, rows: number): Promise<void> {
    const [login, password] = loginOf(inject("mariadbUrl"));
    const dialPieces: typeof dial = async (target) => inPieces(await dial(target), sizes);
    const connection = await SourceConnection.open(login, password, dialPieces, AbortSignal.timeout(timeoutMs));
    for (let turn = 0; turn < 2; turn++) {
      const all = await rest(connection.read({ text, parameters: [String(rows)] }, timeoutMs));
      expect(all).toEqual({ rows: expected(rows), error: undefined });
    }
    const failed = await rest(connection.read({ text: "SELECT nothing", parameters: [] }, timeoutMs));
    expect(failed).toMatchObject({ rows: [], error: { errno: 1054, sqlState: "42S22" } });
    connection.close();
  }

  test.each([...Array(12).keys()].map((i) => i + 1))("of %i bytes are read as they are", (size) =>
    readsAll(always(size), 12),
  );

  test.each([100, 1_000, 8_192, 65_536])("of %i bytes are read as they are, large rows, too", (size) =>
    readsAll(always(size), 120),
  );

  test("of any sizes are read as they are", async () => {
    const sizes = fc.infiniteStream(fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 3_000 })));
    await fc.assert(
      fc.asyncProperty(sizes, (stream) => readsAll(stream, 60)),
      { ...seeded, numRuns: scaled({ test: 8, torture: 200 }) },
    );
  });
});

describe("a cancel", () => {
  async function isRunning(marker: string): Promise<boolean> {
    const rows = await watcher.run(
      `SELECT 1 FROM ${processlist} WHERE COMMAND <> 'Sleep' AND INFO LIKE '%${marker}' AND ID <> CONNECTION_ID()`,
    );
    return rows.length > 0;
  }

  async function running(connection: SourceConnection): Promise<{ reading: Reading; marker: string }> {
    const marker = `-- ${crypto.randomUUID()}`;
    const reading = connection.read({ text: `SELECT SLEEP(60) ${marker}`, parameters: [] }, timeoutMs);
    while (!(await isRunning(marker)));
    return { reading, marker };
  }

  /** Ends what nobody could be told to end. */
  async function stop(marker: string): Promise<void> {
    const rows = await watcher.run(`SELECT ID FROM ${processlist} WHERE INFO LIKE '%${marker}'`);
    for (const [id] of rows) await watcher.run(`KILL ${id}`).catch(() => {});
  }

  test("ends what runs, tells its reader why, and closes the connection", async () => {
    const connection = await open();
    const { reading, marker } = await running(connection);
    const reason = new Error("enough");
    const ended = rest(reading);
    const took = stopwatch();
    expect(await connection.cancel(reason)).toBe("answered");
    expect(took()).toBeLessThan(250);
    expect(await isRunning(marker)).toBe(false);
    // SLEEP gives a row when it is interrupted: nobody gets it.
    expect(await ended).toEqual({ rows: [], error: reason });
    expect(connection.isOpen).toBe(false);
  });

  test("of a server that is waiting for its reader is heard", async () => {
    const connection = await open();
    const text = `SELECT REPEAT('x', 1000) FROM ${numbersUpTo(1_000_000)}`;
    const reading = connection.read({ text, parameters: [] }, timeoutMs);
    await reading.next();
    await new Promise((resolve) => setTimeout(resolve, 200));
    const took = stopwatch();
    expect(await connection.cancel(new Error("enough"))).toBe("answered");
    await reading.settled;
    expect(took()).toBeLessThan(250);
  });

  test("that can't reach the server cuts the connection, and does not say that the server has heard", async () => {
    const connection = await open(undefined, () => Promise.reject(new Error("unreachable")));
    const { reading, marker } = await running(connection);
    const ended = rest(reading);
    expect(await connection.cancel(new Error("enough"))).toBe("lost");
    expect(connection.isOpen).toBe(false);
    await ended;
    await stop(marker);
  });

  test("whose connection leads to another server kills nobody there", async () => {
    const heard: string[] = [];
    const other = await rogueServer((socket) =>
      obeying(socket, ({ text }) => {
        heard.push(text);
        return undefined;
      }),
    );
    onTestFinished(() => other.stop());
    const connection = await open(undefined, () => dial({ host: "127.0.0.1", port: other.port }));
    const { reading, marker } = await running(connection);
    const ended = rest(reading);
    const took = stopwatch();
    expect(await connection.cancel(new Error("enough"))).toBe("lost");
    expect(took()).toBeLessThan(2_000);
    expect(await ended).toMatchObject({ error: { message: "enough" } });
    expect(heard).toEqual([expect.stringContaining("CONNECTION_ID()")]);
    await stop(marker);
  });

  test("of a statement that ends by itself at any moment kills nobody else's", async () => {
    const innocent = await open();
    let cancelled = 0;
    for (let i = 0; i < scaled({ test: 60, torture: 1_500 }); i++) {
      const connection = await open();
      const reading = connection.read({ text: "SELECT SLEEP(?)", parameters: [String((i % 20) / 2_000)] }, timeoutMs);
      const ended = rest(reading);
      const bystander = rest(innocent.read({ text: "SELECT SLEEP(0.004), ?", parameters: [String(i)] }, timeoutMs));
      await new Promise((resolve) => setTimeout(resolve, (i * 7) % 12));
      await connection.cancel(new Error("enough"));
      if ((await ended).error !== undefined) cancelled++;
      // An interrupted SLEEP gives 1.
      expect(await bystander).toEqual({ rows: [["0", String(i)]], error: undefined });
    }
    expect(cancelled).toBeGreaterThan(0);
  });
});

describe("what breaks the protocol ends the reading, and the connection", () => {
  const { bytes: head, next } = described("n");
  const good = row(next, "one");

  test.each<[string, Buffer[]]>([
    ["a row out of order", [head, row(next + 1, "one")]],
    ["a row twice", [head, good, good]],
    ["a cell longer than its row", [head, packet(next, [0, 0, 100], "one")]],
    ["a cell of many gigabytes", [head, packet(next, [0, 0, 0xfe, 255, 255, 255, 255, 255, 255, 255, 255], "one")]],
    ["a row with a cell too few", [head, packet(next, [0, 0])]],
    ["a row with a cell too many", [head, packet(next, [0, 0], sized("one"), sized("two"))]],
    ["a row that is nothing", [head, packet(next)]],
    ["a question for a file", [packet(1, [0xfb], "/etc/passwd")]],
    ["a question for a file among the rows", [head, packet(next, [0xfb], "/etc/passwd")]],
    ["five thousand columns", [packet(1, [0xfc, 0x88, 0x13])]],
    ["a result without an end to its columns", [packet(1, [1]), column(2, "n"), packet(3, [0, 0], sized("one"))]],
    ["a packet that nobody asked for", [head, good, endAt(next + 1), packet(1, [0])]],
  ])("%s", async (_, answers) => {
    const heard: Buffer[] = [];
    const rogue = await rogueServer((socket) => {
      socket.on("data", (chunk: Buffer) => heard.push(chunk));
      obeying(socket, ({ code }) => {
        if (code === 0x16) return prepared("n");
        return code === 0x17 ? Buffer.concat(answers) : undefined;
      });
    });
    onTestFinished(() => rogue.stop());
    const connection = await open(`mysql://u:password@127.0.0.1:${rogue.port}/d`);
    const { error, rows } = await rest(connection.read({ text: "SELECT n", parameters: [] }, timeoutMs));
    if (rows.length === 0) expect(error).toMatchObject({ name: "Failure", kind: "upstream_lost" });
    await expect.poll(() => connection.isOpen).toBe(false);
    expect(Buffer.concat(heard).toString("latin1")).not.toContain("root:");
  });
});
