/**
 * What a native statement may be: one SELECT, SHOW, DESCRIBE or EXPLAIN that neither
 * locks nor writes, and reads and calls nothing of the server's that a query must not.
 *
 * No parser of npm reads the SQL of both servers, so the statement is judged by its words
 * alone. That is enough, as all that a query can do beyond reading is said with a word
 * that is reserved, with a variable, or with a function; whatever is not known is refused.
 */
import { isLanguage, isSymbol, isWord } from "./calls.ts";
import { type Arguments, areOfBuiltin, isAllowedBuiltin, type Server } from "./functions.ts";
import { isShownSetting } from "./settings.ts";
import { problemOfRoot } from "./statement-kinds.ts";
import { isClosedDatabase, isDescribing, isInformationSchema } from "./system-databases.ts";
import { readTokens, type Token, type Unreadable } from "./tokens.ts";

/** A function that is not one of the server's own. */
export interface Reference {
  /** Undefined when it is of the connection's own database. */
  readonly database: string | undefined;
  readonly name: string;
}

export type Verdict =
  | { readonly kind: "allowed"; readonly parameters: number; readonly references: readonly Reference[] }
  | Unreadable
  | { readonly kind: "rejected"; readonly message: string };

/** Judges the text of a statement, in a time that grows with its length alone. */
export function judge(text: string, server: Server): Verdict {
  const tokens = readTokens(text);
  if ("message" in tokens) return tokens;
  const end = tokens.findIndex((token) => isSymbol(token, ";"));
  if (end !== -1 && end < tokens.length - 1) return reject("There is more than one statement in it.");
  const statement = end === -1 ? tokens : tokens.slice(0, end);
  if (statement.length === 0) return reject("There is no statement in it.");
  const problem = problemOfRoot(statement);
  return problem === undefined ? judgeInside(statement, server) : reject(problem);
}

const reject = (message: string): Verdict => ({ kind: "rejected", message });

/** A parenthesis that is open, the place of what stands before it, and what is in it so far. */
interface Open extends Arguments {
  readonly at: number;
}

function judgeInside(tokens: readonly Token[], server: Server): Verdict {
  const references = new Map<string, Reference>();
  const open: Open[] = [];
  let parameters = 0;
  for (const [at, token] of tokens.entries()) {
    const problem = problemOf(tokens, at);
    if (problem !== undefined) return reject(problem);
    if (token.kind === "parameter") parameters++;
    const called = isSymbol(token, ")") ? closedBy(tokens, open.pop()) : openedAt(tokens, at, open, server);
    if (typeof called === "string") return reject(called);
    if (called !== undefined) references.set(JSON.stringify([called.database, called.name]), called);
  }
  return { kind: "allowed", parameters, references: [...references.values()] };
}

/** What a call turns out to be at its end. */
function closedBy(tokens: readonly Token[], its: Open | undefined): Reference | undefined {
  const name = tokens[its?.at ?? -1];
  if (its === undefined || name?.kind !== "word" || areOfBuiltin(name.keyword, its)) return undefined;
  return { database: undefined, name: name.text.toLowerCase() };
}

/** Counts what is in the innermost parenthesis, or opens the next. */
function openedAt(tokens: readonly Token[], at: number, open: Open[], server: Server): Reference | string | undefined {
  const its = open.at(-1);
  if (its !== undefined) {
    if (its.count === 0) its.count = 1;
    if (isSymbol(tokens[at], ",")) its.count++;
    if (isWord(tokens[at], "COLUMNS")) its.hasColumns = true;
  }
  if (!isSymbol(tokens[at], "(")) return undefined;
  const opener = tokens[its?.at ?? -1]?.keyword;
  open.push({ at: at - 1, count: 0, hasColumns: false });
  return calledAt(tokens, at - 1, opener, server);
}

function problemOf(tokens: readonly Token[], at: number): string | undefined {
  const token = tokens[at] as Token;
  switch (token.kind) {
    case "word":
      return problemOfWord(tokens, at) ?? problemOfDatabase(tokens, at, token.text);
    case "name":
      return problemOfDatabase(tokens, at, token.text);
    case "variable":
      return isShownSetting(token.text)
        ? undefined
        : `The variable \`@@${token.text}\` is not among those that a query may show.`;
    default:
      return undefined;
  }
}

/** Words that both servers reserve, so that nothing else can be meant by them. */
function problemOfWord(tokens: readonly Token[], at: number): string | undefined {
  const { keyword } = tokens[at] as Token;
  const before = tokens[at - 1];
  const next = tokens[at + 1];
  switch (keyword) {
    case "INTO":
      return "SELECT INTO writes to a file or a variable.";
    case "UPDATE":
      return isWord(before, "FOR") ? "FOR UPDATE locks rows." : "UPDATE changes data.";
    case "SHARE":
      return isWord(before, "FOR") ? "FOR SHARE locks rows." : undefined;
    case "LOCK":
      return "LOCK IN SHARE MODE locks rows.";
    case "DELETE":
      return "DELETE changes data.";
    case "INSERT":
    case "REPLACE":
      return isSymbol(next, "(") ? undefined : `${keyword} changes data.`;
    case "PROCEDURE":
      return isWord(tokens[0], "SHOW") ? undefined : "PROCEDURE runs a procedure on the result.";
    case "SET":
      return isWord(before, "CHARACTER", "CHAR") ? undefined : "SET changes the session.";
    case "VALUE":
      return isWord(before, "NEXT", "PREVIOUS") && isWord(next, "FOR") ? "NEXT VALUE FOR uses a sequence." : undefined;
    default:
      return undefined;
  }
}

/** Of a name with a dot behind it, which may be that of a database. */
function problemOfDatabase(tokens: readonly Token[], at: number, text: string): string | undefined {
  if (!isSymbol(tokens[at + 1], ".")) return undefined;
  if (isClosedDatabase(text)) return `\`${text.toLowerCase()}\` is not among the databases that a query may read.`;
  if (!isInformationSchema(text)) return undefined;
  const table = tokens[at + 2]?.text ?? "";
  if (isDescribing(table)) return undefined;
  return `\`information_schema.${table.toLowerCase()}\` is not among the tables that a query may read.`;
}

/**
 * What the parenthesis behind a token calls, if it isn't the server's own and allowed.
 *
 * @returns what is wrong with it as a sentence, if that can be told
 */
function calledAt(
  tokens: readonly Token[],
  at: number,
  opener: string | undefined,
  server: Server,
): Reference | string | undefined {
  const token = tokens[at];
  if (token?.kind !== "word" && token?.kind !== "name") return undefined;
  const isQualified = isSymbol(tokens[at - 1], ".");
  if (!isQualified) {
    if (isLanguage(tokens, at, opener)) return undefined;
    const glued = tokens[at + 1]?.glued === true;
    // A quoted name is a stored function's wherever the language has a word of its own.
    if (isAllowedBuiltin(token.keyword, glued, server)) return undefined;
    return { database: undefined, name: token.text.toLowerCase() };
  }
  const database = tokens[at - 2];
  if (database === undefined || isSymbol(tokens[at - 3], ".")) return "A function's name has one dot at most.";
  return { database: database.text, name: token.text.toLowerCase() };
}
