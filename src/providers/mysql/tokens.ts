/**
 * The words of a statement, as the lexers of MySQL and MariaDB read them in a session of
 * ours: text in utf8mb4, whose characters beyond ASCII hold no byte of ASCII, and an
 * `sql_mode` with neither ANSI_QUOTES nor NO_BACKSLASH_ESCAPES nor IGNORE_SPACE.
 *
 * What the servers read in different ways, or in ways that surprise, is refused, so that
 * nothing can be a comment or a string here and a part of the statement there.
 *
 * @see https://dev.mysql.com/doc/refman/9.1/en/language-structure.html
 * @see https://github.com/mysql/mysql-server/blob/trunk/sql/sql_lex.cc `lex_one_token`
 */
import { endOfComment, type Problem, problemOfHint } from "./comments.ts";

export interface Token {
  /**
   * A `word` may be a keyword; a `name` is quoted, or stands right before or behind a
   * dot, and is none. A `variable` is the server's. A `symbol` is one character.
   */
  readonly kind: "word" | "name" | "string" | "number" | "parameter" | "variable" | "symbol";
  /** As it stands there, but a name without its quotes and a variable without `@@`. */
  readonly text: string;
  /** A word in capitals; empty of all others. */
  readonly keyword: string;
  /** Nothing, not even a blank or a comment, is between it and the one before. */
  readonly glued: boolean;
}

/** Why a text can't be read, or must not be sent. */
export interface Unreadable extends Problem {
  /** Counts characters from 1. */
  readonly at: number;
}

/** Statements of more tokens are not judged: so many take a tenth of a second. */
const maxTokens = 500_000;

