/**
 * What a native statement may be: one SELECT, SHOW or EXPLAIN that neither locks nor
 * writes, and reads and calls nothing of the system's that a query must not. Pure, and
 * called on another thread for long statements, so it takes and gives plain data.
 */
import type { ParseResult } from "libpg-query";
import { isShownSetting } from "./settings.ts";
import { type Findings, look, type Reference, type Tree, treeOf } from "./statement-parts.ts";

export type Verdict =
  | {
      readonly kind: "allowed";
      readonly parameters: number;
      /** What only the server's catalogue can tell the effects of. */
      readonly references: readonly Reference[];
    }
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
  const problem = problemOfRoot(name, treeOf(statement, name));
  return problem === undefined ? judgeInside(statement) : reject(problem);
}

const reject = (message: string): Verdict => ({ kind: "rejected", message });

function problemOfRoot(name: string, root: Tree): string | undefined {
  if (name === "SelectStmt") return undefined;
  if (name === "VariableShowStmt") return problemOfShow(String(root.name ?? ""));
  if (name === "ExplainStmt") return problemOfExplain(root);
  return `${wordsOf(name)} is no query.`;
}

function problemOfShow(name: string): string | undefined {
  if (name === "all") return "SHOW ALL would show settings that can hold paths and secrets.";
  return isShownSetting(name) ? undefined : `The setting \`${name}\` is not among those that a query may show.`;
}

/** Options that describe the plan; ANALYZE, and what goes with it, would run the statement. */
const explainOptions = new Set(["verbose", "costs", "settings", "generic_plan", "memory", "summary", "format"]);

function problemOfExplain(root: Tree): string | undefined {
  for (const option of (root.options ?? []) as readonly unknown[]) {
    const name = String(treeOf(option, "DefElem").defname ?? "");
    if (name === "analyze") return "EXPLAIN ANALYZE runs the statement.";
    if (!explainOptions.has(name)) return `EXPLAIN with ${name.toUpperCase()} is not allowed.`;
  }
  const [explained = ""] = Object.keys(root.query ?? {});
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

/** Looks at every node for what writes, locks or reaches further, and for parameters. */
function judgeInside(statement: unknown): Verdict {
  let parameters = 0;
  const references = new Map<string, Reference>();
  const found: Findings = {
    refer: (reference) => references.set(keyOf(reference), reference),
  };
  const pending: unknown[] = [statement];
  while (pending.length > 0) {
    const node = pending.pop();
    if (typeof node !== "object" || node === null) continue;
    for (const [key, value] of Object.entries(node)) {
      if (writers.has(key)) return reject(`${wordsOf(key)} inside WITH changes data.`);
      if (key === "intoClause") return reject("SELECT INTO makes a table.");
      if (key === "lockingClause") return reject("FOR UPDATE and FOR SHARE lock rows.");
      if (typeof value !== "object" || value === null) continue;
      if (key === "ParamRef") parameters = Math.max(parameters, (value as { number?: number }).number ?? 0);
      const problem = look(key, value as Tree, found);
      if (problem !== undefined) return reject(problem);
      pending.push(value);
    }
  }
  return { kind: "allowed", parameters, references: [...references.values()] };
}

/** One text for one reference. No name holds a NUL. */
export function keyOf({ kind, schema, name }: Reference): string {
  return `${kind}\0${schema ?? ""}\0${name}`;
}
