/** Every type's values come back to the letter, through every format. */
import { expect } from "vitest";
import { field } from "../../../src/client/index.ts";
import { Format } from "../../../src/gen/connector/v1/stream_pb.js";
import { FieldType as WireType } from "../../../src/gen/connector/v1/value_pb.js";
import { canonical } from "../../service/decoding.ts";
import type { Case, Cases, Stage } from "../case.ts";
import { readPages, readStream } from "../reading.ts";
import { columnOf, extreme } from "../tables.ts";
import { typesOf, valuesOf } from "../values.ts";

const needs = ["query"] as const;

export const valueCases: Cases = (fixture) => {
  const { name: resource, rows } = extreme(fixture);
  const types = typesOf(fixture).map(([type]) => type);
  const formats = {
    PACKED: (stage: Stage, fields: string[]) => readStream(stage, { resource, fields, orderBy: ["id"] }, Format.PACKED),
    VALUES: (stage: Stage, fields: string[]) => readStream(stage, { resource, fields, orderBy: ["id"] }, Format.VALUES),
    pages: (stage: Stage, fields: string[]) => readPages(stage, { resource, fields }, 4),
  };
  return [
    ...types.flatMap((type, i) =>
      Object.entries(formats).map(
        ([how, read]): Case => ({
          name: `${type}, every value and null, by ${how}`,
          needs,
          async run(stage) {
            const { fields, rows: cells } = await read(stage, [columnOf(type)]);
            expect(fields.map((each) => [WireType[each.type], each.nullable])).toEqual([[type.toUpperCase(), true]]);
            const written = rows.map((row) => [row[i + 1] ?? null]);
            expect(cells).toEqual(canonical(written, fields));
          },
        }),
      ),
    ),
    ...types
      .filter((type) => valuesOf[type]?.ordered !== false)
      .map(
        (type): Case => ({
          name: `${type}, every value that was read finds its row`,
          needs,
          async run(stage) {
            const at = types.indexOf(type) + 1;
            for (const row of rows) {
              const cell = row[at] ?? null;
              // Zero has a sign to the letter and none to be compared by: it finds its other one, too.
              if (cell === null || ((type === "float" || type === "double") && Number(cell) === 0)) continue;
              const found = await readPages(
                stage,
                { resource, fields: ["id"], filter: field(columnOf(type)).eq(cell) },
                10,
              );
              expect([cell, found.rows]).toEqual([cell, [[row[0]]]]);
            }
          },
        }),
      ),
    {
      name: "all types in one row, by every format alike",
      needs,
      async run(stage) {
        const [packed, values, pages] = await Promise.all(Object.values(formats).map((read) => read(stage, [])));
        expect(packed?.rows).toHaveLength(rows.length);
        expect(values?.rows).toEqual(packed?.rows);
        expect(pages?.rows).toEqual(packed?.rows);
        expect(values?.fields).toEqual(packed?.fields);
        expect(pages?.fields).toEqual(packed?.fields);
        expect(packed?.rows).toEqual(canonical(rows, packed?.fields ?? []));
      },
    },
  ];
};
