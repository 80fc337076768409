/**
 * Hostile SQL through every entry, with a connector's user that may do everything, so that
 * nothing but the service stands between an input and the server: nothing comes of it.
 */
import { inspect } from "node:util";
import { Code } from "@connectrpc/connect";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ConnectorError } from "../../../src/client/error.ts";
import type { ConnectorClient, QueryInput } from "../../../src/client/index.ts";
import { Failure } from "../../../src/failure.ts";
import type { ResourceQuery, Session } from "../../../src/providers/contract.ts";
import type { PackedBatch } from "../../../src/rows/packed.ts";
import { textRows } from "../../../src/rows/page.ts";
import { connectorTo, testService } from "../../support/service.ts";
import { scaled } from "../../torture/scale.ts";
import { callFor, firstPage, native, rowsOf } from "./asking.ts";
import { collectedStrings, hostileInputs, randomFrom, type Tricks } from "./hostile-inputs.ts";

/** A database with the tables `city` (id, name) and `journal`, and what shows whether anything came through. */
export interface Besieged {
  /** As a user that may do everything. */
  readonly url: string;
  /** Statements and calls that would do something. */
  readonly seeds: readonly string[];
  /** Functions that the connector allows. */
  readonly functions?: readonly string[];
  /** All that can change: rows, definitions, users, settings, files. */
  state(): Promise<unknown>;
  /** What of the user's sessions is still there, in words: locks, temporary tables, prepared transactions. */
  leftovers(): Promise<readonly string[]>;
  /** Statements of the user that still run. */
  running(): Promise<number>;
  /** Messages that were sent by anybody in this database. */
  readonly notifications: readonly string[];
  stop(): Promise<void>;
}

export interface SiegeOptions {
  besieged(): Promise<Besieged>;
  openedSession(url: string, habits: { maxConnections: number; functions?: readonly string[] }): Required<Session>;
  classify(cause: unknown): Failure | undefined;
  readonly tricks: Tricks;
  /** What no answer may hold. */
  readonly secrets: RegExp;
  /** A statement that tells what the session has become, in its first cell; and one that also takes a moment. */
  readonly residue: string;
  readonly slowResidue: string;
  /** A condition on the text `name` with one parameter. */
  readonly condition: string;
}

const remote = scaled({ test: 240, torture: 8_000 });
const inputs = scaled({ test: 5_000, torture: 100_000 });
const lanes = 8;
/** Milliseconds of an input that only takes time, and of any other. */
const shortMs = 250;
const longMs = 20_000;
const slow = /sleep|benchmark|waitfor|generate_series|repeat|randomblob|heavy|while|cross_join|seq_/i;

