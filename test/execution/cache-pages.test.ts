import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodePage, encodePage } from "../../src/execution/cache/encoded-page.ts";
import { keptPage, pageOf } from "../../src/execution/cache/kept-page.ts";
import type { Page } from "../../src/providers/contract.ts";
import { PackedWriter } from "../../src/rows/packed.ts";
import { ValueEncoder } from "../../src/rows/values.ts";
import { cellTable, pack } from "../rows/cells.ts";
import { pageWith, rowsOf } from "./cache-questions.ts";

const packedField = 2;
const rowsField = 1;

/** Everything that is ever sent of a page, in every form. */
function sent({ batches, ...page }: Page) {
  const values = batches.map((batch) =>
    Buffer.from(new ValueEncoder(page.fields, rowsField).encode(batch)).toString("hex"),
  );
  const messages = batches.map((batch) => Buffer.from(batch.message).toString("hex"));
  const envelopes = batches.map((batch) => Buffer.from(batch.envelope(packedField)).toString("hex"));
  return { page, values, messages, envelopes, rows: rowsOf({ ...page, batches }) };
}

/** Batches of one writer, as a source makes them. */
const pages = fc.integer({ min: 0, max: 5 }).chain((fieldCount) => {
  const cells = cellTable().map(({ rows }) =>
    rows.map((row) => Array.from({ length: fieldCount }, (_, i) => row[i] ?? null)),
  );
  return fc.array(cells, { maxLength: 3 }).map((tables): Page => {
    const writer = new PackedWriter();
    return { ...pageWith([], fieldCount), batches: tables.map((rows) => pack(rows, writer)) };
  });
});

const readTime = new Date("2026-11-22T18:00:00.123Z");

describe("any page", () => {
  test("is sent the same, byte for byte, whether it was kept or not", () => {
    fc.assert(
      fc.property(pages, (page) => {
        expect(sent(pageOf(keptPage(page, readTime, 0)))).toEqual(sent(page));
      }),
    );
  });

  test("is the same when it comes back as bytes", () => {
    fc.assert(
      fc.property(pages, fc.option(fc.string(), { nil: undefined }), fc.boolean(), (page, continuation, truncated) => {
        const kept = keptPage({ ...page, continuation, truncated }, readTime, 1_234);
        const decoded = decodePage(encodePage(kept));
        expect(decoded).toStrictEqual(kept);
        expect(sent(pageOf(decoded))).toEqual(sent({ ...page, continuation, truncated }));
      }),
    );
  });

  test("is refused when its bytes are cut short or go on", () => {
    const encoded = encodePage(keptPage(pageWith([["a", "b"]]), readTime, 0));
    for (let size = 0; size < encoded.length; size++) expect(() => decodePage(encoded.subarray(0, size))).toThrow();
    expect(() => decodePage(Buffer.concat([encoded, Buffer.of(0)]))).toThrow();
  });
});

test("what is kept outlives the release of the batches it was made of, and of those it became", () => {
  const rows = [
    ["first", null],
    ["", "second"],
  ];
  const page = pageWith(rows);
  const kept = keptPage(page, readTime, 0);
  const [one, other] = [pageOf(kept), pageOf(kept)];
  for (const batch of [...page.batches, ...one.batches]) batch.release();
  // Takes the memory that was released.
  const writer = new PackedWriter();
  for (let i = 0; i < 5; i++)
    pack(
      [
        ["overwritten", "overwritten"],
        ["overwritten", "overwritten"],
      ],
      writer,
    );
  for (const batch of one.batches) batch.buffer.fill(0xff);
  expect(rowsOf(other)).toEqual(rows);
  expect(rowsOf(pageOf(kept))).toEqual(rows);
});
