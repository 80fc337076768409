/** A server that lets us in and then says, at any moment, whatever the protocol has words for. */
import { describe, expect, test } from "vitest";
import { Failure, type FailureKind } from "../../../src/failure.ts";
import type { Call, NativeQuery, PageRequest, ResourceQuery, Session } from "../../../src/providers/contract.ts";
import { classify } from "../../../src/providers/postgresql/errors.ts";
import { textRows } from "../../../src/rows/page.ts";
import { isTorture } from "../../torture/scale.ts";
import { int32, message, ownRows, type Place, row, sessionWithRogue, textFields } from "./rogue.ts";

const query: NativeQuery = { kind: "native", text: "SELECT n FROM t", parameters: [] };
const page: PageRequest = { size: 10, continuation: undefined, maxBytes: 1_000_000 };

/** Every message of the server in the version 3 of the protocol, and two that are none. */
const messages: Readonly<Record<string, Buffer>> = {
  AuthenticationOk: message("R", int32(0)),
  AuthenticationCleartextPassword: message("R", int32(3)),
  AuthenticationMD5Password: message("R", int32(5), "salt"),
  AuthenticationGSS: message("R", int32(7)),
  AuthenticationSASL: message("R", int32(10), "SCRAM-SHA-256\0\0"),
  AuthenticationSASLContinue: message("R", int32(11), "r=x,s=eA==,i=1"),
  AuthenticationSASLFinal: message("R", int32(12), "v=eA=="),
  BackendKeyData: message("K", int32(1), int32(2)),
  BindComplete: message("2"),
  CloseComplete: message("3"),
  CommandComplete: message("C", "SELECT 2\0"),
  CopyBothResponse: message("W", "\0\0\x01\0\0"),
  CopyData: message("d", "one\n"),
  CopyDone: message("c"),
  CopyInResponse: message("G", "\0\0\x01\0\0"),
  CopyOutResponse: message("H", "\0\0\x01\0\0"),
  DataRow: row("odd"),
  EmptyQueryResponse: message("I"),
  ErrorResponse: message("E", "SERROR\0", "C42601\0", "Mwrong\0", "\0"),
  FunctionCallResponse: message("V", int32(1), "x"),
  NegotiateProtocolVersion: message("v", int32(0), int32(0)),
  NoData: message("n"),
  NoticeResponse: message("N", "SNOTICE\0", "C00000\0", "Mlisten\0", "\0"),
  NotificationResponse: message("A", int32(1), "channel\0", "payload\0"),
  ParameterDescription: message("t", "\0\0"),
  ParameterStatus: message("S", "TimeZone\0", "UTC\0"),
  ParseComplete: message("1"),
  PortalSuspended: message("s"),
  ReadyForQuery: message("Z", "I"),
  RowDescription: textFields("n"),
  "a letter that has no meaning": message("y", "x"),
  "a NUL": message("\0", "x"),
};

/** What may be made of a message. */
const forms: Readonly<Record<string, (whole: Buffer) => Buffer>> = {
  whole: (whole) => whole,
  twice: (whole) => Buffer.concat([whole, whole]),
  "without its last byte": (whole) => resized(whole.subarray(0, -1)),
  "with a byte too many": (whole) => resized(Buffer.concat([whole, Buffer.from("x")])),
  "of half its body": (whole) => resized(whole.subarray(0, 5 + ((whole.length - 5) >> 1))),
  "shorter than it says": (whole) => claiming(whole, whole.length + 1),
  "longer than it says": (whole) => claiming(whole, whole.length - 3),
  "of 2 GiB, it says": (whole) => claiming(whole, 2 ** 31 - 1),
};

const resized = (bytes: Buffer) => claiming(bytes, bytes.length - 1);

function claiming(bytes: Buffer, size: number): Buffer {
  const changed = Buffer.from(bytes);
  if (changed.length < 5) return Buffer.concat([changed, Buffer.alloc(5)]);
  changed.writeInt32BE(size, 1);
  return changed;
}

/** Where it stands, and what becomes of the answer that belongs there. */
const moments: Readonly<Record<string, [Place, (odd: Buffer, answer: Buffer) => Buffer[]]>> = {
  "after the login": ["welcome", (odd, answer) => [answer, odd]],
  "instead of the statement's description": ["description", (odd) => [odd]],
  "before the statement's description": ["description", (odd, answer) => [odd, answer]],
  "instead of the description of the rows": ["fields", (odd) => [odd]],
  "after the description of the rows": ["fields", (odd, answer) => [answer, odd]],
  "between rows": ["row", (odd, answer) => [odd, answer]],
  "instead of a row": ["row", (odd) => [odd]],
  "instead of the command's completion": ["completion", (odd) => [odd]],
  "after the command's completion": ["completion", (odd, answer) => [answer, odd]],
  "before the end": ["ready", (odd, answer) => [odd, answer]],
  "after the end": ["ready", (odd, answer) => [answer, odd]],
};

/** What such a server may be told to be, and nothing else. */
const allowed: ReadonlySet<FailureKind> = new Set<FailureKind>(["upstream_lost", "statement_rejected", "too_large"]);

type Way = "page" | "stream";

const ways: Readonly<Record<Way, (session: Required<Session>, call: Call) => Promise<unknown[][]>>> = {
  page: async (session, call) => (await session.query(query, page, call)).batches.flatMap((b) => textRows(b, 1)),
  stream: async (session, call) => {
    const { batches } = await session.stream(query, call);
    return (await Array.fromAsync(batches, (batch) => textRows(batch, 1))).flat();
  },
};

