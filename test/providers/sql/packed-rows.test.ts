import fc from "fast-check";
import { expect, test } from "vitest";
import { packedRows } from "../../../src/providers/sql/packed-rows.ts";
import { readPage } from "../../../src/providers/sql/page.ts";
import type { Row } from "../../../src/providers/sql/run.ts";
import type { Field } from "../../../src/rows/field.ts";
import { textRows } from "../../../src/rows/page.ts";
import { cellTable } from "../../rows/cells.ts";

const never = new AbortController().signal;

test("rows come through as they are, in batches of a stream's size", async () => {
  await fc.assert(
    fc.asyncProperty(cellTable(), fc.constantFrom(1, 40), async ({ rows, fieldCount }, times) => {
      const all = Array.from({ length: times }, () => rows).flat();
      const found: Row[] = [];
      for await (const batch of packedRows(all, never)) {
        expect(batch.size).toBeLessThan(250_000);
        found.push(...textRows(batch, fieldCount));
      }
      expect(found).toEqual(all);
    }),
    { numRuns: 60 },
  );
});

test("rows without end are ended when their reader goes, or its signal aborts", async () => {
  let ended = 0;
  function* rows() {
    try {
      for (let i = 0; ; i++) yield [`${i}`];
    } finally {
      ended++;
    }
  }
  for await (const batch of packedRows(rows(), never)) {
    expect(batch.rows).toBeGreaterThan(0);
    break;
  }
  expect(ended).toBe(1);

  const controller = new AbortController();
  const aborted = packedRows(rows(), controller.signal);
  await aborted.next();
  controller.abort(new Error("enough"));
  await expect(aborted.next()).rejects.toThrow("enough");
  expect(ended).toBe(2);
});

test("rows that come before an error come before it to their reader, too", async () => {
  function* rows() {
    yield ["1"];
    yield ["2"];
    throw new Error("no more");
  }
  const packed = packedRows(rows(), never);
  const { value } = await packed.next();
  expect(value && textRows(value, 1)).toEqual([["1"], ["2"]]);
  await expect(packed.next()).rejects.toThrow("no more");
});

test("a page ends where it should, and says that more follow", async () => {
  const fields: Field[] = [{ name: "n", type: "int32", nullable: true, nativeType: "int" }];
  const plan = { text: "SELECT n", parameters: [], fields, paging: "single", select: undefined } as const;
  const rows: Row[] = [["1"], [null], ["3"]];
  const packed = packedRows(rows, never);
  const batches = { next: async () => (await packed.next()).value };
  const { page, cut } = await readPage(batches, plan, { size: 2, maxBytes: 1_000 });
  expect(page.batches.flatMap((batch) => textRows(batch, 1))).toEqual([["1"], [null]]);
  expect({ cut, truncated: page.truncated }).toEqual({ cut: false, truncated: true });
});
