/** What a session tells of work that goes on at the server beyond a call's answer or its end. */
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from "vitest";
import { type Budget, createPlaces } from "../../../src/execution/session/places.ts";
import type { Call, NativeQuery, PageRequest, Phase, Session, Settled } from "../../../src/providers/contract.ts";
import { SourceConnection } from "../../../src/providers/mysql/connection.ts";
import { openSession } from "../../../src/providers/mysql/session.ts";
import { textRows } from "../../../src/rows/page.ts";
import { freshMysqlDatabase } from "../../support/mariadb.ts";
import { hasMariadb, type OwnMariadb, ownMariadb } from "../../support/mariadb-server.ts";
import { runMysql } from "../../support/mysql-client.ts";
import { processlist } from "../../support/mysql-server.ts";
import type { FreshDatabase } from "../../support/postgres.ts";
import { dial, loginOf } from "./opened.ts";

const page: PageRequest = { size: 10, continuation: undefined, maxBytes: 1_000_000 };
const native = (text: string): NativeQuery => ({ kind: "native", text, parameters: [] });

let database: FreshDatabase;

beforeAll(async () => {
  database = await freshMysqlDatabase();
});
afterAll(() => database.drop());

function sessionOn(url: string, places = createPlaces({ perHost: 10, all: 10 })): Required<Session> {
  const [login, password] = loginOf(url);
  const session = openSession(login, password, { dial, maxConnections: 3, places });
  onTestFinished(() => session.close());
  return session as Required<Session>;
}

/** A call that keeps what it is told. */
function newCall() {
  const controller = new AbortController();
  const settlings: Promise<Settled>[] = [];
  const phases: Phase[] = [];
  const call: Call = {
    signal: controller.signal,
    deadline: performance.now() + 60_000,
    enter: (phase) => void phases.push(phase),
    settling: (settled) => void settlings.push(settled),
    quota: () => {},
  };
  const end = () => controller.abort(new Error("enough"));
  return { call, end, phases, settlings };
}

/** What is on every server, and large enough to be slow with. */
const manyColumns = "information_schema.COLUMNS";

/** A query that runs at the server for long. */
async function longCall(url: string, places?: Budget, list = processlist) {
  const call = newCall();
  const marker = crypto.randomUUID();
  const from = [..."abcde"].map((alias) => `${manyColumns} ${alias}`).join(" JOIN ");
  const ended = sessionOn(url, places)
    .query(native(`SELECT COUNT(*) AS n, '${marker}' AS m FROM ${from}`), page, call.call)
    .catch((error: unknown) => error);
  const running = `SELECT 1 FROM ${list} WHERE INFO LIKE '%${marker}%' AND COMMAND = 'Execute'`;
  while ((await runMysql(url, running)).length === 0);
  return { ...call, ended, marker };
}

describe("a statement that is aborted", () => {
  test("is answered when the server has heard of it", async () => {
    const { end, ended, settlings } = await longCall(database.url);
    end();
    expect(await Promise.all(settlings)).toEqual(["answered"]);
    expect(await ended).toMatchObject({ message: "enough" });
  });
});

test("a statement that an administrator stops fails as that, and is not tried again", async () => {
  const { ended, marker } = await longCall(database.url);
  const running = `SELECT ID FROM ${processlist} WHERE INFO LIKE '%${marker}%' AND COMMAND = 'Execute'`;
  const [[id] = []] = await runMysql(inject("mariadbUrl"), running);
  await runMysql(inject("mariadbUrl"), `KILL QUERY ${id}`);
  expect(await ended).toMatchObject({ kind: "upstream_unavailable", final: true, upstream: "mysql" });
});

test("a stream that is left keeps its permit until the server has stopped", async () => {
  const { call, settlings } = newCall();
  const text = `SELECT a.COLUMN_NAME FROM ${manyColumns} a JOIN ${manyColumns} b`;
  const { batches } = await sessionOn(database.url).stream(native(text), call);
  for await (const _ of batches) break;
  expect(await Promise.all(settlings)).toEqual(["answered"]);
});

