/**
 * What a parenthesis behind a name begins: a call of a function, or a part of the language.
 *
 * Words that the servers reserve can't be a function's name. The others can, and are a
 * part of the language only where no call can stand.
 *
 * @see https://dev.mysql.com/doc/refman/9.1/en/keywords.html
 * @see https://mariadb.com/kb/en/reserved-words/
 */
import { words } from "../sql/words.ts";
import type { Token } from "./tokens.ts";

/** Reserved by MySQL 8.0 and MariaDB 10.6, or taken for the language when a parenthesis follows, and no function. */
export const reserved = words(`
  ALL AND AS BETWEEN BINARY BY CASE CROSS DECIMAL DESC DESCRIBE DISTINCT DISTINCTROW DIV DOUBLE ELSE EXISTS EXPLAIN FLOAT
  FORCE FROM GROUP HAVING IGNORE IN INDEX INNER INT JOIN KEY KEYS LIKE LIMIT MATCH NOT NUMERIC ON OR ORDER PARTITION REGEXP
  RLIKE ROW SELECT STRAIGHT_JOIN THEN UNION USE USING VARBINARY VARCHAR WHEN WHERE WITH XOR`);

/** Types with a length or a precision that are not reserved. */
const types = words("BIT DATETIME DEC FIXED NCHAR NVARCHAR TEXT TIME TIMESTAMP VECTOR YEAR");

/** What stands right before a query that it compares with or adds. */
const beforeQuery = words("ANY SOME LATERAL EXCEPT INTERSECT MINUS");
const beginningOfQuery = words("SELECT WITH TABLE VALUES");

/**
 * Whether the parenthesis behind a name belongs to the language.
 *
 * @param at of the name; the parenthesis is next
 * @param opener the keyword before the innermost parenthesis that is still open
 */
export function isLanguage(tokens: readonly Token[], at: number, opener: string | undefined): boolean {
  return isKeyword(tokens, at, opener) || isBeforeColumns(tokens, at);
}

function isKeyword(tokens: readonly Token[], at: number, opener: string | undefined): boolean {
  const { keyword } = tokens[at] as Token;
  if (reserved.has(keyword)) return true;
  const before = tokens[at - 1];
  if (beforeQuery.has(keyword)) return isWord(tokens[at + 2], ...beginningOfQuery);
  if (types.has(keyword) && (isWord(before, "AS") || opener === "CONVERT" || opener === "COLUMNS")) return true;
  switch (keyword) {
    case "AGAINST":
      return isSymbol(before, ")");
    case "COLUMNS":
      return before?.kind === "string";
    case "OVER":
      return isSymbol(before, ")") || isWord(before, "NULLS");
    case "OF":
      return isWord(before, "AS", "MEMBER");
    default:
      return false;
  }
}

/**
 * The names of columns of `WITH x (a, b) AS (…)` or of `(…) AS x (a, b)`: behind AS or a
 * parenthesis no call can stand, and behind a call no AS with one.
 */
function isBeforeColumns(tokens: readonly Token[], at: number): boolean {
  const before = tokens[at - 1];
  const isDerived = isWord(before, "AS") || isSymbol(before, ")");
  if (!isDerived && !isWord(before, "WITH", "RECURSIVE") && !isSymbol(before, ",")) return false;
  let end = at + 2;
  while (isName(tokens[end]) && isSymbol(tokens[end + 1], ",")) end += 2;
  if (!isName(tokens[end]) || !isSymbol(tokens[end + 1], ")")) return false;
  return isDerived || (isWord(tokens[end + 2], "AS") && isSymbol(tokens[end + 3], "("));
}

export const isSymbol = (token: Token | undefined, text: string) => token?.kind === "symbol" && token.text === text;
export const isWord = (token: Token | undefined, ...texts: readonly string[]) =>
  token?.kind === "word" && texts.includes(token.keyword);
const isName = (token: Token | undefined) => token?.kind === "word" || token?.kind === "name";
