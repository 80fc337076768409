/** Actions whose end goes wrong: what was kept and what was not is told right, or that it is not known. */
import { describe, expect, onTestFinished, test } from "vitest";
import type { Action } from "../../../src/providers/contract/action.ts";
import type { Session } from "../../../src/providers/contract.ts";
import { newMysqlLogin } from "../../support/mariadb.ts";
import { hasMariadb, ownMariadb } from "../../support/mariadb-server.ts";
import { mysqlClient, runMysql } from "../../support/mysql-client.ts";
import { processlist } from "../../support/mysql-server.ts";
import { before, executeBy, integer, is, newCity, none, refusal, text } from "../sql/acting.ts";
import { acting } from "./acting.ts";
import { dial } from "./opened.ts";
import { openedSession } from "./opened-session.ts";

const source = acting();
const { cities, run } = source;

function opened(how: typeof dial = dial, url = source.url): Required<Session> {
  const session = openedSession(url, { maxConnections: 1, dial: how });
  onTestFinished(() => session.close());
  return session;
}

/** Dials connections on which something happens when COMMIT has been sent, or is about to be. */
function dialling(happens: { readonly before?: () => void; readonly after?: (cut: () => void) => void }) {
  const seen = { dialled: 0 };
  const how: typeof dial = async (target) => {
    seen.dialled++;
    const socket = await dial(target);
    const write = socket.write.bind(socket) as (chunk: Buffer, sent: () => void) => boolean;
    socket.write = ((chunk: Buffer) => {
      const isCommit = chunk.toString("latin1").endsWith("\x03COMMIT");
      if (isCommit) happens.before?.();
      return write(chunk, () => isCommit && happens.after?.(() => socket.destroy()));
    }) as typeof socket.write;
    return socket;
  };
  return { how, seen };
}

const basel = newCity([text("Basel"), none]);

test("a source that is lost while it keeps the change may have kept it", async () => {
  const { how } = dialling({ after: (cut) => cut() });
  const failure = await refusal(executeBy(opened(how), basel));
  expect(failure).toMatchObject({ kind: "outcome_unknown", upstream: "mysql" });
  await expect.poll(cities, { timeout: 10_000 }).toEqual([...before, "10 Basel -"]);
});

test("who gives up while the source keeps the change still learns that it did, and nobody stops it", async () => {
  const controller = new AbortController();
  const { how, seen } = dialling({ before: () => queueMicrotask(() => controller.abort(new Error("given up"))) });
  const request = { action: basel, dryRun: false, maxAffectedRows: undefined, returning: [], maxBytes: 1_000 };
  const call = {
    deadline: performance.now() + 20_000,
    enter() {},
    settling() {},
    quota() {},
    signal: controller.signal,
  };
  expect(await opened(how).execute(request, call)).toMatchObject({ affectedRows: 1 });
  expect(seen.dialled).toBe(1);
  expect(await cities()).toEqual([...before, "10 Basel -"]);
});

test("a connection that is killed before changes nothing", async () => {
  await run("CREATE TRIGGER dawdle BEFORE INSERT ON city FOR EACH ROW SET @slept = SLEEP(60)");
  const failing = refusal(executeBy(opened(), newCity([text("Basel"), none])));
  const sleeping = `SELECT ID FROM ${processlist} WHERE STATE = 'User sleep' AND DB = DATABASE()`;
  await expect.poll(() => run(sleeping), { timeout: 10_000 }).toHaveLength(1);
  const [[id] = []] = await run(sleeping);
  await run(`KILL ${id}`);
  expect((await failing).kind).toMatch(/^upstream_/);
  expect(await cities()).toEqual(before);
});

