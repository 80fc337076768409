/** Orders by every type, in both directions: nulls last, in one page and over many. */
import { expect } from "vitest";
import { refusalOf } from "../../service/refusal.ts";
import type { Case, Cases } from "../case.ts";
import { readPages, readStream } from "../reading.ts";
import { columnOf, kept, logic, typed } from "../tables.ts";
import { typesOf } from "../values.ts";

const needs = ["query"] as const;
const pageSize = 2;

export const orderCases: Cases = (fixture) => {
  const { name: resource, rows } = typed(fixture);
  const typeCases = typesOf(fixture).flatMap(([type, { ascending, ordered }]) =>
    [false, true].map((descending): Case => {
      const query = { resource, fields: ["id"], orderBy: [{ field: columnOf(type), descending }] };
      const places = ascending.map((_, at) => at);
      const values = descending ? places.toReversed() : places;
      const nulls = rows.map((_, at) => at).slice(ascending.length);
      return {
        name: `${type} ${descending ? "descending" : "ascending"}: nulls come last, pages go on where they ended`,
        needs,
        async run(stage) {
          if (ordered === false && (await isRefused(readStream(stage, query)))) return;
          const { rows: all, sizes } = await readPages(stage, query, pageSize);
          const ids = all.map(([id]) => Number(id));
          // The key, which makes the order unique, runs in the order's own direction.
          const expected = [...values, ...(descending ? nulls.toReversed() : nulls)];
          if (ordered !== false) expect(ids).toEqual(expected);
          else
            expect([ids.toSorted(), ids.slice(values.length)]).toEqual([
              expected.toSorted(),
              expected.slice(values.length),
            ]);
          expect(sizes.every((size) => size <= pageSize)).toBe(true);
          const streamed = (await readStream(stage, query)).rows.map(([id]) => Number(id));
          expect(streamed.slice(0, values.length)).toEqual(ids.slice(0, values.length));
        },
      };
    }),
  );
  return [...typeCases, ...severalKeys];
};

/** Whether a type that has no order says so. */
async function isRefused(reading: Promise<unknown>): Promise<boolean> {
  if ((await reading.catch(() => undefined)) !== undefined) return false;
  expect(await refusalOf(reading)).toMatchObject({
    code: "InvalidArgument",
    reason: "INVALID_REQUEST",
    fields: ["query.order_by[0].field"],
    message: expect.stringContaining("have no order"),
  });
  return true;
}

const severalKeys: Case[] = (
  [
    ["a, b", ["a", "b"], [4, 5, 3, 7, 8, 6, 1, 2, 0]],
    ["a descending, b", ["-a", "b"], [7, 8, 6, 4, 5, 3, 1, 2, 0]],
    ["a, b descending", ["a", "-b"], [5, 4, 3, 8, 7, 6, 2, 1, 0]],
    ["a descending, b descending", ["-a", "-b"], [8, 7, 6, 5, 4, 3, 2, 1, 0]],
    ["b, id descending", ["b", "-id"], [7, 4, 1, 8, 5, 2, 6, 3, 0]],
  ] as const
).map(([name, orderBy, expected]) => ({
  name: `${name}: each key decides where those before it are equal`,
  needs,
  async run(stage) {
    for (const pageSize of [1, 2, 4, 100]) {
      const { rows } = await readPages(stage, { resource: logic.name, fields: ["id"], orderBy }, pageSize);
      expect(rows.map(([id]) => Number(id))).toEqual(expected);
    }
  },
}));

severalKeys.push({
  name: "an order by a field that is not returned is the same",
  needs,
  async run(stage) {
    const { rows, fields } = await readPages(stage, { resource: kept.name, fields: ["text"], orderBy: ["-id"] }, 7);
    expect(fields.map(({ name }) => name)).toEqual(["text"]);
    expect(rows.map(([text]) => text)).toEqual(kept.rows.map(([, text]) => text).toReversed());
  },
});
