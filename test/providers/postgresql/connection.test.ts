/** One connection to a real server: whatever pieces its messages come in, and whatever a cancel meets. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import fc from "fast-check";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from "vitest";
import { type Login, SourceConnection } from "../../../src/providers/postgresql/connection.ts";
import type { Reading } from "../../../src/providers/postgresql/reading.ts";
import { SourceSocket } from "../../../src/providers/sql/socket.ts";
import { textRows } from "../../../src/rows/page.ts";
import { rogueServer } from "../../support/service.ts";
import { stopwatch } from "../../support/stopwatch.ts";
import { inPieces } from "./pieces.ts";

const never = new AbortController().signal;
const timeoutMs = 20_000;

let login: Login;
let password: string;
let watcher: pg.Client;

beforeAll(async () => {
  const url = new URL(inject("postgresUrl"));
  login = {
    ...{ host: url.hostname, port: Number(url.port), tls: "disable" },
    ...{ database: url.pathname.slice(1), user: decodeURIComponent(url.username) },
  };
  password = decodeURIComponent(url.password);
  watcher = new pg.Client({ connectionString: url.href });
  await watcher.connect();
});

afterAll(() => watcher.end());

async function dial({ host, port }: { host: string; port: number }): Promise<Socket> {
  const socket = connect(port, host).setNoDelay();
  await once(socket, "connect");
  return socket;
}

async function open(
  wrap: (socket: Socket) => Socket = (socket) => socket,
  cancels: typeof dial = dial,
): Promise<SourceConnection> {
  const source = new SourceSocket(wrap(await dial(login)));
  const connection = await SourceConnection.authenticate(source, login, password, cancels, never);
  onTestFinished(() => connection.close());
  return connection;
}

/** All rows, and the error that ended them. */
async function rest(reading: Reading): Promise<{ rows: (string | null)[][]; error: unknown }> {
  const rows: (string | null)[][] = [];
  try {
    const fields = await reading.described;
    for (let batch = await reading.next(); batch !== undefined; batch = await reading.next()) {
      rows.push(...textRows(batch, fields.length));
    }
    return { rows, error: undefined };
  } catch (error) {
    return { rows, error };
  } finally {
    await reading.settled;
  }
}

function* always(size: number): Generator<number> {
  for (;;) yield size;
}

describe("messages that arrive in pieces", () => {
  const text = `SELECT i, CASE WHEN i % 3 > 0 THEN repeat('ü', i * i) END, '' AS empty FROM generate_series(1, $1::int4) i`;
  const expected = (rows: number) =>
    Array.from({ length: rows }, (_, i) => [String(i + 1), (i + 1) % 3 > 0 ? "ü".repeat((i + 1) ** 2) : null, ""]);
  const failing = "SELECT i, 10 / (20 - i) AS x FROM generate_series(1, 100) i";

  async function readsAll(sizes: Iterator<number>, rows: number): Promise<void> {
    const connection = await open((socket) => inPieces(socket, sizes));
    for (const stepwise of [false, true]) {
      const all = await rest(connection.read({ text, parameters: [String(rows)], stepwise }, timeoutMs));
      expect(all).toEqual({ rows: expected(rows), error: undefined });
    }
    const description = await connection.describe(text);
    expect(description).toMatchObject({
      parameterOids: [23],
      fields: [{ name: "i" }, { name: "case" }, { name: "empty" }],
    });
    const failed = await rest(connection.read({ text: failing, parameters: [] }, timeoutMs));
    expect(failed).toMatchObject({ rows: { length: 19 }, error: { code: "22012" } });
    connection.close();
  }

  test.each([...Array(24).keys()].map((i) => i + 1))("of %i bytes are read as they are", (size) =>
    readsAll(always(size), 12),
  );

  test.each([100, 1_000, 8_191, 8_192, 65_536])("of %i bytes are read as they are, large rows, too", (size) =>
    readsAll(always(size), 120),
  );

  test("of any sizes are read as they are", async () => {
    const sizes = fc.infiniteStream(fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 3_000 })));
    await fc.assert(
      fc.asyncProperty(sizes, (stream) => readsAll(stream, 60)),
      { numRuns: 15 },
    );
  });
});

