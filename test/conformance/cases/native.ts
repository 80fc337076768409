/** Statements in the source's own language: read-only, one at a time, with parameters of every kind. */
import { expect } from "vitest";
import type { Parameter } from "../../../src/client/index.ts";
import type { FieldType } from "../../../src/rows/field.ts";
import { allRows, refusalOf } from "../../service/refusal.ts";
import type { Case, Cases, Stage } from "../case.ts";
import type { NativeStatements } from "../fixture.ts";
import { readPages, readStream } from "../reading.ts";
import { kept } from "../tables.ts";

const needs = ["native_query"] as const;

/** Of each kind that a parameter can be, and the text that comes back. */
const parameters: readonly (readonly [FieldType, string, Parameter, string | null])[] = [
  ["bool", "a boolean", true, "t"],
  ["int32", "a number", -2_147_483_648, "-2147483648"],
  ["int64", "a bigint", 9_223_372_036_854_775_807n, "9223372036854775807"],
  ["uint64", "a bigint beyond 63 bits", 18_446_744_073_709_551_615n, "18446744073709551615"],
  ["double", "a number with a fraction", 0.1, "0.1"],
  ["decimal", "a decimal as text", "12345678901234567890.1234567890", "12345678901234567890.1234567890"],
  ["string", "a text", 'it\'s "quoted" \\ `so` 🦉', 'it\'s "quoted" \\ `so` 🦉'],
  ["string", "an empty text", "", ""],
  ["bytes", "bytes", Uint8Array.of(0, 1, 0x27, 0x5c, 0xff), "\\x0001275cff"],
  ["date", "a date as text", "2026-11-22", "2026-11-22"],
  ["timestamp", "a timestamp as text", "2026-11-22 13:45:00.000001", "2026-11-22 13:45:00.000001"],
];

export const nativeCases: Cases = ({ native }) => (native === undefined ? [] : casesOf(native));

function casesOf(native: NativeStatements): Case[] {
  return [
    tenRows(native),
    truncated(native),
    ...parameters.flatMap(([type, what, value, expected]) => {
      const text = native.parameter(type);
      return text === undefined ? [] : [parameter(`${what} of ${type}`, text, value, expected)];
    }),
    ...(["string", "int64"] as const).map((type) =>
      parameter(`null of ${type}`, native.parameter(type) ?? "", null, null),
    ),
    parameterCount(native),
    ...native.stacked.map((text) => refused("several statements at once", text)),
    ...native.writes.map((text) => refused("what would write", text)),
    refused("a syntax error", native.syntaxError),
    refused("an empty statement", " \n"),
    ...(native.failing === undefined ? [] : [failing(native.failing)]),
  ];
}

const tenRows = ({ tenRows }: NativeStatements): Case => ({
  name: "its rows come by a page and by a stream alike",
  needs,
  async run(stage) {
    const page = await readPages(stage, { native: tenRows }, 100);
    expect(page.rows.map(([n]) => n)).toEqual(Array.from({ length: 10 }, (_, i) => `${i + 1}`));
    expect(page.paging).toBe("SINGLE");
    const stream = await readStream(stage, { native: tenRows });
    expect([stream.rows, stream.fields]).toEqual([page.rows, page.fields]);
    expect(stream.trailer).toMatchObject({ rows: 10n });
  },
});

const truncated = ({ tenRows }: NativeStatements): Case => ({
  name: "what is more than a page is cut, and says so",
  needs,
  async run({ client, connectorId }) {
    for (const [pageSize, truncated] of [
      [9, true],
      [10, false],
      [11, false],
    ] as const) {
      const page = await client.query(connectorId, { native: tenRows }, { pageSize });
      expect([page.rows.length, page.truncated, page.nextPageToken]).toEqual([Math.min(pageSize, 10), truncated, ""]);
    }
  },
});

const parameter = (what: string, text: string, value: Parameter, expected: string | null): Case => ({
  name: `a parameter that is ${what} comes back as it is`,
  needs,
  async run(stage) {
    const query = { native: text, parameters: [value] };
    expect((await readPages(stage, query, 10)).rows).toEqual([[expected]]);
    expect((await readStream(stage, query)).rows).toEqual([[expected]]);
  },
});

const parameterCount = (native: NativeStatements): Case => ({
  name: "too few and too many parameters are refused",
  needs,
  async run(stage) {
    const text = native.parameter("string") ?? native.tenRows;
    for (const parameters of [[], ["a", "b"]]) {
      const refusal = await refusalOf(stage.client.query(stage.connectorId, { native: text, parameters }));
      expect(refusal).toMatchObject({ code: "InvalidArgument" });
    }
    expect((await readPages(stage, { native: text, parameters: ["a"] }, 10)).rows).toEqual([["a"]]);
  },
});

/** Refused by every call alike; the data are as they were, and the next call is answered. */
const refused = (what: string, text: string): Case => ({
  name: `${what} is refused: ${JSON.stringify(text.trim())}`,
  needs,
  async run(stage) {
    const { client, connectorId } = stage;
    const query = { native: text };
    const refusal = await refusalOf(client.query(connectorId, query));
    expect(refusal.code).toMatch(/^(InvalidArgument|FailedPrecondition)$/);
    expect(refusal.reason).toMatch(/^(STATEMENT_REJECTED|INVALID_REQUEST|UPSTREAM_PERMISSION_DENIED)$/);
    expect(await refusalOf(allRows(client.stream(connectorId, query)))).toMatchObject({ code: refusal.code });
    await expectKept(stage);
  },
});

/** The rows that statements tried to change are as they were. */
async function expectKept(stage: Stage): Promise<void> {
  if (!stage.definition.capabilities.includes("query")) return;
  expect((await readPages(stage, { resource: kept.name }, 100)).rows).toEqual(kept.rows);
  const refusal = await refusalOf(stage.client.query(stage.connectorId, { resource: "conformance_new" }));
  expect(refusal).toMatchObject({ reason: "UNKNOWN_RESOURCE" });
}

const failing = (text: string): Case => ({
  name: "what fails after some of its rows ends the stream with its error, and never with a trailer",
  needs,
  async run({ client, connectorId }) {
    const stream = client.stream(connectorId, { native: text });
    let rows = 0;
    const reading = (async () => {
      for await (const _ of stream) rows++;
    })();
    expect(await refusalOf(reading)).toMatchObject({ code: "InvalidArgument", reason: "STATEMENT_REJECTED" });
    expect(rows).toBeGreaterThan(0);
    await expect(stream.trailer).rejects.toMatchObject({ reason: "STATEMENT_REJECTED" });
  },
});
