/** Results read from a real server: all of them, whatever their size, and no faster than they are taken. */
import type { Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { forEachCell } from "../../../src/rows/packed.ts";
import { freshMysqlDatabase } from "../../support/mariadb.ts";
import { hasMariadb, type OwnMariadb, ownMariadb } from "../../support/mariadb-server.ts";
import { runMysql } from "../../support/mysql-client.ts";
import { numbersUpTo, processlist } from "../../support/mysql-server.ts";
import type { FreshDatabase } from "../../support/postgres.ts";
import { scaled } from "../../torture/scale.ts";
import { dial, open, rest, timeoutMs } from "./opened.ts";

const rows = scaled({ test: 60_000, torture: 3_000_000 });
let database: FreshDatabase;

beforeAll(async () => {
  database = await freshMysqlDatabase();
  await runMysql(
    database.url,
    `CREATE TABLE mixed ENGINE=MyISAM AS SELECT seq AS id, CAST(seq * 2654435761 % 4294967296 AS SIGNED) - 2147483648 AS i,
       CAST(seq * 1.0001 AS DECIMAL(20,4)) AS d, IF(seq % 7 = 0, NULL, REPEAT('ü', seq % 60)) AS s
     FROM ${numbersUpTo(rows)}`,
  );
});
afterAll(() => database.drop());

test("a statement is not sent with more or fewer parameters than the server reads in it", async () => {
  const connection = await open(database.url);
  const { error } = await rest(connection.read({ text: "SELECT ?, ?", parameters: ["1"] }, timeoutMs));
  expect(error).toMatchObject({ kind: "internal" });
  expect(connection.isOpen).toBe(false);
});

describe("a large result", () => {
  test("is what the server itself sums up", async () => {
    const connection = await open(database.url);
    const reading = connection.read({ text: "SELECT * FROM mixed", parameters: [] }, timeoutMs);
    const sums = { rows: 0, i: 0n, d: 0n, nulls: 0, bytes: 0 };
    for (let batch = await reading.next(); batch !== undefined; batch = await reading.next()) {
      const { buffer } = batch;
      sums.rows += batch.rows;
      forEachCell(batch, 4, (_row, field, start, end) => {
        const text = () => buffer.toString("latin1", start, end);
        if (start < 0) sums.nulls++;
        else if (field === 1) sums.i += BigInt(text());
        else if (field === 2) sums.d += BigInt(text().replace(".", ""));
        else if (field === 3) sums.bytes += end - start;
      });
    }
    await reading.settled;
    const [own] = await connection.rows(
      {
        text: "SELECT COUNT(*), SUM(i), SUM(d * 10000), SUM(s IS NULL), SUM(LENGTH(CONVERT(s USING utf8mb4))) FROM mixed",
        parameters: [],
      },
      timeoutMs,
    );
    const whole = own?.map((cell) => cell?.replace(/\.0*$/, ""));
    expect(Object.values(sums).map(String)).toEqual(whole);
  });

  test("waits at the server while nobody takes it, and is whole then", async () => {
    const sockets: Socket[] = [];
    const connection = await open(database.url, dial, async (target) => {
      const socket = await dial(target);
      sockets.push(socket);
      return socket;
    });
    const marker = crypto.randomUUID();
    const text = `SELECT REPEAT('x', 1000) AS x FROM ${numbersUpTo(rows)} -- ${marker}`;
    const reading = connection.read({ text, parameters: [] }, timeoutMs);
    let read = (await reading.next())?.rows ?? 0;
    const came = () => sockets[0]?.bytesRead ?? 0;
    // No more comes, and the rest is neither here nor on its way: the server has not ended the statement.
    await expect.poll(() => growth(came), { timeout: timeoutMs }).toBe(0);
    expect(came()).toBeLessThan((rows * 1_000) / 4);
    expect(await runs(marker)).toBe(true);
    for (let batch = await reading.next(); batch !== undefined; batch = await reading.next()) {
      read += batch.rows;
      batch.release();
    }
    expect(read).toBe(rows);
  });
});

/** What is added to a number in a while. */
async function growth(number: () => number): Promise<number> {
  const before = number();
  await new Promise((resolve) => setTimeout(resolve, 300));
  return number() - before;
}

/** Whether the server is at the statement that holds the text. */
async function runs(marker: string): Promise<boolean> {
  const [[count] = []] = await runMysql(
    inject("mariadbUrl"),
    `SELECT COUNT(*) FROM ${processlist} WHERE INFO LIKE '%${marker}' AND ID <> CONNECTION_ID()`,
  );
  return count === "1";
}

describe.runIf(hasMariadb)("a row larger than a packet", () => {
  let server: OwnMariadb;
  beforeAll(async () => {
    server = await ownMariadb(["--max-allowed-packet=128M"]);
  });
  afterAll(() => server.stop());

  /** The text with which the row is as large as a packet: an empty one follows. */
  const exactly = 2 ** 24 - 1 - 13;

  test.each(scaled({ test: [exactly, exactly + 1], torture: [exactly - 1, exactly, exactly + 1, 2 ** 25] }))(
    "of %i bytes is whole",
    async (size) => {
      const connection = await open(server.url);
      const text = `SELECT REPEAT('x', ${size}) AS x, 'behind' AS y`;
      const { rows, error } = await rest(connection.read({ text, parameters: [] }, timeoutMs));
      expect(error).toBeUndefined();
      expect([rows[0]?.[0]?.length, rows[0]?.[1]]).toEqual([size, "behind"]);
      expect(await connection.rows({ text: "SELECT 'next'", parameters: [] }, timeoutMs)).toEqual([["next"]]);
    },
  );

  test("of more than 64 MiB is refused before it is kept", async () => {
    const connection = await open(server.url);
    const text = "SELECT REPEAT('x', 70000000) AS x";
    const { error } = await rest(connection.read({ text, parameters: [] }, timeoutMs));
    expect(error).toMatchObject({ kind: "too_large" });
    expect(connection.isOpen).toBe(false);
  });

  test("may have a parameter that is, too", async () => {
    const connection = await open(server.url);
    const sent = "ü".repeat(8_500_000);
    const statement = { text: "SELECT LENGTH(?), MD5(?)", parameters: [sent, "x"] };
    expect(await connection.rows(statement, timeoutMs)).toEqual([["17000000", "9dd4e461268c8034f5c8564e155c67a6"]]);
  });
});
