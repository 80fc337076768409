/** What a session tells of work that goes on at the server beyond a call's answer or its end. */
import { connect } from "node:net";
import pg from "pg";
import { afterEach, describe, expect, inject, test } from "vitest";
import { type Budget, createPlaces } from "../../../src/execution/session/places.ts";
import type { Call, NativeQuery, PageRequest, Phase, Session, Settled } from "../../../src/providers/contract.ts";
import { type Login, SourceConnection } from "../../../src/providers/postgresql/connection.ts";
import { openSession } from "../../../src/providers/postgresql/session.ts";
import { type OwnCluster, ownCluster } from "../../support/postgres.ts";

const page: PageRequest = { size: 10, continuation: undefined, maxBytes: 1_000_000 };
const native = (text: string): NativeQuery => ({ kind: "native", text, parameters: [] });

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const dial = async ({ host, port }: { host: string; port: number }) => {
  const socket = connect(port, host).setNoDelay();
  await new Promise((resolve, reject) => socket.once("connect", resolve).once("error", reject));
  return socket;
};

function loginOf(url: string): [Login, string] {
  const { hostname, port, pathname, username, password } = new URL(url);
  const login = { host: hostname, port: Number(port), tls: "disable", database: pathname.slice(1) } as const;
  return [{ ...login, user: decodeURIComponent(username) }, decodeURIComponent(password)];
}

function sessionOn(url: string, places = createPlaces({ perHost: 10, all: 10 })): Session & Required<Session> {
  const session = openSession(...loginOf(url), { dial, maxConnections: 3, places });
  cleanups.push(() => session.close());
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

/** A query that runs at the server. */
async function sleepingCall(url: string, places?: Budget) {
  const call = newCall();
  const marker = `-- ${crypto.randomUUID()}`;
  const ended = sessionOn(url, places)
    .query(native(`SELECT pg_sleep(60)::text AS slept ${marker}`), page, call.call)
    .catch((error: unknown) => error);
  const watcher = new pg.Client({ connectionString: url });
  await watcher.connect();
  const running = "SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND query LIKE $1";
  while ((await watcher.query(running, [`%${marker}`])).rowCount === 0);
  await watcher.end();
  return { ...call, ended };
}

describe("a statement that is aborted", () => {
  test("is answered when the server has heard of it", async () => {
    const { end, ended, settlings } = await sleepingCall(inject("postgresUrl"));
    end();
    expect(await Promise.all(settlings)).toEqual(["answered"]);
    expect(await ended).toMatchObject({ message: "enough" });
  });

  test("is lost when the server gives no sign of life", async () => {
    const cluster = await startedCluster();
    const places = createPlaces({ perHost: 10, all: 10 });
    const { end, ended, settlings } = await sleepingCall(cluster.url, places);
    await cluster.kill("SIGSTOP");
    end();
    expect(await ended).toMatchObject({ message: "enough" });
    expect(places.figures().open).toBe(1);
    expect(await Promise.all(settlings)).toEqual(["lost"]);
    expect(places.figures()).toEqual({ open: 0, lent: 0, waiting: 0 });
  });
});

test("a statement whose server dies fails as lost, and leaves no place taken", async () => {
  const cluster = await startedCluster();
  const places = createPlaces({ perHost: 10, all: 10 });
  const { ended, settlings } = await sleepingCall(cluster.url, places);
  await cluster.kill("SIGKILL");
  expect(await ended).toMatchObject({ kind: "upstream_lost" });
  expect(await Promise.all(settlings)).not.toContain("answered");
  expect(places.figures()).toEqual({ open: 0, lent: 0, waiting: 0 });
});

async function startedCluster(): Promise<OwnCluster> {
  const cluster = await ownCluster();
  cleanups.push(() => cluster.stop());
  return cluster;
}

test("a stream that is left keeps its permit until the server has stopped", async () => {
  const session = sessionOn(inject("postgresUrl"));
  const { call, settlings } = newCall();
  const { batches } = await session.stream(native("SELECT generate_series(1, 100000000) AS i"), call);
  for await (const _ of batches) break;
  expect(await Promise.all(settlings)).toEqual(["answered"]);
});

test("a page that was read to its end leaves nothing behind at the server", async () => {
  const session = sessionOn(inject("postgresUrl"));
  const first = newCall();
  await session.query(native("SELECT 1 AS x"), page, first.call);
  const second = newCall();
  await session.query(native("SELECT 1 AS x"), page, second.call);
  expect(await Promise.all([...first.settlings, ...second.settlings])).not.toContain("lost");
  expect([first.phases, second.phases]).toEqual([
    ["pool", "connect", "source", "source", "transfer"],
    ["source", "source", "transfer"],
  ]);
});

test("a test of a connection takes a place of the budget, and frees it", async () => {
  const places = createPlaces({ perHost: 1, all: 1 });
  const session = sessionOn(inject("postgresUrl"), places);
  const place = await places.take(loginOf(inject("postgresUrl"))[0].host, new AbortController().signal);
  const { call, phases } = newCall();
  const report = session.test(call);
  expect([phases, places.figures().waiting]).toEqual([["pool"], 1]);
  place.free();
  expect(await report).toMatchObject({ ok: true });
  expect(places.figures()).toEqual({ open: 0, lent: 0, waiting: 0 });
});

test("an idle connection tells whether the server still answers, and is good for the next statement", async () => {
  const cluster = await startedCluster();
  const [login, password] = loginOf(cluster.url);
  const connection = await SourceConnection.open(login, password, dial, new AbortController().signal);
  expect(await connection.answers(AbortSignal.timeout(5_000))).toBe(true);
  expect(await connection.rows({ text: "SELECT 7", parameters: [] }, 5_000)).toEqual([["7"]]);
  await cluster.kill("SIGSTOP");
  expect(await connection.answers(AbortSignal.timeout(100))).toBe(false);
  connection.close();
});
