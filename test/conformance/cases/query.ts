/** One page of a resource: its fields, nothing found, and names that there are not. */
import { expect } from "vitest";
import { field, type QueryInput } from "../../../src/client/index.ts";
import { allRows, refusalOf } from "../../service/refusal.ts";
import type { Case, Cases } from "../case.ts";
import { readPages, readStream } from "../reading.ts";
import { empty, kept, typed } from "../tables.ts";

const needs = ["query"] as const;

export const queryCases: Cases = (fixture) => [
  {
    name: "all fields come in the resource's order, with their types and whether they can be null",
    needs,
    async run(stage) {
      const { fields } = await readPages(stage, { resource: kept.name }, 1);
      expect(fields.map(({ name, nullable }) => [name, nullable])).toEqual([
        ["id", false],
        ["text", false],
        ["note", true],
      ]);
      expect(fields.every(({ nativeType }) => nativeType !== "")).toBe(true);
    },
  },
  {
    name: "fields come as they are listed",
    needs,
    async run(stage) {
      const fields = typed(fixture)
        .columns.map(({ name }) => name)
        .toReversed();
      const page = await readPages(stage, { resource: typed(fixture).name, fields }, 100);
      expect(page.fields.map(({ name }) => name)).toEqual(fields);
      const [note, id] = (await readPages(stage, { resource: kept.name, fields: ["note", "id"] }, 1)).rows[0] ?? [];
      expect([note, id]).toEqual([null, "1"]);
    },
  },
  {
    name: "the resource's full name, as GetSchema shows it, names the same",
    needs: ["query", "schema"],
    async run(stage) {
      const { resources } = await stage.client.getSchema(stage.connectorId, { namePrefix: kept.name });
      const { rows } = await readPages(stage, { resource: resources[0]?.name ?? "" }, 100);
      expect(rows).toEqual(kept.rows);
    },
  },
  ...Object.entries({
    "an empty resource": { resource: empty.name },
    "a filter that nothing fits": { resource: kept.name, filter: field("id").gt(1_000), orderBy: ["text"] },
  }).map(
    ([what, query]): Case => ({
      name: `${what} gives no rows, and its fields all the same`,
      needs,
      async run(stage) {
        const page = await readPages(stage, query, 10);
        expect([page.rows, page.sizes, page.fields.map(({ name }) => name)]).toEqual([[], [0], ["id", "text", "note"]]);
        const stream = await readStream(stage, query);
        expect([stream.rows, stream.parts, stream.trailer.rows]).toEqual([[], ["header", "trailer"], 0n]);
        expect(stream.fields.map(({ name }) => name)).toEqual(["id", "text", "note"]);
      },
    }),
  ),
  ...unknownNames,
  ...wrongShapes,
];

interface Unknown {
  readonly query: QueryInput;
  readonly reason: "UNKNOWN_RESOURCE" | "UNKNOWN_FIELD";
  readonly at: string;
  readonly near: string;
}

const unknown: Readonly<Record<string, Unknown>> = {
  resource: {
    query: { resource: "conformance_kpet" },
    reason: "UNKNOWN_RESOURCE",
    at: "query.resource",
    near: kept.name,
  },
  field: {
    query: { resource: kept.name, fields: ["id", "txet"] },
    reason: "UNKNOWN_FIELD",
    at: "query.fields[1]",
    near: "text",
  },
  "field of a filter": {
    query: { resource: kept.name, filter: field("nore").eq("x") },
    reason: "UNKNOWN_FIELD",
    at: "query.filter.compare.field",
    near: "note",
  },
  "field of the short form": {
    query: { resource: kept.name, where: { tex: "x" } },
    reason: "UNKNOWN_FIELD",
    at: "query.where.tex",
    near: "text",
  },
  "field of an order": {
    query: { resource: kept.name, orderBy: ["id", "-notes"] },
    reason: "UNKNOWN_FIELD",
    at: "query.order_by[1].field",
    near: "note",
  },
};

const unknownNames = Object.entries(unknown).map(
  ([what, { query, reason, at, near }]): Case => ({
    name: `an unknown ${what} is refused where it stands, with the nearest name`,
    needs,
    async run({ client, connectorId }) {
      const refusal = await refusalOf(client.query(connectorId, query));
      expect(refusal).toMatchObject({ code: "InvalidArgument", reason, where: "request", fields: [at] });
      expect(refusal.descriptions[0]).toContain("Did you mean");
      expect(refusal.descriptions[0]).toContain(near);
      expect(await refusalOf(allRows(client.stream(connectorId, query)))).toEqual(refusal);
    },
  }),
);

const wrongShapes = [
  {
    name: "a fields list with a name twice is refused",
    needs,
    async run({ client, connectorId }) {
      const refusal = await refusalOf(client.query(connectorId, { resource: kept.name, fields: ["id", "id"] }));
      expect(refusal).toMatchObject({ code: "InvalidArgument", fields: ["query.fields"] });
    },
  },
] satisfies Case[];