function newCall(): Call {
  // None is so long under way: on a busy machine a shorter one would be what ends it.
  const signal = AbortSignal.timeout(20_000);
  return { signal, deadline: performance.now() + 20_000, enter: () => {}, settling: () => {}, quota: () => {} };
}

/** The rows, or the kind of the failure, of one reading after the other in one session. */
async function* outcomes(
  way: Way,
  place: Place,
  put: (answer: Buffer) => Buffer,
): AsyncGenerator<unknown[][] | string, never> {
  let isPut = false;
  const session = await sessionWithRogue((at, answer) => {
    if (at !== place || isPut) return answer;
    isPut = true;
    return put(answer);
  });
  for (;;) yield await ways[way](session, newCall()).catch(kindOf);
}

const kindOf = (error: unknown) => (error instanceof Failure ? error.kind : `no failure, but ${error}`);

/** They may come at any time, and say nothing of what was asked. */
const asides = ["NoticeResponse", "NotificationResponse", "ParameterStatus"];
/** They are rows, or the end of them: how many there are, the server knows best. */
const telling = ["DataRow", "CommandComplete", "EmptyQueryResponse", "PortalSuspended"];

async function expectOrder(way: Way, name: string, form: string, moment: string): Promise<void> {
  const label = `${name} ${form} ${moment}`;
  const odd = forms[form]?.(messages[name] as Buffer) as Buffer;
  const [place, put] = moments[moment] as (typeof moments)[string];
  const reading = outcomes(way, place, (answer) => Buffer.concat(put(odd, answer)));
  const { value: first } = await reading.next();
  const isAside =
    asides.includes(name) && !form.includes("byte") && !form.includes("it says") && !form.includes("half");
  if (typeof first === "string") expect(allowed, `${label}: ${first}`).toContain(first);
  else if (!telling.includes(name))
    expect(first, label).toEqual(moment === "instead of a row" ? ownRows.slice(0, 1) : ownRows);
  if (isAside && !moment.startsWith("instead")) expect(first, label).toEqual(ownRows);
  // What is odd may still stand before the next answer of its connection; then it is over.
  const later = [(await reading.next()).value, (await reading.next()).value, (await reading.next()).value];
  const failed = later.filter((end) => typeof end === "string");
  expect(failed.length, `${label}, then: ${failed}`).toBeLessThan(2);
  for (const kind of failed) expect(allowed, `${label}, then: ${kind}`).toContain(kind);
  for (const rows of later) if (typeof rows !== "string") expect(rows, `${label}, later`).toEqual(ownRows);
}

const placeIn = (names: Readonly<Record<string, unknown>>, name: string) => Object.keys(names).indexOf(name);

/**
 * Whole, a message stands at every moment. In its other forms it takes turns, outside torture: every form of it
 * is at some moments, every form of some messages is at any moment, and at every moment it has some of its forms.
 */
function isTurn(name: string, form: string, moment: number): boolean {
  return isTorture || form === "whole" || (placeIn(messages, name) + placeIn(forms, form) + moment) % 2 === 0;
}

describe.each(Object.keys(ways) as Way[])("to the reader of a %s", (way) => {
  // Messages are read alike for both; what differs is the order that a stream's steps allow.
  const some = way === "page" || isTorture ? Object.keys(forms) : ["whole", "twice"];
  test.each(Object.keys(messages))("%s, in any form and at any moment, is heeded, ignored or the end", async (name) => {
    for (const form of some) {
      const chosen = Object.keys(moments).filter((_, at) => isTurn(name, form, at));
      await Promise.all(chosen.map((moment) => expectOrder(way, name, form, moment)));
    }
  });
});

describe("a server whose own tables are nonsense", () => {
  const resource: ResourceQuery = {
    kind: "resource",
    resource: "city",
    fields: [],
    filter: undefined,
    orderBy: [],
    limit: undefined,
  };
  const asked: Readonly<Record<string, (session: Required<Session>) => Promise<unknown>>> = {
    query: (session) => session.query(resource, page, newCall()),
    stream: async (session) => Array.fromAsync((await session.stream(resource, newCall())).batches),
    schema: (session) => session.schema(newCall()),
    explain: (session) => session.explain(query, page, newCall()),
    test: (session) => session.test(newCall()),
  };
  const kinds = ["upstream_lost", "upstream_permission_denied", "unknown_resource"];

  test.each(Object.keys(asked))("gives no answer to a %s, or one of its nonsense", async (what) => {
    for (const columns of [0, 1, 2, 5, 7, 9, 12]) {
      for (const cell of [null, "", "x", "t", "1", "[1]", "{}", "\xff"]) {
        const odd: Partial<Record<Place, Buffer>> = {
          description: textFields(...Array.from({ length: columns }, (_, i) => `f${i}`)),
          fields: textFields(...Array.from({ length: columns }, (_, i) => `f${i}`)),
          "first row": row(...Array<string | null>(columns).fill(cell)),
          row: row(...Array<string | null>(columns).fill(cell)),
        };
        const session = await sessionWithRogue((place, answer) => odd[place] ?? answer);
        const end = await asked[what]?.(session).then(
          () => "an answer",
          (error: unknown) => classify(error)?.kind ?? String(error),
        );
        expect([...kinds, "configuration_rejected", "an answer"], `${columns} × ${cell}`).toContain(end);
      }
    }
  });
});
