/** GetSchema: the suite's tables as they were made. */
import { expect } from "vitest";
import { type Resource, ResourceKind, SchemaView } from "../../../src/gen/connector/v1/schema_pb.js";
import { FieldType as WireType } from "../../../src/gen/connector/v1/value_pb.js";
import type { Case, Cases, Stage } from "../case.ts";
import { type Table, typeIn } from "../fixture.ts";
import { big, empty, hostile, kept, keyless, logic, many, odd, typed } from "../tables.ts";

const needs = ["schema"] as const;

async function described({ client, connectorId }: Stage, { name }: Table): Promise<Resource> {
  const { resources } = await client.getSchema(connectorId, { namePrefix: name });
  const found = resources.find(({ localName }) => localName === name);
  if (found === undefined) throw new Error(`The schema does not have ${name}.`);
  return found;
}

export const schemaCases: Cases = (fixture) => [
  ...[typed(fixture), logic, kept, empty, many, keyless, big, hostile, odd].map(
    (table): Case => ({
      name: `${JSON.stringify(table.name)} has its fields in order, with type and nullability, and its key`,
      needs,
      async run(stage) {
        const resource = await described(stage, table);
        expect(resource.fields.map(({ name, type, nullable }) => [name, WireType[type], nullable])).toEqual(
          table.columns.map(({ name, type, nullable = true }) => [
            name,
            typeIn(fixture.types, type).toUpperCase(),
            nullable,
          ]),
        );
        expect(resource.fields.filter(({ nativeType }) => nativeType === "")).toEqual([]);
        expect(resource.primaryKey).toEqual(table.key);
        expect([ResourceKind.TABLE, ResourceKind.COLLECTION]).toContain(resource.kind);
      },
    }),
  ),
  ...("enum" in fixture.types ? [enumCase(typed(fixture))] : []),
  {
    name: "names begin with the prefix that is asked for",
    needs,
    async run({ client, connectorId }) {
      const { resources } = await client.getSchema(connectorId, { namePrefix: "conformance_k" });
      expect(resources.map(({ localName }) => localName)).toEqual([kept.name, keyless.name]);
    },
  },
  {
    name: "pages have each resource once, in the order of their names",
    needs,
    async run({ client, connectorId }) {
      const all: string[] = [];
      let pageToken = "";
      do {
        const page = await client.getSchema(connectorId, { pageSize: 2, pageToken, view: SchemaView.BASIC });
        all.push(...page.resources.map(({ localName }) => localName));
        pageToken = page.nextPageToken;
      } while (pageToken !== "");
      expect(new Set(all).size).toBe(all.length);
      expect(all).toEqual(expect.arrayContaining([kept.name, many.name, odd.name]));
      expect(all).toEqual(all.toSorted());
    },
  },
  ...(fixture.declared ? [] : [laterCase]),
  {
    name: "what it shows of fields is what a query's own fields say",
    needs: ["schema", "query"],
    async run(stage) {
      const { fields } = await described(stage, typed(fixture));
      const page = await stage.client.query(stage.connectorId, { resource: typed(fixture).name, limit: 1 });
      const pick = ({ name, type, elementType, nativeType, nullable }: (typeof page.fields)[number]) => {
        return { name, type, elementType, nativeType, nullable };
      };
      expect(fields.map((each) => pick(each as never))).toEqual(page.fields.map(pick));
    },
  },
];

function enumCase(table: Table): Case {
  return {
    name: "the labels of an enum, in their order",
    needs,
    async run(stage) {
      const { fields } = await described(stage, table);
      const labels = fields.find(({ type }) => type === WireType.ENUM)?.enumLabels;
      expect(labels).toEqual(["sad", "ok", "happy"]);
    },
  };
}

const laterCase: Case = {
  name: "a table that has come is there when the schema is read anew",
  needs,
  async run(stage) {
    const { client, connectorId } = stage;
    const table = { ...kept, name: "conformance_later" };
    await client.getSchema(connectorId);
    await stage.source.create([table]);
    const before = await client.getSchema(connectorId, { namePrefix: table.name });
    expect(before.resources).toEqual([]);
    const { resources } = await client.getSchema(connectorId, { namePrefix: table.name, refresh: true });
    expect(resources.map(({ localName }) => localName)).toEqual([table.name]);
  },
};
