/** What the run's server of MySQL's kind is: MariaDB, or another that TEST_MYSQL_URL names. */
import { inject } from "vitest";
import { runMysql } from "./mysql-client.ts";

const [[version, zero] = []] = await runMysql(inject("mariadbUrl"), "SELECT VERSION(), CAST('-0' AS DOUBLE)");

export const isMariadb = /mariadb/i.test(version ?? "");

/** MariaDB has kept it up to a version. */
export const keepsNegativeZero = zero === "-0";

/** Major, minor and patch level. */
export const versionNumbers = (version ?? "").split(/[.-]/).slice(0, 3).map(Number);

/** The table of connections; MySQL's old one fails at a statement with characters beyond the first 65,536. */
export const processlist = isMariadb ? "information_schema.PROCESSLIST" : "performance_schema.processlist";

const digits = [...Array(10).keys()].map((digit) => `SELECT ${digit}`).join(" UNION ALL ");

/** A table of the numbers from 1 on, in its column `seq`, in no order: MySQL has no `seq_1_to_10`. */
export function numbersUpTo(count: number): string {
  if (isMariadb) return `seq_1_to_${count}`;
  const places = [...String(count)].map((_, place) => place);
  const sum = places.map((place) => `p${place}.d * ${10 ** place}`).join(" + ");
  const from = places.map((place) => `digit p${place}`).join(", ");
  return `(WITH digit (d) AS (${digits}) SELECT 1 + ${sum} AS seq FROM ${from} WHERE ${sum} < ${count}) numbers`;
}
