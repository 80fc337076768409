/** What a server's plan tells, in whatever form it comes. */
import { expect, inject, test } from "vitest";
import { readPlan } from "../../../src/providers/mysql/explain.ts";
import { runMysql } from "../../support/mysql-client.ts";
import { numbersUpTo } from "../../support/mysql-server.ts";

test("MySQL's own estimates are those of the result", () => {
  const joined = {
    nested_loop: [{ table: { rows_produced_per_join: 10 } }, { table: { rows_produced_per_join: 40 } }],
  };
  const plan = { query_block: { select_id: 1, cost_info: { query_cost: "12.50" }, ...joined } };
  expect(readPlan(JSON.stringify(plan))).toEqual({ plan: [plan], estimatedRows: 40, estimatedCost: 12.5 });
});

test("MySQL's own estimates are those of the result in its second form, too", () => {
  const plan = {
    query: "/* select#1 */ …",
    query_plan: { estimated_rows: 40, estimated_total_cost: 12.5, inputs: [] },
  };
  expect(readPlan(JSON.stringify(plan))).toEqual({ plan: [plan], estimatedRows: 40, estimatedCost: 12.5 });
});

test("of several tables MariaDB tells no rows of the result", () => {
  const plan = { query_block: { nested_loop: [{ table: { rows: 10 } }, { table: { rows: 40 } }] } };
  expect(readPlan(JSON.stringify(plan))).toEqual({ plan: [plan] });
});

test("a plan whose texts hold quotes is read all the same", async () => {
  const rows = await runMysql(
    inject("mariadbUrl"),
    `EXPLAIN FORMAT=JSON SELECT * FROM (SELECT seq FROM ${numbersUpTo(10)} LIMIT 5) s WHERE CONCAT(seq, 'x') <> 'a "quoted" \\\\ text'`,
  );
  const { plan } = readPlan(String(rows[0]?.[0]));
  expect(JSON.stringify(plan)).toContain('a \\"quoted\\"');
});

test("what is no plan at all tells nothing", () => {
  expect(readPlan("EXPLAIN")).toEqual({});
});
