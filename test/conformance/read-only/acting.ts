/** An API that is only read says so to whoever wants to change it. */
import { expect } from "vitest";
import { refusalOf } from "../../service/refusal.ts";
import type { ReadCase } from "./api.ts";

const needs = ["execute"] as const;

export const actingCases: readonly ReadCase[] = [
  {
    name: "what nobody has declared how to change is not changed",
    needs,
    async run({ client, connectorId, known, unchanged: resource }) {
      const fields = known.find(({ query }) => query.resource === resource)?.fields ?? [];
      const values = { [fields[0]?.name ?? ""]: null };
      const where = values;
      for (const action of [
        { create: resource, rows: [values] },
        { update: resource, values, where },
      ]) {
        const refusal = await refusalOf(client.execute(connectorId, action));
        expect(refusal).toMatchObject({ code: "Unimplemented", reason: "UNSUPPORTED", where: "connector" });
        expect(refusal.message).toContain(`\`${resource}\``);
      }
    },
  },
  {
    name: "an action that there is not is refused by its name",
    needs,
    async run({ client, connectorId }) {
      const refusal = await refusalOf(client.execute(connectorId, { action: "no.such.action", input: {} }));
      expect(refusal).toMatchObject({ code: "InvalidArgument", fields: ["named.name"] });
    },
  },
];
