/** What is asked of a database that acts, and what is told of it: the same for every engine. */
import { expect } from "vitest";
import type { Failure } from "../../../src/failure.ts";
import type { Action, ActionRequest } from "../../../src/providers/contract/action.ts";
import type { Call, Comparison, Operand, Session } from "../../../src/providers/contract.ts";
import { textRows } from "../../../src/rows/page.ts";
import { callFor } from "./asking.ts";

export const text = (value: string): Operand => ({ kind: "text", value });
export const integer = (value: bigint): Operand => ({ kind: "integer", value });
export const none: Operand = { kind: "null" };

export const is = (field: string, operator: Comparison["operator"], ...values: Operand[]): Comparison => {
  return { kind: "compare", field, operator, values, path: "update.filter.compare" };
};

export const refusal = (work: Promise<unknown>) =>
  work.then(
    () => expect.fail("it was done"),
    (error: unknown) => error as Failure,
  );

/** The cities that there are. */
export const before = ["1 Zürich 447082", "2 Genève -", "3 Bern 134794"];

export const newCity = (...rows: Operand[][]): Action => ({
  ...{ kind: "create", resource: "city", fields: ["name", "people"], rows },
});

export async function executeBy(
  session: Required<Session>,
  action: Action,
  options: Partial<ActionRequest> = {},
  call: Call = callFor(20_000),
) {
  const request = { dryRun: false, maxAffectedRows: undefined, returning: [], maxBytes: 1_000_000, ...options, action };
  const result = await session.execute(request, call);
  const rows = result.batches.flatMap((batch) => textRows(batch, result.fields.length));
  return { affectedRows: result.affectedRows, statement: result.statement, rows };
}
