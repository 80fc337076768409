/** Hostile SQL through every entry, with a superuser for the connector's user: nothing comes of it. */
import { inspect } from "node:util";
import { Code } from "@connectrpc/connect";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ConnectorError } from "../../src/client/error.ts";
import type { ConnectorClient, QueryInput } from "../../src/client/index.ts";
import { Failure } from "../../src/failure.ts";
import type { ResourceQuery, Session } from "../../src/providers/contract.ts";
import { classify } from "../../src/providers/postgresql/errors.ts";
import type { PackedBatch } from "../../src/rows/packed.ts";
import { textRows } from "../../src/rows/page.ts";
import { type Besieged, besieged, canary } from "../providers/postgresql/besieged.ts";
import {
  collectedStrings,
  dangerousStatements,
  hostileInputs,
  randomFrom,
} from "../providers/postgresql/hostile-inputs.ts";
import { openedSession } from "../providers/postgresql/opened.ts";
import { callFor, firstPage, native, rowsOf } from "../providers/sql/asking.ts";
import { connectorTo, testService } from "../support/service.ts";
import { scaled } from "../torture/scale.ts";

/** What stands in the server's files, and in its table of users. */
const secrets = new RegExp(`${canary}|SCRAM-SHA-256\\$`);

const remote = scaled({ test: 240, torture: 8_000 });
const inputs = scaled({ test: 5_000, torture: 100_000 });
const lanes = 8;
/** Milliseconds of an input that only takes time, and of any other. */
const shortMs = 250;
const longMs = 20_000;
const slow = /sleep|benchmark|waitfor|generate_series|repeat|randomblob|heavy|while/i;

let source: Besieged;

beforeAll(async () => {
  source = await besieged();
});
afterAll(() => source.stop());

const cities: ResourceQuery = {
  kind: "resource",
  resource: "city",
  fields: [],
  filter: undefined,
  orderBy: [],
  limit: undefined,
};

const named = (field: string, value: string): ResourceQuery => ({
  ...cities,
  filter: { kind: "compare", field, operator: "eq", values: [{ kind: "text", value }], path: "query.filter.compare" },
});

type Entry = (session: Required<Session>, text: string, ms: number) => Promise<string>;

const cellsOf = (batches: readonly PackedBatch[], columns: number) =>
  batches.flatMap((batch) => textRows(batch, columns).flat()).join(" ");

async function page(session: Required<Session>, query: ResourceQuery, ms: number): Promise<string> {
  const { batches, fields } = await session.query(query, firstPage, callFor(ms));
  return cellsOf(batches, fields.length);
}

/** Everything that a caller can say, and the answer to it as text. */
const entries: Readonly<Record<string, Entry>> = {
  query: async (session, text, ms) => (await rowsOf(session, text, ms)).flat().join(" "),
  stream: async (session, text, ms) => {
    const { batches, fields } = await session.stream(native(text), callFor(ms));
    const read: string[] = [];
    for await (const batch of batches) if (read.push(cellsOf([batch], fields.length)) > 10) break;
    return read.join(" ");
  },
  explain: async (session, text, ms) =>
    JSON.stringify((await session.explain(native(text), firstPage, callFor(ms))).plan),
  parameter: async (session, text, ms) => {
    const query = {
      ...native("SELECT * FROM city WHERE name = $1"),
      parameters: [{ kind: "text", value: text } as const],
    };
    const { batches, fields } = await session.query(query, firstPage, callFor(ms));
    return cellsOf(batches, fields.length);
  },
  resource: (session, text, ms) => page(session, { ...cities, resource: text }, ms),
  field: (session, text, ms) => page(session, { ...cities, fields: [text] }, ms),
  "filter's field": (session, text, ms) => page(session, named(text, "x"), ms),
  "filter's value": (session, text, ms) => page(session, named("name", text), ms),
  order: (session, text, ms) => page(session, { ...cities, orderBy: [{ field: text, descending: false }] }, ms),
};

const names = Object.keys(entries);
/** Most go to where SQL is expected. */
const weighted = ["query", "query", "query", "query", "stream", "stream", "explain", ...names];

/** One input's end: who refused it, or that it was answered. */
async function end(session: Required<Session>, entry: string, text: string): Promise<string> {
  try {
    const answer = await (entries[entry] as Entry)(session, text, slow.test(text) ? shortMs : longMs);
    expect(answer, `${entry}: ${text}`).not.toMatch(secrets);
    return "answered";
  } catch (cause) {
    const failure = classify(cause);
    if (failure instanceof Failure) return failure.where === "upstream" ? "refused by the source" : "refused";
    if (cause instanceof DOMException && cause.name === "TimeoutError") return "stopped in time";
    throw cause;
  }
}

