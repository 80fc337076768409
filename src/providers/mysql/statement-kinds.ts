/**
 * Which kinds of statements are queries, by the words that they begin with.
 *
 * @see https://dev.mysql.com/doc/refman/9.1/en/show.html
 * @see https://mariadb.com/kb/en/show/
 */
import { words } from "../sql/words.ts";
import { isSymbol, isWord } from "./calls.ts";
import { isShownSetting } from "./settings.ts";
import { isClosedDatabase } from "./system-databases.ts";
import type { Token } from "./tokens.ts";

const queries = words("SELECT WITH VALUES TABLE");
const describes = words("DESCRIBE DESC EXPLAIN");

/** What is wrong with a statement as far as its first words tell, in a sentence. */
export function problemOfRoot(tokens: readonly Token[]): string | undefined {
  const first = tokens.find((token) => !isSymbol(token, "("));
  if (isWord(first, ...queries)) return undefined;
  if (isWord(tokens[0], "SHOW")) return problemOfShow(tokens) ?? problemOfNames(tokens);
  if (isWord(tokens[0], ...describes)) return problemOfExplain(tokens);
  return first?.kind === "word" ? `${first.keyword} is no query.` : "It does not begin with the word of a statement.";
}

/**
 * What SHOW may show, as the words behind it begin. Not what tells of other sessions
 * (PROCESSLIST, ENGINE … STATUS, BINLOG EVENTS), of the server's insides (STATUS, PLUGINS),
 * or of users and their passwords (GRANTS, CREATE USER).
 */
const shown = new RegExp(
  `^(?:${[
    "(?:EXTENDED )?(?:FULL )?(?:TABLES|COLUMNS|FIELDS)",
    "(?:EXTENDED )?(?:INDEX|INDEXES|KEYS)",
    "DATABASES|SCHEMAS|TABLE STATUS|TRIGGERS|EVENTS|(?:STORAGE )?ENGINES",
    "CHARACTER SET|CHARSET|COLLATION",
    "(?:PROCEDURE|FUNCTION) STATUS",
    "CREATE (?:TABLE|VIEW|DATABASE|SCHEMA|FUNCTION|PROCEDURE|TRIGGER|EVENT|SEQUENCE)",
  ].join("|")})(?: |$)`,
);

function problemOfShow(tokens: readonly Token[]): string | undefined {
  const said = tokens
    .slice(1, 5)
    .map(({ keyword }) => keyword || "?")
    .join(" ");
  if (/^(?:(?:GLOBAL|SESSION|LOCAL) )?VARIABLES(?: |$)/.test(said)) return problemOfVariables(tokens);
  return shown.test(said) ? undefined : `SHOW ${said.replaceAll("?", "…")} is not among what a query may show.`;
}

/** One variable, named in full. */
function problemOfVariables(tokens: readonly Token[]): string | undefined {
  const at = tokens.findIndex((token) => isWord(token, "VARIABLES"));
  const name = tokens[at + 2]?.text.slice(1, -1) ?? "";
  const isOne = isWord(tokens[at + 1], "LIKE") && tokens[at + 2]?.kind === "string" && tokens.length === at + 3;
  return isOne && isShownSetting(name)
    ? undefined
    : "SHOW VARIABLES may show one variable, `LIKE 'sql_mode'`, of those that a query may show.";
}

/** SHOW names a database without a dot. */
function problemOfNames(tokens: readonly Token[]): string | undefined {
  const closed = tokens.find(
    (token, at) => (token.kind === "word" || token.kind === "name") && at > 1 && isClosedDatabase(token.text),
  );
  return closed === undefined
    ? undefined
    : `\`${closed.text.toLowerCase()}\` is not among the databases that a query may read.`;
}

/** A plan, which is all of a statement that EXPLAIN makes; or the columns of a table. */
function problemOfExplain(tokens: readonly Token[]): string | undefined {
  let at = 1;
  if (isWord(tokens[at], "EXTENDED", "PARTITIONS")) at++;
  if (isWord(tokens[at], "FORMAT") && isSymbol(tokens[at + 1], "=")) at += 3;
  const explained = tokens.slice(at).find((token) => !isSymbol(token, "("));
  if (isWord(explained, ...queries)) return undefined;
  if (isWord(explained, "ANALYZE")) return "EXPLAIN ANALYZE runs the statement.";
  // The columns of a table, or those of a name or a pattern.
  const rest = tokens.slice(at);
  const isTable = /^n(?:\.n)?[ns]?$/.test(rest.map(shapeOf).join(""));
  return isTable ? undefined : `EXPLAIN of ${explained?.text ?? "nothing"} is no query.`;
}

function shapeOf({ kind, text }: Token): string {
  if (kind === "word" || kind === "name") return "n";
  return kind === "string" ? "s" : text;
}
