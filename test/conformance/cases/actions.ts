/** Actions: what Execute does at the source, and what of it shows to a query. */
import { randomUUID } from "node:crypto";
import { expect } from "vitest";
import { valueFrom } from "../../../src/client/value.ts";
import type { Cases } from "../case.ts";
import { readPages } from "../reading.ts";
import { kept } from "../tables.ts";

export const actionCases: Cases = () => [
  {
    name: "rows that are created can be queried, with every value",
    needs: ["execute", "query"],
    async run(stage) {
      const { client, connectorId, source } = stage;
      const table = { ...kept, name: `made_${randomUUID().slice(-12)}`, rows: [] };
      await source.create([table]);
      const rows = [
        [1, 'it\'s "quoted" \\ 🦉', null],
        [2, "'); DROP TABLE conformance_kept; --", "note"],
      ];
      await client.rpc.execute({
        connectorId,
        action: {
          case: "create",
          value: {
            resource: table.name,
            fields: ["id", "text", "note"],
            rows: rows.map((row) => ({ values: row.map(valueFrom) })),
          },
        },
      });
      const expected = rows.map((row) => row.map((cell) => (cell === null ? null : String(cell))));
      expect((await readPages(stage, { resource: table.name }, 10)).rows).toEqual(expected);
    },
  },
];