async function besiege(texts: Iterator<string>, seed: number, count: number, ends: Map<string, number>): Promise<void> {
  const session = openedSession(source.url, { maxConnections: 2 });
  const random = randomFrom(seed);
  const pristine = await rowsOf(session, "SELECT residue()");
  try {
    for (let i = 0; i < count; i++) {
      const text = texts.next().value;
      const what = await end(session, weighted[Math.floor(random() * weighted.length)] as string, text);
      ends.set(what, (ends.get(what) ?? 0) + 1);
      if (i % 50 === 0) expect(await rowsOf(session, "SELECT residue()"), text).toEqual(pristine);
    }
    const both = [
      rowsOf(session, "SELECT residue(), pg_sleep(0.05)"),
      rowsOf(session, "SELECT residue(), pg_sleep(0.05)"),
    ];
    for (const rows of await Promise.all(both)) expect(rows[0]?.[0]).toEqual(pristine[0]?.[0]);
  } finally {
    await session.close();
  }
}

/** All is as it was, and nobody has heard anything. */
async function expectNothingCame(before: unknown): Promise<void> {
  expect(await source.state()).toEqual(before);
  await expect.poll(() => source.running(), { timeout: 10_000 }).toBe(0);
  expect(await source.leftovers()).toEqual([
    ["lock", "0"],
    ["temporary table", "0"],
    ["prepared transaction", "0"],
  ]);
  expect(source.notifications).toEqual([]);
}

function report(what: string, ends: ReadonlyMap<string, number>): void {
  const told = [...ends].map(([end, count]) => `${count} ${end}`).join(", ");
  console.log(`hostile SQL: ${what}: ${told}; 0 changes, files, notifications, residue`);
}

const timeout = scaled({ test: 240_000, torture: 3_600_000 });

test(`${inputs} hostile inputs change no row, make no file, leave nothing in a session and reach nobody`, {
  timeout,
}, async () => {
  const seeds = [...dangerousStatements(source.directory), ...source.calls, ...collectedStrings()];
  const before = await source.state();
  const ends = new Map<string, number>();
  const texts = hostileInputs(seeds, 4);
  await Promise.all(Array.from({ length: lanes }, (_, lane) => besiege(texts, lane, inputs / lanes, ends)));
  await expectNothingCame(before);
  report(`${inputs} inputs from ${seeds.length} seeds`, ends);
});

test(`${remote} hostile inputs by RPC do no more`, { timeout }, async () => {
  const service = await testService();
  try {
    const { id } = await service.client.createConnector(connectorTo(source.url));
    const before = await source.state();
    const texts = hostileInputs([...dangerousStatements(source.directory), ...source.calls, ...collectedStrings()], 5);
    const ends = new Map<string, number>();
    const caller = async (_: unknown, lane: number) => {
      const random = randomFrom(lane);
      for (let i = 0; i < remote / lanes; i++) {
        const what = await remoteEnd(service.client, id, texts.next().value, random());
        ends.set(what, (ends.get(what) ?? 0) + 1);
      }
    };
    await Promise.all(Array.from({ length: lanes }, caller));
    await expectNothingCame(before);
    report(`${remote} inputs by RPC`, ends);
  } finally {
    await service.stop();
  }
});

/** By which RPC and as what, the number from 0 to 1 says. */
async function remoteEnd(client: ConnectorClient, id: string, text: string, which: number): Promise<string> {
  const query: QueryInput =
    which < 0.7
      ? { native: text }
      : which < 0.8
        ? { resource: text }
        : which < 0.9
          ? { resource: "city", where: { name: text } }
          : { resource: "city", orderBy: [text] };
  const options = { timeoutMs: slow.test(text) ? shortMs : longMs };
  try {
    const answer =
      which < 0.4
        ? (await client.query(id, query, options)).rows
        : which < 0.6
          ? await Array.fromAsync(client.stream(id, query, options))
          : await client.explainQuery(id, query, options);
    expect(inspect(answer, { depth: 9, maxStringLength: null }), text).not.toMatch(secrets);
    return "answered";
  } catch (cause) {
    const { code, reason } = ConnectorError.from(cause);
    return reason ?? Code[code];
  }
}

test("the strings that others collected are among the inputs", (context) => {
  if (collectedStrings().length === 0) context.skip("they are not on this machine");
  expect(collectedStrings().length).toBeGreaterThan(800);
});
