/** Streams: header, batches, trailer; both formats alike; slow readers. */
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "vitest";
import { createConnectorClient } from "../../../src/client/index.ts";
import { Format, Truncation } from "../../../src/gen/connector/v1/stream_pb.js";
import type { Case, Cases } from "../case.ts";
import { readStream } from "../reading.ts";
import { big, kept, keyless, many, typed } from "../tables.ts";
import { pausingCases } from "./pausing.ts";

const needs = ["query"] as const;
const formats = { PACKED: Format.PACKED, VALUES: Format.VALUES };
/** Asked for, and given. */
const asked = [
  ["PACKED", Format.PACKED, "packed"],
  ["VALUES", Format.VALUES, "values"],
  ["no format", Format.UNSPECIFIED, "values"],
] as const;
const lengths = [
  ["all", undefined, many.rows.length, Truncation.UNSPECIFIED],
  ["a limit's", 7_000, 7_000, Truncation.LIMIT],
  ["a distant limit's", 20_000, many.rows.length, Truncation.UNSPECIFIED],
] as const;

export const streamCases: Cases = (fixture) => [
  ...asked.flatMap(([name, format, part]) =>
    lengths.map(
      ([which, limit, count, truncated]): Case => ({
        name: `${which} rows by ${name} come between one header and one trailer, which counts them`,
        needs,
        async run(stage) {
          const query = { resource: many.name, orderBy: ["number"], ...(limit === undefined ? {} : { limit }) };
          const { rows, parts, trailer } = await readStream(stage, query, format);
          expect(rows.map(([, number]) => Number(number))).toEqual(Array.from({ length: count }, (_, i) => i));
          expect([parts[0], parts.at(-1)]).toEqual(["header", "trailer"]);
          expect(new Set(parts.slice(1, -1))).toEqual(new Set([part]));
          expect(trailer).toMatchObject({ rows: BigInt(count), truncated, attempts: 1 });
          expect(trailer.bytes).toBeGreaterThan(BigInt(count) * 5n);
          expect(trailer.timings?.total).toBeDefined();
        },
      }),
    ),
  ),
  ...[typed(fixture), many, keyless, big].map(
    ({ name: resource, rows }): Case => ({
      name: `PACKED and VALUES agree cell by cell on ${resource}, and with what was written`,
      needs,
      async run(stage) {
        const query = { resource, ...(resource === keyless.name ? {} : { orderBy: [rowsOrder(resource)] }) };
        const [packed, values] = await Promise.all(
          Object.values(formats).map((format) => readStream(stage, query, format)),
        );
        expect(packed?.fields).toEqual(values?.fields);
        // Not by a matcher, which would print megabytes.
        expect(JSON.stringify(packed?.rows) === JSON.stringify(values?.rows)).toBe(true);
        expect(packed?.rows).toHaveLength(rows.length);
        if (resource === big.name) expect(JSON.stringify(packed?.rows) === JSON.stringify(rows)).toBe(true);
      },
    }),
  ),
  {
    name: "the fields of a stream come as they are listed, and its rows as filtered",
    needs,
    async run(stage) {
      const query = { resource: kept.name, fields: ["note", "id"], where: { note: "note 2" }, orderBy: ["-id"] };
      const { rows, fields } = await readStream(stage, query);
      expect(fields.map(({ name }) => name)).toEqual(["note", "id"]);
      const expected = kept.rows.filter(([, , note]) => note === "note 2").map(([id, , note]) => [note, id]);
      expect(rows).toEqual(expected.toReversed());
    },
  },
  {
    name: "several streams and pages at once each get their own rows",
    needs,
    async run(stage) {
      const ids = Array.from({ length: 20 }, (_, i) => i + 1);
      const found = await Promise.all(
        ids.map((id) => readStream(stage, { resource: kept.name, fields: ["text"], where: { id } })),
      );
      expect(found.map(({ rows }) => rows)).toEqual(ids.map((id) => [[`text ${id}`]]));
    },
  },
  {
    name: "a slow reader gets every row",
    needs,
    async run({ service, connectorId }) {
      const { url, token } = service;
      // A small window, so that what is not read yet waits at the service and at the source.
      const client = createConnectorClient({ url, token, windowBytes: 65_536 });
      try {
        const stream = client.stream(connectorId, {
          resource: big.name,
          orderBy: ["id"],
        });
        let last = -1;
        for await (const batch of stream.batches()) {
          for (const { id, text } of batch) {
            expect(Number(id)).toBe(++last);
            if (text !== big.rows[last]?.[1]) throw new Error(`Row ${last} has another row's text.`);
          }
          await delay(2);
        }
        expect(last).toBe(big.rows.length - 1);
        expect(await stream.trailer).toMatchObject({ rows: BigInt(big.rows.length) });
      } finally {
        client.close();
      }
    },
  },
  ...pausingCases(fixture),
];

function rowsOrder(resource: string): string {
  return resource === many.name ? "number" : "id";
}
