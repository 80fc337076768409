/** What every case reads: one row of a small table, by its primary key. */
import pg from "pg";
import type { PageRequest, ResourceQuery } from "../../../src/providers/contract.ts";

const rows = 10_000;
const table = "public.cities";
const page: PageRequest = { size: 100, continuation: undefined, maxBytes: 2_000_000 };

export async function makeTable(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(
      `CREATE TABLE ${table} (id int PRIMARY KEY, name text NOT NULL, country text NOT NULL, population bigint)`,
    );
    await client.query(
      `INSERT INTO ${table} SELECT i, ${nameOf("i")}, 'XY', i * 7919::bigint FROM generate_series(1, ${rows}) AS i`,
    );
    await client.query(`VACUUM (FREEZE, ANALYZE) ${table}`);
  } finally {
    await client.end();
  }
}

const nameOf = (id: string) => `'city ' || ${id}`;

/** The row that the so manieth call reads. */
export function idOf(call: number): number {
  return 1 + (call % rows);
}

export const statement = `SELECT id, name, country, population FROM ${table} WHERE id = $1`;

/** The four cells of a row, as the database gives them. */
export function cellsOf(id: number): readonly string[] {
  return [String(id), `city ${id}`, "XY", String(id * 7919)];
}

export function questionFor(id: number): { readonly query: ResourceQuery; readonly page: PageRequest } {
  const values = [{ kind: "integer", value: BigInt(id) }] as const;
  const filter = { kind: "compare", field: "id", operator: "eq", values, path: "query.where.id" } as const;
  return { query: { kind: "resource", resource: table, fields: [], filter, orderBy: [], limit: undefined }, page };
}
