/** Order, limits and pages of rows that are as they are. */
import { expect } from "vitest";
import { field } from "../../../src/client/index.ts";
import { refusalOf } from "../../service/refusal.ts";
import { changedCase, foreignCase } from "../cases/paging.ts";
import { readPages, readStream } from "../reading.ts";
import { fieldsByType, filtered, isComparable, type ReadCase } from "./api.ts";
import { compared, someValue } from "./filter.ts";

const needs = ["query"] as const;

/** Rows that are read in so many pages at most, one at a time. */
const maxPages = 40;

export const orderCases: readonly ReadCase[] = [
  {
    name: "an order that the API has is that of the values, nulls last; any other is refused",
    needs,
    async run(stage) {
      const { client, connectorId, isMock } = stage;
      for (const known of filtered(stage)) {
        for (const each of fieldsByType(known)) {
          for (const descending of [false, true]) {
            const query = { ...known.query, orderBy: [{ field: each.name, descending }] };
            if (!each.isOrdered || !isComparable(each)) {
              const refusal = await refusalOf(client.query(connectorId, query));
              expect(refusal).toMatchObject({ code: "InvalidArgument", reason: "INVALID_REQUEST" });
              expect(refusal.fields[0]).toMatch(/^query\.order_by\[0\]\.(?:field|descending)$/);
              continue;
            }
            expect((await client.explainQuery(connectorId, query)).pushedDown).toContain("order_by");
            if (isMock) continue;
            const { rows } = await readPages(stage, query, 2);
            const cells = rows.map((row) => row[each.at] ?? null);
            const sign = descending ? -1 : 1;
            const inOrder = known.texts
              .flatMap((row) => row[each.at] ?? [])
              .toSorted((one, other) => sign * compared(one, other, each));
            expect(cells).toEqual([...inOrder, ...cells.filter((cell) => cell === null)]);
          }
        }
      }
    },
  },
];

export const pagingCases: readonly ReadCase[] = [
  {
    name: "pages of every size have each row once, and the last leads nowhere",
    needs,
    async run(stage) {
      for (const { query, texts } of filtered(stage)) {
        const { length } = texts;
        for (const size of new Set([1, 2, length - 1, length, length + 1])) {
          if (size < 1 || length / size > maxPages) continue;
          const { rows, sizes } = await readPages(stage, query, size);
          expect(rows).toEqual(texts);
          expect(sizes).toHaveLength(Math.ceil(length / size));
        }
      }
    },
  },
  {
    name: "pages say how they are cut, as an explanation does",
    needs: ["query", "explain"],
    async run(stage) {
      for (const { query } of stage.known) {
        const { paging } = await stage.client.query(stage.connectorId, query);
        const explained = await stage.client.explainQuery(stage.connectorId, query);
        expect(["offset", "source", "keyset"]).toContain(paging);
        expect((await readPages(stage, query, 1_000)).paging.toLowerCase()).toBe(paging);
        expect(explained.pushedDown.includes("page_token")).toBe(paging === "source");
      }
    },
  },
  {
    name: "a limit holds over all pages, and over a stream",
    needs,
    async run(stage) {
      for (const { query, texts } of filtered(stage)) {
        for (const [limit, size] of [
          [1, 3],
          [2, 1],
          [3, 2],
          [1_000, 100],
        ] as const) {
          const expected = texts.slice(0, limit);
          expect((await readPages(stage, { ...query, limit }, size)).rows).toEqual(expected);
          expect((await readStream(stage, { ...query, limit })).rows).toEqual(expected);
        }
      }
    },
  },
  {
    name: "a filter and a fields list hold over all pages",
    needs,
    async run(stage) {
      for (const known of filtered(stage)) {
        const each = fieldsByType(known).find((other) => isComparable(other) && other.operators.length === 0);
        if (each === undefined) continue;
        const value = someValue(known, each);
        const query = { ...known.query, fields: [each.name], filter: field(each.name).le(value) };
        const expected = known.texts.flatMap((row) => {
          const cell = row[each.at] ?? null;
          return cell !== null && compared(cell, value, each) <= 0 ? [[cell]] : [];
        });
        expect((await readPages(stage, query, 1)).rows).toEqual(expected);
      }
    },
  },
  {
    name: "a filter that nothing fits gives no rows, and the fields all the same",
    needs,
    async run(stage) {
      for (const known of filtered(stage)) {
        const each = known.fields.find(
          ({ isFree, operators, at }) =>
            isFree && operators.length === 0 && known.texts.every((row) => row[at] !== null),
        );
        if (each === undefined) continue;
        const isNull = field(each.name).isNull();
        const query = { ...known.query, filter: isNull };
        const page = await readPages(stage, query, 10);
        const stream = await readStream(stage, query);
        expect(page.fields.map(({ name }) => name)).toEqual(known.fields.map(({ name }) => name));
        expect(stream.fields).toEqual(page.fields);
        expect([page.rows, stream.rows, stream.trailer.rows]).toEqual([[], [], 0n]);
      }
    },
  },
];

/** Where there is more than one page. */
export const tokenCases: readonly ReadCase[] = [
  changedCase,
  foreignCase(async ({ probe: { query } }) => ({ ...query, limit: 1 })),
];