const blanks = /[\t-\r ]+/y;
const word = /[\w$\u0080-\uffff]+/y;
const number = /0x[\da-fA-F]+|0b[01]+|(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?/y;
const bits = /[xX]'(?:[\da-fA-F]{2})*'|[bB]'[01]*'/y;
const variable = /@@(?:(?:session|local|global)\.)?([a-z]\w*)(?![\w$.\u0080-\uffff])/iy;
const wordCharacter = /[\w$\u0080-\uffff]/;
const leadsOn = /^\.[\w$\u0080-\uffff]/;
/** A number that a letter follows without a blank is the beginning of a name. */
const beginningOfName = /^(?:\d+|0[xb][\da-fA-F]+)$/;
const symbols = new Set("(),.;+-*/%<>=!~^&|{}");

/** What stands at a place: a token, or nothing that counts. */
type Lexeme = { readonly end: number; readonly kind: Token["kind"] | "nothing"; readonly text: string };

/** The tokens of a text that is well-formed Unicode and holds no NUL. */
export function readTokens(text: string): readonly Token[] | Unreadable {
  const tokens: Token[] = [];
  let glued = false;
  for (let at = 0; at < text.length; ) {
    const lexeme = lexemeAt(text, at, glued ? tokens.at(-1) : undefined);
    if ("message" in lexeme) return { ...lexeme, at: at + 1 };
    const { end, kind } = lexeme;
    const keyword = kind === "word" ? inCapitals(lexeme.text) : "";
    if (kind !== "nothing") tokens.push({ kind, text: lexeme.text, keyword, glued });
    if (tokens.length > maxTokens) return { ...malformed("it has too many words"), at: at + 1 };
    glued = kind !== "nothing";
    at = end;
  }
  return tokens;
}

const malformed = (message: string): Problem => ({ kind: "malformed", message });
const rejected = (message: string): Problem => ({ kind: "rejected", message });

/** @param before the token that ends where this begins */
function lexemeAt(text: string, at: number, before: Token | undefined): Lexeme | Problem {
  const character = text[at] as string;
  const blank = character > " " ? undefined : matchAt(blanks, text, at);
  if (blank !== undefined) return { end: at + blank.length, kind: "nothing", text: "" };
  const comment = /[#/-]/.test(character) ? commentAt(text, at) : undefined;
  if (comment !== undefined) return comment;
  if (character === "'" || character === '"') return stringAt(text, at, at);
  if (character === "`") return nameAt(text, at);
  if (character === "@") return variableAt(text, at);
  if (character === "?") return parameterAt(text, at);
  if (/\d/.test(character) || (character === "." && /\d/.test(text[at + 1] ?? ""))) return numberAt(text, at, before);
  if (wordCharacter.test(character)) return wordAt(text, at, before);
  if (character === ":") return rejected("A colon, as in `:=`, assigns a variable.");
  if (symbols.has(character)) return { end: at + 1, kind: "symbol", text: character };
  return malformed(`the character \`${printable(character)}\` belongs to no statement`);
}

const printable = (character: string) =>
  character < " " || character === "\x7f" ? `U+${character.charCodeAt(0).toString(16).padStart(4, "0")}` : character;

function matchAt(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

function commentAt(text: string, at: number): Lexeme | Problem | undefined {
  const end = endOfComment(text, at);
  if (end === undefined || typeof end !== "number") return end;
  const problem = text.startsWith("/*+", at) ? problemOfHint(text.slice(at + 3, end - 2)) : undefined;
  return problem === undefined ? { end, kind: "nothing", text: "" } : rejected(problem);
}

/**
 * A backslash takes the meaning from any character behind it, and two quotes are one.
 *
 * @param quoteAt where its first quote is: behind the N of `N'…'`
 */
function stringAt(text: string, at: number, quoteAt: number): Lexeme | Problem {
  const quote = text[quoteAt];
  for (let i = quoteAt + 1; i < text.length; i++) {
    if (text[i] === "\\") i++;
    else if (text[i] === quote) {
      if (text[i + 1] !== quote) return { end: i + 1, kind: "string", text: text.slice(at, i + 1) };
      i++;
    }
  }
  return malformed("a string has no end");
}

function nameAt(text: string, at: number): Lexeme | Problem {
  for (let i = text.indexOf("`", at + 1); i !== -1; i = text.indexOf("`", i + 2)) {
    if (text[i + 1] === "`") continue;
    // What an empty one is depends on what stands around it, and on the server.
    if (i === at + 1) return malformed("a quoted name is empty");
    return { end: i + 1, kind: "name", text: text.slice(at + 1, i).replaceAll("``", "`") };
  }
  return malformed("a quoted name has no end");
}

function variableAt(text: string, at: number): Lexeme | Problem {
  variable.lastIndex = at;
  const found = variable.exec(text);
  if (found === null) return rejected("Variables, and what else begins with `@`, are not for a query.");
  return { end: variable.lastIndex, kind: "variable", text: (found[1] as string).toLowerCase() };
}

function parameterAt(text: string, at: number): Lexeme | Problem {
  if (wordCharacter.test(text[at + 1] ?? "")) return malformed("a letter or digit follows a parameter");
  return { end: at + 1, kind: "parameter", text: "?" };
}

/**
 * `1.e(2)` is `(2)` to some servers, and what is right behind a number may begin a word:
 * only a number that ends clearly is one, or the digits that a name begins with.
 */
function numberAt(text: string, at: number, before: Token | undefined): Lexeme | Problem {
  if (text[at] === ".") {
    if (isDot(before)) return malformed("there are two dots");
    if (/["'`]/.test(text[at - 1] ?? "")) return malformed("a dot and a digit follow a quote");
    // Behind a name it leads to one that begins with a digit.
    if (before?.kind === "word" || before?.kind === "name") return { end: at + 1, kind: "symbol", text: "." };
  }
  if (isDot(before)) return wordAt(text, at, before);
  const digits = matchAt(number, text, at) ?? "";
  const end = at + digits.length;
  const next = text[end] ?? "";
  if (next === "." || (wordCharacter.test(next) && !beginningOfName.test(digits))) {
    return malformed("a letter, digit or dot follows a number");
  }
  return wordCharacter.test(next) ? wordAt(text, at, before) : { end, kind: "number", text: digits };
}

function wordAt(text: string, at: number, before: Token | undefined): Lexeme | Problem {
  const found = matchAt(word, text, at) as string;
  const end = at + found.length;
  // Right before and behind a dot there are names only, and no keyword.
  if (isDot(before) || leadsOn.test(text.slice(end, end + 2))) return { end, kind: "name", text: found };
  if (/^[xXbB]$/.test(found) && text[end] === "'") {
    const literal = matchAt(bits, text, at);
    if (literal === undefined) return malformed("a literal of bits has no end, or other than its digits");
    return { end: at + literal.length, kind: "string", text: literal };
  }
  if (/^[nN]$/.test(found) && text[end] === "'") return stringAt(text, at, end);
  // A quote of dollars is the body of a program since MySQL 9.
  if (found.startsWith("$")) return malformed("a name begins with a dollar, and is not quoted");
  return { end, kind: "word", text: found };
}

const isDot = (token: Token | undefined) => token?.kind === "symbol" && token.text === ".";

/** Only letters of ASCII: to the servers `ı` is no `I`. */
const inCapitals = (text: string) =>
  /[\u0080-\uffff]/.test(text) ? text.replace(/[a-z]+/g, (letters) => letters.toUpperCase()) : text.toUpperCase();