test("one query after the other uses one connection, and waits for nothing before its answer", async () => {
  const session = sessionOn(database.url);
  const ids: (string | null | undefined)[] = [];
  for (let i = 0; i < 5; i++) {
    const { call, phases, settlings } = newCall();
    const { batches, fields } = await session.query(native("SELECT CONNECTION_ID() AS id"), page, call);
    ids.push(batches.map((batch) => textRows(batch, fields.length))[0]?.[0]?.[0]);
    expect(await Promise.all(settlings)).toEqual([]);
    if (i > 0) expect(phases).toEqual(["source", "source", "transfer"]);
  }
  expect(new Set(ids).size).toBe(1);
});

test("a page is cut where it is full, though the statement has a LIMIT beyond it", async () => {
  const session = sessionOn(database.url);
  const { call } = newCall();
  const { batches, truncated } = await session.query(
    native(`SELECT a.COLUMN_NAME FROM ${manyColumns} a JOIN ${manyColumns} b LIMIT 1000000`),
    page,
    call,
  );
  expect([batches.reduce((rows, batch) => rows + batch.rows, 0), truncated]).toEqual([10, true]);
});

test("an idle connection that the server closes is closed", async () => {
  const [login, password] = loginOf(inject("mariadbUrl"));
  const connection = await SourceConnection.open(login, password, dial, new AbortController().signal);
  onTestFinished(() => connection.close());
  const [[id] = []] = await connection.rows({ text: "SELECT CONNECTION_ID()", parameters: [] }, 5_000);
  await runMysql(inject("mariadbUrl"), `KILL ${id}`);
  await expect.poll(() => connection.isOpen, { timeout: 10_000 }).toBe(false);
});

describe.runIf(hasMariadb)("when the server itself", () => {
  let server: OwnMariadb;
  let url: string;
  beforeAll(async () => {
    server = await ownMariadb();
    await runMysql(server.url, "CREATE DATABASE shop");
    url = new URL("/shop", server.url).href;
  });
  afterAll(() => server.stop());

  test("is frozen, an idle connection tells that it does not answer", async () => {
    const [login, password] = loginOf(server.url);
    const connection = await SourceConnection.open(login, password, dial, new AbortController().signal);
    expect(await connection.answers(AbortSignal.timeout(5_000))).toBe(true);
    expect(await connection.rows({ text: "SELECT 7", parameters: [] }, 5_000)).toEqual([["7"]]);
    await server.kill("SIGSTOP");
    expect(await connection.answers(AbortSignal.timeout(100))).toBe(false);
    connection.close();
    await server.kill("SIGCONT");
  });

  test("is frozen, a statement that is aborted is lost", async () => {
    const places = createPlaces({ perHost: 10, all: 10 });
    const { end, ended, settlings } = await longCall(url, places, "information_schema.PROCESSLIST");
    await server.kill("SIGSTOP");
    end();
    expect(await ended).toMatchObject({ message: "enough" });
    expect(places.figures().open).toBe(1);
    expect(await Promise.all(settlings)).toEqual(["lost"]);
    expect(places.figures()).toEqual({ open: 0, lent: 0, waiting: 0 });
    await server.kill("SIGCONT");
  });

  test("dies, a statement fails as lost, and leaves no place taken", async () => {
    const places = createPlaces({ perHost: 10, all: 10 });
    const { ended, settlings } = await longCall(url, places, "information_schema.PROCESSLIST");
    await server.kill("SIGKILL");
    expect(await ended).toMatchObject({ kind: "upstream_lost" });
    expect(await Promise.all(settlings)).not.toContain("answered");
    expect(places.figures()).toEqual({ open: 0, lent: 0, waiting: 0 });
  });
});
