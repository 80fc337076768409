/**
 * What a native statement may be: one SELECT, SHOW or EXPLAIN that neither locks nor
 * writes. Pure, and called on another thread for long statements, so it takes and
 * gives plain data.
 */
import type { ParseResult } from "libpg-query";

export type Verdict =
  | { readonly kind: "allowed"; readonly parameters: number }
  /** `at` counts characters from 1. */
  | { readonly kind: "malformed"; readonly message: string; readonly at: number | undefined }
  | { readonly kind: "rejected"; readonly message: string }
  /** The parser gave up: too deep or too large. */
  | { readonly kind: "exhausted" };

/** Judges a parsed statement; without recursion, since trees may be deep. */
export function judge({ stmts = [] }: ParseResult): Verdict {
  if (stmts.length === 0) return reject("There is no statement in it.");
  if (stmts.length > 1) return reject("There is more than one statement in it.");
  const statement = stmts[0]?.stmt as Tree | undefined;
  const [name = ""] = Object.keys(statement ?? {});
  const problem = problemOfRoot(name, statement?.[name] as Tree | undefined);
  return problem === undefined ? judgeInside(statement) : reject(problem);
}

const reject = (message: string): Verdict => ({ kind: "rejected", message });

/** A node as the parser's JSON has it. */
type Tree = Readonly<Record<string, unknown>>;

function problemOfRoot(name: string, root: Tree | undefined): string | undefined {
  if (name === "SelectStmt" || name === "VariableShowStmt") return undefined;
  if (name !== "ExplainStmt") return `${wordsOf(name)} is no query.`;
  const options = (root?.options ?? []) as readonly { DefElem?: { defname?: string } }[];
  if (options.some(({ DefElem }) => DefElem?.defname === "analyze")) return "EXPLAIN ANALYZE runs the statement.";
  const [explained = ""] = Object.keys(root?.query ?? {});
  return explained === "SelectStmt" ? undefined : `EXPLAIN of ${wordsOf(explained)} is no query.`;
}

/** `InsertStmt` as INSERT, `CreateTableAsStmt` as CREATE TABLE AS. */
function wordsOf(name: string): string {
  return name
    .replace(/Stmt$/, "")
    .replace(/(?<=[a-z])(?=[A-Z])/g, " ")
    .toUpperCase();
}

const writers = new Set(["InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt"]);

/** Looks at every node for what writes or locks, and for parameters. */
function judgeInside(statement: unknown): Verdict {
  let parameters = 0;
  const pending: unknown[] = [statement];
  while (pending.length > 0) {
    const node = pending.pop();
    if (typeof node !== "object" || node === null) continue;
    for (const [key, value] of Object.entries(node)) {
      if (writers.has(key)) return reject(`${wordsOf(key)} inside WITH changes data.`);
      if (key === "intoClause") return reject("SELECT INTO makes a table.");
      if (key === "lockingClause") return reject("FOR UPDATE and FOR SHARE lock rows.");
      if (key === "ParamRef") parameters = Math.max(parameters, (value as { number?: number }).number ?? 0);
      if (typeof value === "object") pending.push(value);
    }
  }
  return { kind: "allowed", parameters };
}
