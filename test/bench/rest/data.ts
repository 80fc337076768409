/** What the API has, and how a connector declares it. */
import type { ConnectorGiven } from "../support/stages.ts";

/** So many make a document of 2 KB. */
export const itemsPerBatch = 18;

export interface Item {
  readonly id: number;
  readonly batch: number;
  readonly name: string;
  readonly price: string;
  readonly active: boolean;
  readonly created: string;
}

function itemOf(batch: number, place: number): Item {
  const id = batch * itemsPerBatch + place;
  const created = new Date(1_700_000_000_000 + id * 1_000).toISOString();
  return { id, batch, name: `item ${id} of many`, price: `${id % 1_000}.50`, active: id % 2 === 0, created };
}

export function itemsOf(batch: number): readonly Item[] {
  return Array.from({ length: itemsPerBatch }, (_, place) => itemOf(batch, place));
}

export function batchOf(batch: number): string {
  return JSON.stringify({ data: itemsOf(batch), total: itemsPerBatch });
}

/** The cells of all items of a batch, as the service gives them. */
export function cellsOf(batch: number): readonly (readonly string[])[] {
  return itemsOf(batch).map(({ id, batch: own, name, price, active, created }) => [
    ...[String(id), String(own), name, price, active ? "t" : "f"],
    // As PostgreSQL writes a time in UTC.
    `${created.replace("T", " ").replace(/\.?0*Z$/, "")}+00`,
  ]);
}

/** Rows of the large resource, as JSON. */
export function measurementsFrom(from: number, to: number, separator = ","): string {
  const rows: string[] = [];
  for (let id = from; id < to; id++) {
    rows.push(`{"id":${id},"sensor":"sensor ${id % 97}","value":${id % 1_000}.25,"ok":${id % 3 !== 0},"note":null}`);
  }
  return rows.join(separator);
}

const field = (name: string, type: string) => ({ name, type });

const measurement = [
  field("id", "int64"),
  field("sensor", "string"),
  field("value", "decimal"),
  field("ok", "bool"),
  field("note", "string"),
];

export function apiConnector(port: number): ConnectorGiven {
  const lines = { rows: { format: "ndjson" }, fields: measurement };
  return {
    provider: "rest",
    config: {
      base_url: `http://127.0.0.1:${port}/`,
      authentication: { type: "bearer" },
      resources: [
        {
          ...{ name: "items", path: "/items", primary_key: ["id"], rows: { format: "json", path: "/data" } },
          fields: [
            ...[field("id", "int64"), field("batch", "int32"), field("name", "string"), field("price", "decimal")],
            ...[field("active", "bool"), field("created", "timestamp_tz")],
          ],
          filters: [{ field: "batch" }],
        },
        {
          ...{ name: "measurements", path: "/measurements", primary_key: ["id"] },
          ...{ rows: { format: "json", path: "/data" }, fields: measurement },
          paging: { style: "token", parameter: "cursor", next: "/next" },
        },
        { name: "silent", path: "/silent", ...lines },
        { name: "endless", path: "/endless", ...lines },
      ],
    },
    credential: { type: "bearer", token: "a-token-of-the-benchmark" },
  };
}
