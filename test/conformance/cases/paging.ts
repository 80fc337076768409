/** Pages by token to the end: each row once, whatever comes and goes meanwhile. */
import { randomUUID } from "node:crypto";
import { expect } from "vitest";
import type { QueryInput } from "../../../src/client/index.ts";
import { refusalOf } from "../../service/refusal.ts";
import type { Case, CaseOf, Cases, Scene } from "../case.ts";
import type { Table } from "../fixture.ts";
import { readPages } from "../reading.ts";
import { kept, keyless, many } from "../tables.ts";

const needs = ["query"] as const;

/** Rows 10, 20, … 400; `value` repeats and is null for every fourth. */
function moving(): Table {
  const id = { name: "id", type: "int32", nullable: false } as const;
  return {
    name: `moving_${randomUUID().slice(-12)}`,
    columns: [id, { name: "value", type: "int32" }],
    key: ["id"],
    rows: Array.from({ length: 40 }, (_, i) => [`${(i + 1) * 10}`, i % 4 === 0 ? null : `${i % 3}`]),
  };
}

/** Reads while rows come before and behind every place that was read; the old ones must come once each and in order. */
function whileRowsCome(keyed: string, name: string, orderBy: readonly string[], pageSize: number): Case {
  return {
    name: `by ${name}, ${pageSize} at a time, while rows are inserted before and behind: each old row once`,
    needs,
    async run(stage) {
      const table = moving();
      await stage.create([table]);
      let added = 0;
      const { rows, paging } = await readPages(
        stage,
        { resource: table.name, fields: ["id", "value"], orderBy },
        pageSize,
        async () => {
          // None of the old rows' ids, over the whole range, with every value.
          added++;
          const news = [0, 130, 260, 390].map((from, i) => [`${from + added}`, i === 3 ? null : `${i}`]);
          if (added % 10 !== 0) await stage.source.insert(table, news);
        },
      );
      expect(paging).toBe(keyed);
      const ids = rows.map(([id]) => Number(id));
      expect(new Set(ids).size, "no row twice").toBe(ids.length);
      const old = ids.filter((id) => id % 10 === 0);
      expect(old.toSorted((a, b) => a - b)).toEqual(table.rows.map(([id]) => Number(id)));
      expect(rows).toEqual(rows.toSorted(inOrder(orderBy)));
    },
  };
}

/** Compares rows of id and value by an order that the id is part of at its end. */
function inOrder(orderBy: readonly string[]) {
  const keys = orderBy.map((key) => ({ at: key.endsWith("id") ? 0 : 1, sign: key.startsWith("-") ? -1 : 1 }));
  const last = { at: 0, sign: keys.at(-1)?.sign ?? 1 };
  return (one: (string | null)[], other: (string | null)[]): number => {
    for (const { at, sign } of [...keys, last]) {
      const [x, y] = [one[at] ?? null, other[at] ?? null];
      if (x === y) continue;
      if (x === null || y === null) return x === null ? 1 : -1;
      return sign * (Number(x) - Number(y));
    }
    return 0;
  };
}

export const pagingCases: Cases = ({
  paging: { keyed, keyless: positioned } = { keyed: "KEYSET", keyless: "OFFSET" },
}) => [
  whileRowsCome(keyed, "the key", [], 7),
  whileRowsCome(keyed, "the key descending", ["-id"], 7),
  whileRowsCome(keyed, "a field with nulls", ["value"], 3),
  whileRowsCome(keyed, "a field with nulls descending", ["-value"], 3),
  whileRowsCome(keyed, "a field with nulls and the key against it", ["value", "-id"], 6),
  ...[1, 19, 20, 21].map(
    (pageSize): Case => ({
      name: `${pageSize} at a time of 20 rows: all of them, and the last page leads nowhere`,
      needs,
      async run(stage) {
        const { rows, sizes } = await readPages(stage, { resource: kept.name }, pageSize);
        expect(rows).toEqual(kept.rows);
        expect(sizes).toHaveLength(Math.ceil(20 / pageSize));
      },
    }),
  ),
  {
    name: "by a key of two fields: 10,050 rows once each",
    needs,
    async run(stage) {
      const { rows, paging } = await readPages(stage, { resource: many.name, orderBy: ["-part"] }, 3_000);
      expect(paging).toBe(keyed);
      const expected = many.rows.toSorted((x, y) => Number(y[0]) - Number(x[0]) || Number(y[1]) - Number(x[1]));
      expect(rows).toEqual(expected);
    },
  },
  {
    name: "without a key: by position, and it says so",
    needs,
    async run(stage) {
      const { rows, paging } = await readPages(stage, { resource: keyless.name, orderBy: ["value"] }, 5);
      expect(paging).toBe(positioned);
      expect(rows).toEqual(keyless.rows);
    },
  },
  {
    name: "a limit holds over all pages",
    needs,
    async run(stage) {
      for (const [limit, pageSize] of [
        [7, 3],
        [6, 3],
        [1, 3],
        [100, 15],
      ] as const) {
        const { rows } = await readPages(stage, { resource: kept.name, orderBy: ["-id"], limit }, pageSize);
        expect(rows).toEqual(kept.rows.toReversed().slice(0, limit));
      }
    },
  },
  {
    name: "a filter and a fields list hold over all pages",
    needs,
    async run(stage) {
      const query = { resource: kept.name, fields: ["text"], where: { note: ["note 1"] } };
      const { rows } = await readPages(stage, query, 2);
      expect(rows).toEqual(kept.rows.filter(([, , note]) => note === "note 1").map(([, text]) => [text]));
    },
  },
  ...Object.entries(otherQueries).map(
    ([what, query]): Case => ({ ...foreignCase(async () => query), name: `a page token is refused for ${what}` }),
  ),
  changedCase,
];

/** The token that leads on from the first page. */
async function tokenOf({ client, connectorId, probe: { query, rows } }: Scene): Promise<string> {
  const { nextPageToken } = await client.query(connectorId, query, { pageSize: rows.length >> 1 });
  expect(nextPageToken).not.toBe("");
  return nextPageToken;
}

const otherQueries: Readonly<Record<string, QueryInput>> = {
  "another resource": { resource: keyless.name },
  "other fields": { resource: kept.name, fields: ["id"] },
  "another order": { resource: kept.name, orderBy: ["-id"] },
  "another filter": { resource: kept.name, where: { id: 7 } },
};

const refused = { code: "InvalidArgument", reason: "INVALID_PAGE_TOKEN" };

/** A token, and another query than the one that it was given for. */
export const foreignCase = (other: (scene: Scene) => Promise<QueryInput>): CaseOf<Scene> => ({
  name: "a page token is refused for another query",
  needs,
  async run(scene) {
    const pageToken = await tokenOf(scene);
    const asked = scene.client.query(scene.connectorId, await other(scene), { pageToken });
    expect(await refusalOf(asked)).toMatchObject(refused);
  },
});

export const changedCase: CaseOf<Scene> = {
  name: "a page token that was changed is refused, and so is another connector's",
  needs,
  async run(scene) {
    const pageToken = await tokenOf(scene);
    const middle = pageToken.length >> 1;
    const changed = `${pageToken.slice(0, middle)}${pageToken[middle] === "A" ? "B" : "A"}${pageToken.slice(middle + 1)}`;
    const other = await scene.connector({});
    for (const [id, token] of [
      [scene.connectorId, changed],
      [scene.connectorId, "' OR 1=1 --"],
      [other, pageToken],
    ] as const) {
      expect(await refusalOf(scene.client.query(id, scene.probe.query, { pageToken: token }))).toMatchObject(refused);
    }
  },
};
