/** Filters, compiled and run. */
import type { Comparison, FilterNode, Operand, Operator } from "../../../src/providers/contract.ts";
import { postgresqlDialect } from "../../../src/providers/postgresql/dialect.ts";
import type { SqlResource } from "../../../src/providers/sql/dialect.ts";
import type { Run } from "../../../src/providers/sql/run.ts";
import { compileSelect } from "../../../src/providers/sql/select.ts";

export const text = (value: string): Operand => ({ kind: "text", value });
export const integer = (value: bigint): Operand => ({ kind: "integer", value });

export const compare = (field: string, operator: Operator, ...values: Operand[]): Comparison => ({
  kind: "compare",
  field,
  operator,
  values,
  path: "query.filter.compare",
});

/** The values of one field in the rows that a filter selects. */
export async function select(run: Run, resource: SqlResource, filter: FilterNode, field: string) {
  const { name } = resource;
  const query = { kind: "resource", resource: name, fields: [field], filter, orderBy: [], limit: undefined } as const;
  const compiled = compileSelect({ dialect: postgresqlDialect, resource, query });
  return (await run(compiled.text, compiled.parameters)).map((row) => row[0] ?? null);
}