describe("a cancel", () => {
  const endless = "SELECT pg_sleep(60)::text";

  async function isRunning(marker: string): Promise<boolean> {
    const { rows } = await watcher.query("SELECT FROM pg_stat_activity WHERE state = 'active' AND query LIKE $1", [
      `%${marker}`,
    ]);
    return rows.length > 0;
  }

  async function running(
    connection: SourceConnection,
    stepwise: boolean,
  ): Promise<{ reading: Reading; marker: string }> {
    const marker = `-- ${crypto.randomUUID()}`;
    const reading = connection.read({ text: `${endless} ${marker}`, parameters: [], stepwise }, timeoutMs);
    while (!(await isRunning(marker)));
    return { reading, marker };
  }

  test.each([false, true])(
    "ends what runs, tells its reader why, and closes the connection (stepwise: %s)",
    async (stepwise) => {
      const connection = await open();
      const { reading, marker } = await running(connection, stepwise);
      const reason = new Error("enough");
      const ended = rest(reading);
      const took = stopwatch();
      await connection.cancel(reason);
      expect(took()).toBeLessThan(250);
      expect(await isRunning(marker)).toBe(false);
      expect(await ended).toEqual({ rows: [], error: reason });
      expect(connection.isOpen).toBe(false);
    },
  );

  test("that the server does not hear is repeated until it does", async () => {
    const deaf = await rogueServer((socket) => void socket.resume().end());
    onTestFinished(() => deaf.stop());
    let requests = 0;
    const connection = await open(undefined, (target) =>
      dial(++requests < 3 ? { ...target, host: "127.0.0.1", port: deaf.port } : target),
    );
    const { marker, reading } = await running(connection, true);
    const ended = rest(reading);
    const took = stopwatch();
    await connection.cancel(new Error("enough"));
    expect(took()).toBeLessThan(500);
    expect([requests, await isRunning(marker)]).toEqual([3, false]);
    await ended;
  });

  test("of a server that is waiting for its reader is heard", async () => {
    const connection = await open();
    const reading = connection.read(
      { text: "SELECT repeat('x', 1000) FROM generate_series(1, 1000000)", parameters: [], stepwise: true },
      timeoutMs,
    );
    await reading.next();
    await new Promise((resolve) => setTimeout(resolve, 200));
    const took = stopwatch();
    await connection.cancel(new Error("enough"));
    await reading.settled;
    expect(took()).toBeLessThan(250);
  });

  test("that can't reach the server leaves nothing but to close the connection", async () => {
    const connection = await open(undefined, () => Promise.reject(new Error("unreachable")));
    const { reading, marker } = await running(connection, false);
    const ended = rest(reading);
    const cancelling = connection.cancel(new Error("enough"));
    await watcher.query("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE $1", [`%${marker}`]);
    await cancelling;
    expect(connection.isOpen).toBe(false);
    await ended;
  });
});

describe("a row that is not as long as it says", () => {
  const int32 = (value: number) => [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
  const message = (letter: string, body: number[]) =>
    Buffer.of(letter.charCodeAt(0), ...int32(body.length + 4), ...body);
  const field = [110, 0, ...int32(0), 0, 0, ...int32(25), 255, 255, ...int32(-1), 0, 0];
  const fields = message("T", [0, 2, ...field, ...field]);
  const good = message("D", [0, 2, ...int32(1), 65, ...int32(-1)]);

  test.each([
    ["a cell longer than its row", [0, 2, ...int32(1), 65, ...int32(100), 66]],
    ["a cell of two gigabytes", [0, 2, ...int32(1), 65, ...int32(2 ** 31 - 1), 66]],
    ["a cell too few", [0, 2, ...int32(1), 65]],
    ["a cell too many", [0, 3, ...int32(1), 65, ...int32(1), 66, ...int32(1), 67]],
    ["no cells", [0, 0]],
    ["bytes behind its cells", [0, 2, ...int32(1), 65, ...int32(1), 66, 67]],
  ])("%s ends the reading, and nothing of another's memory is read", async (_, body) => {
    const rogue = await rogueServer((socket) => {
      socket.once("data", () => {
        socket.write(Buffer.concat([message("R", int32(0)), message("Z", [73])]));
        socket.once("data", () => socket.write(Buffer.concat([fields, good, message("D", body), good])));
      });
    });
    onTestFinished(() => rogue.stop());
    const target = { ...login, host: "127.0.0.1", port: rogue.port };
    const connection = await SourceConnection.open(target, password, dial, never);
    const { error } = await rest(connection.read({ text: "SELECT", parameters: [] }, timeoutMs));
    expect(error).toMatchObject({ name: "Failure", kind: "upstream_lost" });
    expect(connection.isOpen).toBe(false);
  });
});
