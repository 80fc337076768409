/** Where in a statement the server found an error, by what it says of it. */
import type { ErrorContext } from "../sql/meaning.ts";

/** What names of tables, columns, databases and functions the server says, by the error's number. */
const quotedName = /^[^']*'([^']+)'/;
const functionName = /^(?:FUNCTION|PROCEDURE) (\S+) /;
const naming: ReadonlyMap<number, RegExp> = new Map([
  ...[1049, 1051, 1052, 1054, 1109, 1128, 1146].map((number) => [number, quotedName] as const),
  ...[1305, 1630].map((number) => [number, functionName] as const),
]);

/** Of a syntax error: what follows its place, at most 80 characters of it, of which MariaDB tells by dots. */
const nearText = /near '([\s\S]*?)(?:\.\.\.)?' at line (\d+)$/;

/** What is no name, and names; a name in back quotes is the first group, another one the second. */
const words =
  /'(?:[^'\\]|\\[\s\S]|'')*'|"(?:[^"\\]|\\[\s\S]|"")*"|\/\*[\s\S]*?\*\/|--\s.*|#.*|`((?:[^`]|``)+)`|([\p{L}_$][\p{L}\p{N}_$]*)/gu;

/**
 * The end of a sentence: "at character 15, `nowhere`", counted from 1; empty when it is
 * not known. Of the server's text only a name that stands in the statement is passed on,
 * outside of what is a value there.
 *
 * @param message the server's own
 * @param context the statement is the caller's, in which places are counted
 */
export function placeOf(
  errno: number,
  message: string,
  { statement, comment = "" }: Pick<ErrorContext, "statement" | "comment">,
): string {
  if (statement === undefined) return "";
  const near = nearText.exec(message);
  if (near !== null) return placeOfSyntax(near[1] ?? "", near[2] ?? "", statement, comment);
  const dotted = naming.get(errno)?.exec(message)?.[1];
  const wanted = dotted?.slice(dotted.lastIndexOf(".") + 1).toLowerCase();
  if (wanted === undefined || wanted === "") return "";
  for (const { 0: text, 1: quoted, 2: plain, index } of statement.matchAll(words)) {
    const name = quoted?.replaceAll("``", "`") ?? plain;
    if (name?.toLowerCase() === wanted) return `${at(statement, index)}, \`${text.replaceAll("`", "")}\``;
  }
  return "";
}

function placeOfSyntax(near: string, line: string, statement: string, comment: string): string {
  // Not everything is sent with the comment.
  const index = [statement, statement + comment].map((sent) => indexIn(sent, near)).find((found) => found >= 0);
  if (index === undefined) return `in line ${line}`;
  if (index >= statement.trimEnd().length) return "at its end";
  const [name] = /^[\p{L}_$][\p{L}\p{N}_$]*/u.exec(near) ?? [];
  return name === undefined ? at(statement, index) : `${at(statement, index)}, \`${name}\``;
}

/** Negative when it is not there, or when the same text stands there again. */
function indexIn(sent: string, near: string): number {
  if (sent.endsWith(near)) return sent.length - near.length;
  const index = sent.indexOf(near);
  return sent.indexOf(near, index + 1) >= 0 ? -1 : index;
}

function at(statement: string, index: number): string {
  return `at character ${[...statement.slice(0, index)].length + 1}`;
}
