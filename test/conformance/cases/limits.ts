/** How much one call gives, and how often calls are let through. */
import { expect } from "vitest";
import { field } from "../../../src/client/index.ts";
import { queryOf } from "../../../src/client/query.ts";
import { refusalOf } from "../../service/refusal.ts";
import type { CaseOf, Cases, Scene, Stage } from "../case.ts";
import { readPages } from "../reading.ts";
import { big, kept, many } from "../tables.ts";

const needs = ["query"] as const;
/** Cells of a page at most, with the row that goes beyond; the contract says about 3 MB. */
const pageBytes = 3_200_000;
/** Once in a time that ends with no test. */
const seldom = 0.002;

export const limitCases: Cases = () => [
  ...(
    [
      [0, 100],
      [1, 1],
      [9_999, 9_999],
      [10_001, 10_000],
      [2_000_000_000, 10_000],
    ] as const
  ).map(([asked, given]) => ({
    name: `a page of ${asked} rows has ${given}`,
    needs,
    async run({ client, connectorId }: Stage) {
      const { rows, nextPageToken } = await client.query(connectorId, { resource: many.name }, { pageSize: asked });
      expect(rows).toHaveLength(given);
      expect(nextPageToken).not.toBe("");
    },
  })),
  {
    name: "a page is cut by its bytes, and the pages have each row once",
    needs,
    async run(stage) {
      const { rows, sizes } = await readPages(stage, { resource: big.name, fields: ["text"], orderBy: ["id"] }, 10_000);
      expect(Math.max(...sizes) * 10_000).toBeLessThan(pageBytes);
      expect(sizes.length).toBeLessThan(25);
      expect(JSON.stringify(rows) === JSON.stringify(big.rows.map(([, text]) => [text]))).toBe(true);
    },
  },
  ...rateCases(),
  {
    name: "more calls at once than the connector may have wait, and are all answered",
    needs,
    async run(stage) {
      const id = await stage.connector({ policy: { maxConcurrency: 2 } });
      const answers = await Promise.all(
        Array.from({ length: 12 }, (_, i) => stage.client.query(id, { resource: kept.name, where: { id: i + 1 } })),
      );
      expect(answers.map(({ rows }) => rows[0]?.text)).toEqual(Array.from({ length: 12 }, (_, i) => `text ${i + 1}`));
    },
  },
  {
    name: "a filter of too many operands or levels is refused before anything is sent",
    needs,
    async run({ client, connectorId }) {
      const query = queryOf({
        resource: kept.name,
        filter: field("id").in(Array.from({ length: 1_001 }, (_, i) => i)),
      });
      const refusal = await refusalOf(client.rpc.query({ connectorId, query }));
      expect(refusal).toMatchObject({ code: "InvalidArgument", where: "request" });
    },
  },
];

/** How often a connector of any source is asked. */
export const rateCases = (): readonly CaseOf<Scene>[] => [
  {
    name: "calls beyond the connector's rate limit are refused, and told when to come again",
    needs,
    async run(stage) {
      const id = await stage.connector({ policy: { callsPerSecond: seldom } });
      const { query, rows } = stage.probe;
      expect((await stage.client.query(id, query, { pageSize: 100 })).rows).toHaveLength(rows.length);
      const refusal = refusalOf(stage.client.query(id, query));
      expect(await refusal).toMatchObject({ code: "ResourceExhausted", reason: "RATE_LIMITED", where: "rate_limit" });
      const streaming = Array.fromAsync(stage.client.stream(id, query));
      await expect(streaming).rejects.toMatchObject({ reason: "RATE_LIMITED", retryAfterMs: expect.any(Number) });
    },
  },
];
