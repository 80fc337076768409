/** What would be sent, without its being run. */
import { expect } from "vitest";
import { and, field } from "../../../src/client/index.ts";
import { Paging } from "../../../src/gen/connector/v1/query_pb.js";
import { refusalOf } from "../../service/refusal.ts";
import type { Cases, Stage } from "../case.ts";
import { untilIdle } from "../stage.ts";
import { kept, keyless } from "../tables.ts";

const needs = ["explain", "query"] as const;

export const explainCases: Cases = ({ native, paging = { keyed: "KEYSET", keyless: "OFFSET" } }) => [
  {
    name: "says what the source itself carries out, and its parameters apart from the statement",
    needs,
    async run({ client, connectorId }) {
      const filter = and(field("id").gt(17), field("text").eq("a canary's text"));
      const query = { resource: kept.name, fields: ["id"], filter, orderBy: ["-text"], limit: 5 };
      const explained = await client.explainQuery(connectorId, query);
      expect(explained.statement).not.toBe("");
      expect(explained.statement).not.toContain("canary");
      expect(explained.parameters).toEqual(expect.arrayContaining(["17", "a canary's text"]));
      expect(explained.pushedDown).toEqual(expect.arrayContaining(["fields", "filter", "order_by", "limit"]));
      expect(explained.paging).toBe(Paging[paging.keyed]);
    },
  },
  {
    name: "says how pages are cut",
    needs,
    run: async ({ client, connectorId }) =>
      expect((await client.explainQuery(connectorId, { resource: keyless.name })).paging).toBe(Paging[paging.keyless]),
  },
  {
    name: "refuses what the query itself refuses, alike",
    needs,
    async run({ client, connectorId }) {
      for (const query of [{ resource: "nowhere" }, { resource: kept.name, fields: ["nothing"] }]) {
        expect(await refusalOf(client.explainQuery(connectorId, query))).toEqual(
          await refusalOf(client.query(connectorId, query)),
        );
      }
    },
  },
  ...(native === undefined
    ? []
    : [
        {
          name: "a native statement is not run",
          needs: ["explain", "native_query"] as const,
          async run(stage: Stage) {
            // It would take a minute.
            const { statement } = await stage.client.explainQuery(stage.connectorId, { native: native.slow });
            expect(statement).toContain(native.slow);
            await untilIdle(stage);
          },
        },
      ]),
];
