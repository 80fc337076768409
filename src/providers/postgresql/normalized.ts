/**
 * A statement without its values, so that it may be kept: what a literal stood for and
 * what a comment said is left out, names and the statement's shape stay.
 *
 * @see https://www.postgresql.org/docs/18/sql-syntax-lexical.html
 */
import { keptStatement, longestKept } from "../sql/kept-statement.ts";

/** A name that begins no string, or a mark that begins nothing. */
const plain = /(?:(?!\s)[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*(?![\w$\u0080-\uffff'"&])|[(),*=<>+;])/.source;

/** Each from where the last ended; what none of them takes is a character of its own. */
const lexemes = {
  /** What most of a statement is, told at once, with a space between. */
  plain: new RegExp(`${plain}(?: ?${plain})*`, "y"),
  space: /\s+|--[^\n\r]*/y,
  /** Backslashes escape in it. */
  escapeString: /[eE]'(?:[^'\\]|\\.|'')*'/sy,
  string: /(?:[bBxXnN]|[uU]&)?'(?:[^']|'')*'/y,
  dollarQuote: /\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y,
  quotedName: /(?:[uU]&)?"(?:[^"]|"")+"/y,
  name: /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*|\$\d+/y,
  number: /(?:0[xXoObB][\da-fA-F_]+|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?)/y,
};

/** Empty when it can't be told where its values are. */
export function normalized(text: string): string {
  const parts: string[] = [];
  let size = 0;
  for (let at = 0; at < text.length && size < longestKept; ) {
    const read = next(text, at);
    if (read === undefined) return "";
    const [part, end] = read;
    at = end;
    if (part === " " && (parts.length === 0 || parts.at(-1) === " ")) continue;
    parts.push(part);
    size += part.length;
  }
  return keptStatement(parts.join(""));
}

/** What stands for the next lexeme, and where that ends; undefined when it has no end. */
function next(text: string, at: number): readonly [string, number] | undefined {
  const endOf = (lexeme: RegExp): number | undefined => {
    lexeme.lastIndex = at;
    return lexeme.test(text) ? lexeme.lastIndex : undefined;
  };
  const run = endOf(lexemes.plain);
  if (run !== undefined) return [text.slice(at, run), run];
  const space = text.startsWith("/*", at) ? endOfComment(text, at) : endOf(lexemes.space);
  if (space === -1) return undefined;
  if (space !== undefined) return [" ", space];
  const string =
    endOf(lexemes.escapeString) ?? endOf(lexemes.string) ?? endOfDollars(text, at, endOf(lexemes.dollarQuote));
  if (string === -1) return undefined;
  if (string !== undefined) return ["?", string];
  const name = endOf(lexemes.quotedName) ?? endOf(lexemes.name);
  if (name !== undefined) return [text.slice(at, name), name];
  const number = endOf(lexemes.number);
  if (number !== undefined) return ["?", number];
  // A quote that opens and never closes.
  return text[at] === "'" || text[at] === '"' ? undefined : [text[at] as string, at + 1];
}

/** Comments stand in each other; -1 when one has no end. */
function endOfComment(text: string, start: number): number {
  const marks = /\/\*|\*\//g;
  marks.lastIndex = start;
  for (let depth = 0; ; ) {
    const mark = marks.exec(text);
    if (mark === null) return -1;
    depth += mark[0] === "/*" ? 1 : -1;
    if (depth === 0) return marks.lastIndex;
  }
}

function endOfDollars(text: string, start: number, bodyStart: number | undefined): number | undefined {
  if (bodyStart === undefined) return undefined;
  const tag = text.slice(start, bodyStart);
  const end = text.indexOf(tag, bodyStart);
  return end < 0 ? -1 : end + tag.length;
}
