/**
 * What SHOW GRANTS says, taken apart.
 *
 * The text holds the user's password hash at some servers: only names of privileges, of
 * what they are for and of who has them are kept.
 *
 * @see https://dev.mysql.com/doc/refman/9.1/en/show-grants.html
 * @see https://mariadb.com/kb/en/show-grants/
 */

/** Privileges on one thing, or roles. Texts that go into SQL are quoted as the server has quoted them. */
export interface Grant {
  readonly privileges: readonly Privilege[];
  /** Empty when it grants privileges. */
  readonly roles: readonly string[];
  readonly on: Target | undefined;
  /** `reader`@`%`, a role, or PUBLIC. */
  readonly to: string;
  /** They may be given to others. */
  readonly passable: boolean;
}

export interface Privilege {
  /** `REPLICATION SLAVE` */
  readonly name: string;
  /** With the columns that it is for: `UPDATE (`name`)`. */
  readonly text: string;
}

export interface Target {
  readonly kind: "server" | "database" | "table" | "routine" | "user";
  /** `shop`.* */
  readonly text: string;
  /** The database's name with LIKE's wildcards, where it is of one; that of a table has none. */
  readonly database: string;
}

interface Token {
  readonly text: string;
  /** In capitals, when it is no name, no text and no symbol. */
  readonly word: string;
  /** How many parentheses are open around it. */
  readonly depth: number;
}

const tokens = /`(?:[^`]|``)*`|"(?:[^"]|"")*"|'(?:[^'\\]|\\[\s\S]|'')*'|[\p{L}\p{N}_$\\%-]+|[^\s]/gu;

/** Undefined for what grants nothing: a default role, or what MySQL has revoked in part. */
export function readGrant(line: string): Grant | undefined {
  const read = tokenized(line);
  const top = (word: string) => read.findIndex((token) => token.word === word && token.depth === 0);
  const [on, to] = [top("ON"), top("TO")];
  if (read[0]?.word !== "GRANT" || to < 0) return undefined;
  const rest = read.slice(to + 1);
  const end = rest.findIndex(({ word }) => word === "IDENTIFIED" || word === "REQUIRE" || word === "WITH");
  const given = read.slice(1, on < 0 ? to : on);
  return {
    privileges: on < 0 ? [] : listed(given).map(privilegeOf),
    roles: on < 0 ? listed(given).map(joined) : [],
    on: on < 0 ? undefined : targetOf(read.slice(on + 1, to), given),
    to: joined(end < 0 ? rest : rest.slice(0, end)),
    passable: /\bWITH\b.*\b(?:GRANT|ADMIN) OPTION\b/.test(rest.map(({ word }) => word).join(" ")),
  };
}

function tokenized(line: string): Token[] {
  let depth = 0;
  return (line.match(tokens) ?? []).map((text) => {
    if (text === ")") depth -= 1;
    const token = { text, word: /^[\p{L}_]/u.test(text) ? text.toUpperCase() : "", depth };
    if (text === "(") depth += 1;
    return token;
  });
}

/** The parts between commas that stand in no parentheses. */
function listed(all: readonly Token[]): Token[][] {
  const parts: Token[][] = [[]];
  for (const token of all) {
    if (token.text === "," && token.depth === 0) parts.push([]);
    else parts.at(-1)?.push(token);
  }
  return parts;
}

const joined = (parts: readonly Token[]) => parts.map(({ text }) => text).join("");

function privilegeOf(parts: readonly Token[]): Privilege {
  const words = parts.filter(({ depth, word }) => depth === 0 && word !== "").map(({ word }) => word);
  const opening = parts.findIndex(({ text }) => text === "(");
  const name = words.join(" ");
  return { name, text: opening < 0 ? name : `${name} ${joined(parts.slice(opening))}` };
}

const routines = new Set(["PROCEDURE", "FUNCTION", "PACKAGE"]);

function targetOf(parts: readonly Token[], privileges: readonly Token[]): Target {
  if (privileges[0]?.word === "PROXY") return { kind: "user", text: joined(parts), database: "" };
  const named = parts.filter(({ text }, i) => parts[i + 1]?.text === "." || text === "*" || i === parts.length - 1);
  const [database, object] = named.map(({ text }) => text);
  const text = `${database}.${object}`;
  if (routines.has(parts[0]?.word ?? "") && parts[1]?.text !== ".") {
    const kind = parts
      .filter(({ word }) => word !== "" && !named.some((one) => one.text === word))
      .map(({ word }) => word);
    return { kind: "routine", text: `${kind.join(" ")} ${text}`, database: unquoted(database) };
  }
  if (database === "*") return { kind: "server", text, database: "%" };
  return { kind: object === "*" ? "database" : "table", text, database: unquoted(database) };
}

function unquoted(name = ""): string {
  const quote = name[0] ?? "";
  return quote === "`" || quote === '"' ? name.slice(1, -1).replaceAll(quote + quote, quote) : name;
}
