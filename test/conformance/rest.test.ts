import type { JsonValue } from "@bufbuild/protobuf";
import pg from "pg";
import type { FieldType } from "../../src/rows/field.ts";
import { rowsOf } from "../service/source.ts";
import { freshDatabase } from "../support/postgres.ts";
import { type ApiColumn, restApi } from "../support/rest-api.ts";
import { baseUrl } from "./apis/network.ts";
import { providerConformance } from "./conformance.ts";
import type { Column, Fixture, OpenedSource, Table, Target } from "./fixture.ts";
import { sqlTables, standardLiteral } from "./sql.ts";

const types = {
  ...{ bool: "boolean", int32: "int4", int64: "int8", uint64: "numeric(20)", float: "float4", double: "float8" },
  ...{ decimal: "numeric(30,10)", string: "text", bytes: "bytea", date: "date", time: "time" },
  ...{ timestamp: "timestamp", timestamp_tz: "timestamptz", uuid: "uuid", json: "json", enum: "mood" },
} satisfies Fixture["types"];

const forms: Partial<Record<FieldType, ApiColumn["form"]>> = {
  ...{ bool: "bool", int32: "raw", int64: "raw", uint64: "raw", float: "raw", double: "raw", decimal: "raw" },
  ...{ json: "raw", bytes: "base64", timestamp: "clock", timestamp_tz: "instant" },
};

const token = "a good 'token'";

/** Of some types the API compares all, of some equality, and of the others nothing: that is left to the service. */
const compared: Partial<Record<FieldType, readonly string[]>> = {
  int32: ["eq", "ne", "lt", "le", "gt", "ge", "in"],
  decimal: ["eq", "gt"],
  string: ["eq", "in", "starts_with", "contains"],
  timestamp_tz: ["ge", "lt"],
};

function filtersOf({ name, type }: Column, place: number) {
  const more = { field: name, repeatable: true };
  return [
    ...(compared[type] ?? []).map((operator) => {
      const list = operator === "in" ? { separator: "," } : {};
      return { ...more, operators: [operator], parameter: `c${place}[${operator}]`, ...list };
    }),
    ...(type === "bool" ? [] : [["is_null", "true"] as const, ["is_not_null", "false"] as const]).map(
      ([operator, value]) => ({ ...more, operators: [operator], parameter: `c${place}[is_null]`, value }),
    ),
  ];
}

/** What a connector declares of one table. */
function resourceOf({ name, columns, key }: Table) {
  const path = `/tables/${encodeURIComponent(name)}`;
  const names = columns.map((column, place) => ({ field: column.name, name: `c${place}` }));
  const size = { parameter: "limit", max: 250 };
  const keyed = { style: "token", parameter: "cursor", next: "/paging/next", size };
  const keyless = { style: "offset", parameter: "offset", more: "/paging/more", size };
  const [own = ""] = key;
  const item = { path: `${path}/{${own}}`, returns: { format: "json" } };
  const lookup = { path: item.path, rows: { format: "json" } };
  return {
    ...{ name, path, primary_key: key, rows: { format: "json", path: "/data" } },
    fields: columns.map((column) => ({
      ...{ name: column.name, type: column.type, nullable: column.nullable ?? true },
      ...(column.type === "enum" ? { labels: ["sad", "ok", "happy"] } : {}),
    })),
    paging: key.length > 0 ? keyed : keyless,
    filters: columns.flatMap(filtersOf),
    order: {
      parameter: "order",
      fields: names.filter((_, place) => columns[place]?.type !== "json"),
      separator: ",",
      ascending: "{name} asc",
      descending: "{name} desc",
    },
    select: { parameter: "fields", fields: names },
    lookups: key.length === 1 && /^\w+$/.test(own) ? [lookup] : [],
    changes: {
      create: { method: "POST", path, returns: { format: "json" } },
      ...(key.length === 1
        ? {
            update: { method: "PATCH", ...item },
            delete: { method: "DELETE", path: item.path },
            upsert: { method: "PUT", ...item },
          }
        : {}),
    },
  };
}

async function open(): Promise<OpenedSource> {
  const database = await freshDatabase();
  const own = new pg.Client({ connectionString: database.url, application_name: "the suite" });
  await own.connect();
  const run = (statement: string) => rowsOf(own, statement);
  await run("CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy')");
  const api = await restApi(database.url, token);
  const sql = sqlTables({ types, quote: pg.escapeIdentifier, literal: standardLiteral, run });
  const served: Table[] = [];
  return {
    get target() {
      return targetOf(api.port, served);
    },
    ...sql,
    async create(tables) {
      await sql.create(tables);
      for (const table of tables) {
        const columns = table.columns.map(({ name, type }): ApiColumn => {
          return { name, sqlType: types[type as keyof typeof types], form: forms[type] ?? "text" };
        });
        api.serve({ name: table.name, columns, key: table.key });
        served.push(table);
      }
    },
    forbid: async ({ name }) => api.forbid(name),
    running: async () => api.running(),
    async close() {
      await api.stop();
      await own.end();
      await database.drop();
    },
  };
}

function targetOf(port: number, tables: readonly Table[]): Target {
  return {
    config: {
      base_url: `http://127.0.0.1:${port}`,
      authentication: { type: "bearer" },
      resources: tables.map(resourceOf) as unknown as JsonValue,
    },
    credential: { type: "bearer", token },
  };
}

const at = (target: Target, url: string): Target => ({ ...target, config: { ...target.config, base_url: url } });

providerConformance("rest", {
  types,
  // In JSON a null is none of its documents.
  lacks: { json: ["null"] },
  declared: true,
  paging: { keyed: "SOURCE", keyless: "OFFSET" },
  changes: "single_rows",
  network: baseUrl,
  mistakes: {
    credential: (target) => ({ ...target, credential: { type: "bearer", token: "not the token" } }),
    database: (target) => at(target, `${target.config.base_url}/nowhere`),
    tls: (target) => at(target, String(target.config.base_url).replace("http:", "https:")),
  },
  open,
});