test("of two that block each other one is undone, and says that it can be tried again", async () => {
  const other = await mysqlClient(source.url);
  onTestFinished(() => other.close());
  await other.run(
    "START TRANSACTION; UPDATE city SET people = 1 WHERE id = 3; UPDATE city SET people = 3 WHERE id = 2",
  );
  // The first of its rows is locked by nobody, the second by the other one, who asks for the first then.
  const filter = is("id", "in", integer(1n), integer(2n));
  const update: Action = {
    kind: "update",
    resource: "city",
    filter,
    values: [{ field: "people", value: integer(7n) }],
  };
  const failing = executeBy(opened(), update).then(
    () => undefined,
    (error) => error,
  );
  const waiting = "SELECT COUNT(*) FROM information_schema.INNODB_TRX WHERE trx_state = 'LOCK WAIT'";
  // The server keeps what it has said for a tenth of a second, as long as it is asked meanwhile.
  await expect.poll(() => run(waiting), { timeout: 10_000, interval: 250 }).not.toEqual([["0"]]);
  const others = other.run("UPDATE city SET people = 2 WHERE id = 1; COMMIT").catch(() => undefined);
  const [failure] = await Promise.all([failing, others]);
  // The server chooses; the other one is closed, and undone, when it was that.
  await other.close();
  if (failure === undefined) return expect(await cities()).toEqual(["1 Zürich 7", "2 Genève 7", "3 Bern 134794"]);
  expect(failure).toMatchObject({ kind: "upstream_unavailable", metadata: { errno: "1213" } });
  expect(await cities()).toEqual(["1 Zürich 2", "2 Genève 3", "3 Bern 1"]);
});

test("of many that upsert the same new rows at once, each row is there once", async () => {
  const session = openedSession(source.url, { maxConnections: 4 });
  onTestFinished(() => session.close());
  const rows = Array.from({ length: 20 }, (_, i) => [text(`place ${i}`), integer(BigInt(i))]);
  const upsert = { kind: "upsert", resource: "city", fields: ["name", "people"], rows, key: ["name"] } as const;
  const ends = await Promise.allSettled(Array.from({ length: 8 }, () => executeBy(session, upsert)));
  const refused = ends.flatMap((end) => (end.status === "rejected" ? [end.reason] : []));
  for (const failure of refused) expect(failure.kind).toMatch(/^(?:upstream_unavailable|constraint_violated)$/);
  expect(refused.length).toBeLessThan(8);
  expect(await run("SELECT COUNT(*), SUM(people) FROM city WHERE name LIKE 'place %'")).toEqual([["20", "190"]]);
});

describe.runIf(hasMariadb)("a server of its own", () => {
  test("that takes no changes says so, whoever has set it", async () => {
    const server = await ownMariadb();
    onTestFinished(() => server.stop());
    await runMysql(server.url, "CREATE DATABASE shop; CREATE TABLE shop.city (name varchar(20), people int)");
    const login = await newMysqlLogin(server.url.replace("/mysql", "/shop"), "a password", [
      "SELECT, INSERT ON shop.*",
    ]);
    const session = opened(dial, login.url);
    for (const setting of ["read_only", "tx_read_only"]) {
      await runMysql(server.url, `SET GLOBAL ${setting} = 1`);
      expect(await refusal(executeBy(session, basel))).toMatchObject({
        ...{ kind: "configuration_rejected", message: expect.stringContaining("takes no changes") },
      });
      await runMysql(server.url, `SET GLOBAL ${setting} = 0`);
      expect(await executeBy(session, basel)).toMatchObject({ affectedRows: 1 });
    }
  });
});

test("who gives up before the source is told to keep the change is told that, and nothing was changed", async () => {
  const controller = new AbortController();
  const reason = new Error("given up");
  // The answer to the INSERT has just been taken, and nothing else was said since.
  const how: typeof dial = async (target) => {
    const socket = await dial(target);
    const write = socket.write.bind(socket) as (chunk: Buffer) => boolean;
    socket.write = ((chunk: Buffer) => {
      if (chunk.includes("Basel")) socket.once("data", () => controller.abort(reason));
      return write(chunk);
    }) as typeof socket.write;
    return socket;
  };
  const request = { action: basel, dryRun: false, maxAffectedRows: undefined, returning: [], maxBytes: 1_000 };
  const { signal } = controller;
  const call = { deadline: performance.now() + 20_000, enter() {}, settling() {}, quota() {}, signal };
  expect(await refusal(opened(how).execute(request, call))).toBe(reason);
  expect(await cities()).toEqual(before);
});
