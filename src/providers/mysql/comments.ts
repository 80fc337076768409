/** Comments, in which MySQL and MariaDB find more than a reader does. */
import { words } from "../sql/words.ts";

/** Why a text can't be read (`malformed`), or must not be sent (`rejected`). */
export interface Problem {
  readonly kind: "malformed" | "rejected";
  readonly message: string;
}

/**
 * Where the comment that begins at a place ends; undefined when none begins there.
 *
 * `#` and `-- ` comment to the end of the line, the latter only with a blank or the end
 * behind it. Comments in `/*` don't nest. What is in `/*!` is executed.
 *
 * @see https://dev.mysql.com/doc/refman/9.1/en/comments.html
 */
export function endOfComment(text: string, at: number): number | Problem | undefined {
  const character = text[at];
  if (character === "#") return endOfLine(text, at);
  if (character === "-") return text[at + 1] === "-" ? endOfDashes(text, at) : undefined;
  if (character !== "/" || text[at + 1] !== "*") return undefined;
  if (/^m?!/i.test(text.slice(at + 2, at + 4))) {
    return { kind: "rejected", message: "The server executes what is in a comment of the form `/*! … */`." };
  }
  const end = text.indexOf("*/", at + 2);
  return end === -1 ? { kind: "malformed", message: "a comment has no end" } : end + 2;
}

/** A carriage return ends no line. */
function endOfLine(text: string, at: number): number {
  const end = text.indexOf("\n", at);
  return end === -1 ? text.length : end;
}

function endOfDashes(text: string, at: number): number | Problem | undefined {
  const next = text[at + 2];
  if (next === undefined || /[\t-\r ]/.test(next)) return endOfLine(text, at);
  // Other control characters begin a comment for the servers of today.
  return next < " " || next === "\x7f"
    ? { kind: "malformed", message: "a control character follows two dashes" }
    : undefined;
}

/** Of MySQL 8 and 9 and of MariaDB 12: those that only choose a plan. */
const planning = words(`
  BKA BNL DERIVED_CONDITION_PUSHDOWN GROUP_INDEX HASH_JOIN ICP INDEX INDEX_MERGE JOIN_FIXED_ORDER JOIN_INDEX JOIN_ORDER
  JOIN_PREFIX JOIN_SUFFIX MERGE MRR NO_BKA NO_BNL NO_DERIVED_CONDITION_PUSHDOWN NO_GROUP_INDEX NO_HASH_JOIN NO_ICP
  NO_INDEX NO_INDEX_MERGE NO_JOIN_INDEX NO_MERGE NO_MRR NO_ORDER_INDEX NO_RANGE_OPTIMIZATION NO_ROWID_FILTER
  NO_SEMIJOIN NO_SKIP_SCAN NO_SPLIT_MATERIALIZED NO_SUBQUERY ORDER_INDEX QB_NAME ROWID_FILTER SEMIJOIN SKIP_SCAN
  SPLIT_MATERIALIZED SUBQUERY`);

/**
 * What is wrong with an optimizer's hint, in a sentence. SET_VAR changes settings,
 * MAX_EXECUTION_TIME takes the place of the call's own limit, RESOURCE_GROUP is the
 * server's. A quoted name could hold the comment's end for the server, and not for us.
 *
 * @param text what stands between its plus and its end
 */
export function problemOfHint(text: string): string | undefined {
  if (!/^[\w$.,()@%=\s-]*$/.test(text)) return "A hint holds more than plain names.";
  for (const [, name = ""] of text.matchAll(/(?<!\w)(\w+)\s*\(/g)) {
    if (!planning.has(name.toUpperCase()))
      return `The hint ${name.toUpperCase()} is not among those that a query may give.`;
  }
  return undefined;
}