/** A test's own time, whatever else the machine does. */
const timeout = scaled({ test: 240_000, torture: 3_600_000 });

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
const entriesOf = ({ condition }: SiegeOptions): Readonly<Record<string, Entry>> => ({
  query: async (session, text, ms) => (await rowsOf(session, text, ms)).flat().join(" "),
  stream: async (session, text, ms) => {
    const { batches, fields } = await session.stream(native(text), callFor(ms));
    const read: string[] = [];
    for await (const batch of batches) if (read.push(cellsOf([batch], fields.length)) > 10) break;
    return read.join(" ");
  },
  explain: async (session, text, ms) => JSON.stringify(await session.explain(native(text), firstPage, callFor(ms))),
  parameter: async (session, text, ms) => {
    const query = {
      ...native(`SELECT * FROM city WHERE ${condition}`),
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
});

/** Most go to where SQL is expected. */
const mostly = ["query", "query", "query", "query", "stream", "stream", "explain"];

type Ends = Map<string, number>;

const count = (ends: Ends, end: string) => ends.set(end, (ends.get(end) ?? 0) + 1);

/** The tests of one kind of database. */
export function siegeOf(options: SiegeOptions): void {
  let source: Besieged;
  beforeAll(async () => {
    source = await options.besieged();
  });
  afterAll(() => source?.stop());

  test(`${inputs} hostile inputs change no row, make no file, leave nothing in a session and reach nobody`, {
    timeout,
  }, async () => {
    const seeds = [...source.seeds, ...collectedStrings()];
    const before = await source.state();
    const ends: Ends = new Map();
    const texts = hostileInputs(seeds, options.tricks, 4);
    await Promise.all(Array.from({ length: lanes }, (_, lane) => besiege(options, source, texts, { lane, ends })));
    await expectNothingCame(source, before);
    report(`${inputs} inputs from ${seeds.length} seeds`, ends);
  });

  test(`${remote} hostile inputs by RPC do no more`, { timeout }, async () => {
    const service = await testService();
    try {
      const { id } = await service.client.createConnector(connectorTo(source.url));
      const before = await source.state();
      const texts = hostileInputs([...source.seeds, ...collectedStrings()], options.tricks, 5);
      const ends: Ends = new Map();
      const caller = async (_: unknown, lane: number) => {
        const random = randomFrom(lane);
        for (let i = 0; i < remote / lanes; i++) {
          count(ends, await remoteEnd(service.client, { id, secrets: options.secrets }, texts.next().value, random()));
        }
      };
      await Promise.all(Array.from({ length: lanes }, caller));
      await expectNothingCame(source, before);
      report(`${remote} inputs by RPC`, ends);
    } finally {
      await service.stop();
    }
  });

  test("the strings that others collected are among the inputs", (context) => {
    if (collectedStrings().length === 0) context.skip("they are not on this machine");
    expect(collectedStrings().length).toBeGreaterThan(800);
  });
}

async function besiege(
  options: SiegeOptions,
  source: Besieged,
  texts: Iterator<string>,
  { lane, ends }: { lane: number; ends: Ends },
): Promise<void> {
  const { functions = [] } = source;
  const session = options.openedSession(source.url, { maxConnections: 2, functions });
  const random = randomFrom(lane);
  const entries = entriesOf(options);
  const weighted = [...mostly, ...Object.keys(entries)];
  const pristine = await rowsOf(session, options.residue);
  try {
    for (let i = 0; i < inputs / lanes; i++) {
      const text = texts.next().value;
      const name = weighted[Math.floor(random() * weighted.length)] as string;
      const ask = (ms: number) => (entries[name] as Entry)(session, text, ms);
      count(ends, await endOf(ask, options, text, name));
      if (i % 50 === 0) expect(await rowsOf(session, options.residue), text).toEqual(pristine);
    }
    const both = [rowsOf(session, options.slowResidue), rowsOf(session, options.slowResidue)];
    for (const rows of await Promise.all(both)) expect(rows[0]?.[0]).toEqual(pristine[0]?.[0]);
  } finally {
    await session.close();
  }
}

/** One input's end: who refused it, or that it was answered. */
async function endOf(
  ask: (ms: number) => Promise<string>,
  { classify, secrets }: SiegeOptions,
  text: string,
  entry: string,
): Promise<string> {
  try {
    expect(await ask(slow.test(text) ? shortMs : longMs), `${entry}: ${text}`).not.toMatch(secrets);
    return "answered";
  } catch (cause) {
    const failure = classify(cause);
    if (failure instanceof Failure) return failure.where === "upstream" ? "refused by the source" : "refused";
    if (cause instanceof DOMException && cause.name === "TimeoutError") return "stopped in time";
    throw cause;
  }
}

/** All is as it was, and nobody has heard anything. */
async function expectNothingCame(source: Besieged, before: unknown): Promise<void> {
  expect(await source.state()).toEqual(before);
  await expect.poll(() => source.running(), { timeout: 10_000 }).toBe(0);
  expect(await source.leftovers()).toEqual([]);
  expect(source.notifications).toEqual([]);
}

function report(what: string, ends: Ends): void {
  const told = [...ends].map(([end, times]) => `${times} ${end}`).join(", ");
  console.log(`hostile SQL: ${what}: ${told}; 0 changes, files, notifications, residue`);
}

/** By which RPC and as what, the number from 0 to 1 says. */
async function remoteEnd(
  client: ConnectorClient,
  { id, secrets }: { id: string; secrets: RegExp },
  text: string,
  which: number,
): Promise<string> {
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
