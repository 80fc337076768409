/** What is read is what the API answers, whichever way it is read. */
import { expect } from "vitest";
import { Format, Truncation } from "../../../src/gen/connector/v1/stream_pb.js";
import { type Field, FieldType } from "../../../src/gen/connector/v1/value_pb.js";
import { doubleText } from "../../service/decoding.ts";
import { allRows, refusalOf } from "../../service/refusal.ts";
import { readPages, readStream } from "../reading.ts";
import type { ReadCase } from "./api.ts";

const needs = ["query"] as const;

export const valueCases: readonly ReadCase[] = [
  {
    name: "the schema has what can be read, and fields that are as they are read",
    needs,
    async run(stage) {
      const { resources } = await stage.client.getSchema(stage.connectorId, { pageSize: 1_000 });
      for (const { query } of stage.known) {
        const described = resources.find(({ name }) => name === query.resource);
        const { fields } = await readPages(stage, { ...query, fields: [] }, 100);
        expect(fields.map(({ name, type }) => [name, type])).toEqual(
          described?.fields.map((field) => [field.name, field.type]),
        );
      }
    },
  },
  {
    name: "values are what the API answers",
    needs,
    async run(stage) {
      for (const { query, rows, paths = {} } of stage.known) {
        const read = await readPages(stage, query, 1_000);
        const expected = await rows();
        expect(expected.length).toBeGreaterThan(0);
        expect(read.rows).toHaveLength(expected.length);
        read.fields.forEach((field, at) => {
          const path = field.name in paths ? paths[field.name] : `/${field.name}`;
          if (path === undefined) return;
          const cells = read.rows.map((row) => readCell(row[at] ?? null, field));
          expect(cells, `${query.resource}.${field.name}`).toEqual(
            expected.map((row) => writtenCell(valueAt(row, path), field)),
          );
        });
      }
    },
  },
  {
    name: "small pages, a large one and streams of both formats give the same rows",
    needs,
    async run(stage) {
      for (const { query, texts, isLarge } of stage.known) {
        if (!isLarge) expect((await readPages(stage, query, 1)).rows).toEqual(texts);
        expect((await readStream(stage, query)).rows).toEqual(texts);
        expect((await readStream(stage, query, Format.VALUES)).rows).toEqual(texts);
      }
    },
  },
  {
    name: "all rows, and those of a limit, come between one header and one trailer, which counts them",
    needs,
    async run(stage) {
      const [{ query, texts }] = stage.known;
      for (const format of [Format.PACKED, Format.VALUES, Format.UNSPECIFIED]) {
        for (const limit of [undefined, Math.max(1, texts.length - 1), texts.length + 1]) {
          const expected = texts.slice(0, limit);
          const { rows, parts, trailer } = await readStream(stage, { ...query, ...(limit && { limit }) }, format);
          expect(rows).toEqual(expected);
          expect([parts[0], parts.at(-1)]).toEqual(["header", "trailer"]);
          const part = format === Format.PACKED ? "packed" : "values";
          expect(new Set(parts.slice(1, -1))).toEqual(new Set([part]));
          const truncated = expected.length === limit ? Truncation.LIMIT : Truncation.UNSPECIFIED;
          expect(trailer).toMatchObject({ rows: BigInt(expected.length), truncated, attempts: 1 });
        }
      }
    },
  },
  {
    name: "several streams and pages at once each get their own rows",
    needs,
    async run(stage) {
      await Promise.all(
        stage.known.flatMap(({ query, texts }) => [
          expect(readStream(stage, query)).resolves.toMatchObject({ rows: texts }),
          expect(readPages(stage, query, 1_000)).resolves.toMatchObject({ rows: texts }),
        ]),
      );
    },
  },
  {
    name: "fields come as they are listed, and each by itself",
    needs,
    async run(stage) {
      for (const { query, fields, texts } of stage.known) {
        const names = fields.map(({ name }) => name).reverse();
        const turned = await readPages(stage, { ...query, fields: names }, 1_000);
        expect(turned.fields.map(({ name }) => name)).toEqual(names);
        expect(turned.rows).toEqual(texts.map((row) => row.toReversed()));
        const [single] = fields;
        const { rows } = await readPages(stage, { ...query, fields: [single?.name ?? ""] }, 1_000);
        expect(rows).toEqual(texts.map(([cell]) => [cell]));
      }
    },
  },
  {
    name: "a fields list with a name twice is refused",
    needs,
    async run({ client, connectorId, known: [{ query, fields }] }) {
      const name = fields[0]?.name ?? "";
      const refusal = await refusalOf(client.query(connectorId, { ...query, fields: [name, name] }));
      expect(refusal).toMatchObject({ code: "InvalidArgument", fields: ["query.fields"] });
    },
  },
  {
    name: "what would be sent is told without values",
    needs: ["explain"],
    async run({ client, connectorId, known }) {
      for (const { query } of known) {
        const { statement, parameters } = await client.explainQuery(connectorId, query);
        expect(statement).toMatch(/^(?:GET|POST) \/\S*(?: |$)/m);
        // What the connector always sends stands there as it is; what is asked for does not.
        for (const value of Object.values(query.where ?? {})) {
          expect(statement).not.toContain(`=${encodeURIComponent(String(value))}`);
          expect(parameters).toContain(String(value));
        }
      }
    },
  },
  {
    name: "resources and fields that are not there are refused with the nearest name",
    needs,
    async run({ client, connectorId, known }) {
      const [{ query, fields }] = known;
      const resource = await refusalOf(client.query(connectorId, { ...query, resource: `${query.resource}x` }));
      expect(resource).toMatchObject({
        code: "InvalidArgument",
        reason: "UNKNOWN_RESOURCE",
        fields: ["query.resource"],
      });
      expect(resource.message).toContain(query.resource);
      const { name = "" } = fields.find((field) => field.name.length > 3) ?? {};
      const wrong = { ...query, fields: [`${name}x`] };
      const field = await refusalOf(client.query(connectorId, wrong));
      expect(field).toMatchObject({ code: "InvalidArgument", reason: "UNKNOWN_FIELD", fields: ["query.fields[0]"] });
      expect(field.descriptions[0]).toContain(name);
      expect(await refusalOf(allRows(client.stream(connectorId, wrong)))).toEqual(field);
      expect(await refusalOf(client.explainQuery(connectorId, wrong))).toEqual(field);
    },
  },
  {
    name: "the schema has a resource by the beginning of its name, and nothing by a name that there is not",
    needs: ["schema"],
    async run({ client, connectorId, known: [{ query }] }) {
      const found = await client.getSchema(connectorId, { namePrefix: query.resource, refresh: true });
      expect(found.resources.map(({ name }) => name)).toContain(query.resource);
      expect((await client.getSchema(connectorId, { namePrefix: "no such resource" })).resources).toEqual([]);
    },
  },
];

/** By a JSON pointer. */
function valueAt(row: unknown, path: string): unknown {
  const steps = path.split("/").slice(1);
  return steps.reduce<unknown>((value, step) => (value as Record<string, unknown> | null)?.[step], row) ?? null;
}

/** What a cell says, so that two spellings of one value are equal. */
function readCell(cell: string | null, { type }: Field): unknown {
  if (cell === null) return null;
  if (type === FieldType.JSON) return JSON.parse(cell);
  if (type === FieldType.BOOL) return cell === "t";
  if (type === FieldType.TIMESTAMP_TZ) return new Date(cell.replace(" ", "T").replace(/\+00$/, "Z")).toISOString();
  return cell;
}

/** What the API wrote, by the type that the field is said to have. */
function writtenCell(value: unknown, { type }: Field): unknown {
  if (value === null || type === FieldType.JSON || type === FieldType.BOOL) return value;
  if (type === FieldType.TIMESTAMP_TZ) return new Date(String(value)).toISOString();
  if (type === FieldType.FLOAT || type === FieldType.DOUBLE) return doubleText(Number(value));
  return typeof value === "number" ? String(value) : value;
}
