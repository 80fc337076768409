/** Checks a native statement before anything of it is sent. */
import { LRUCache } from "lru-cache";
import { Failure, invalidRequest } from "../../failure.ts";
import { refuseUnstorable } from "../query/operand.ts";
import { formatName, parseName } from "../sql/name.ts";
import type { Server } from "./functions.ts";
import { judge, type Reference, type Verdict } from "./statement-rules.ts";
import { isClosedDatabase, isInformationSchema } from "./system-databases.ts";

const path = "query.native.text";

/** Bytes of what is remembered of statements that were allowed, about: most callers send few different ones. */
const maxRememberedBytes = 4 * 2 ** 20;
const referenceBytes = 150;

type Allowed = Extract<Verdict, { kind: "allowed" }>;

const remembered = new LRUCache<string, Allowed>({
  maxSize: maxRememberedBytes,
  maxEntrySize: maxRememberedBytes / 16,
  sizeCalculation: ({ references }, text) => 2 * text.length + referenceBytes * (references.length + 1),
});

/** Where a statement is to run. */
export interface Surroundings {
  readonly server: Server;
  /** The connection's own, in which names without a database are. */
  readonly database: string;
  /** Functions that the connector's configuration allows whatever they are, as `shop.rate`. */
  readonly functions: readonly string[];
}

/**
 * Makes sure that a native statement is one SELECT (VALUES, TABLE and WITH are forms of
 * it), SHOW, DESCRIBE or EXPLAIN that neither writes nor locks rows, reads none of the
 * server's tables but those that describe the databases, calls none of its functions but
 * those that only compute, and has as many parameters as were given.
 *
 * It calls no stored or loadable function but those that the connector allows: what such
 * a one declares (DETERMINISTIC, READS SQL DATA) the server does not enforce. A view is
 * read whatever it calls: whoever made it decided that those may do so who may read it.
 * What either leaves in the session ends with the statement: the session is reset.
 *
 * @throws Failure `invalid_request` when it can't be read or its parameters don't match,
 *   `statement_rejected` when it is something else
 */
export function checkStatement(
  text: string,
  givenParameters: number,
  { server, database, functions }: Surroundings,
): void {
  refuseUnstorable(text, path);
  checkDatabase(database);
  const { parameters, references } = judged(text, server);
  checkParameters(parameters, givenParameters);
  for (const reference of references) checkFunction(reference, database, functions);
}

function judged(text: string, server: Server): Allowed {
  const key = `${server.isMariaDb} ${server.version} ${text}`;
  const known = remembered.get(key);
  if (known !== undefined) return known;
  const verdict = judge(text, server);
  switch (verdict.kind) {
    case "allowed":
      remembered.set(key, verdict);
      return verdict;
    case "rejected":
      throw notAllowed(verdict.message);
    case "malformed":
      throw invalidRequest({
        field: path,
        description: `The statement can't be read: ${verdict.message} (at character ${verdict.at}).`,
      });
  }
}

/** Names without a database are the connection's own. */
function checkDatabase(name: string): void {
  if (!isClosedDatabase(name) && !isInformationSchema(name)) return;
  throw new Failure("statement_rejected", "The connector's database is one of the server's own.", {
    where: "request",
    remedy: "Give the connector a database of the data's: native statements reach the server's own by its name.",
  });
}

function checkParameters(used: number, given: number): void {
  if (used === given) return;
  const has = used === 0 ? "no parameter" : used === 1 ? "one parameter" : `${used} parameters`;
  throw invalidRequest({
    field: "query.native.parameters",
    description: `The statement has ${has}, and ${given} were given.`,
  });
}

function notAllowed(reason: string): Failure {
  const description = `${reason} Allowed is one SELECT, VALUES, TABLE, WITH, SHOW, DESCRIBE or EXPLAIN that changes and locks nothing.`;
  return new Failure("statement_rejected", description, {
    where: "request",
    remedy: "Use Execute to change data; send several statements in several calls.",
    fields: [{ field: path, description }],
  });
}

/** A function's name knows no case. A database's may, on some servers, and is taken as it stands. */
function checkFunction({ database = "", name }: Reference, own: string, listed: readonly string[]): void {
  const isListed = listed.map(parseName).some((each) => {
    return each?.localName.toLowerCase() === name && each.namespace === (database || own);
  });
  if (isListed) return;
  const fullName = database === "" ? name : formatName(database, name);
  const description = `The function \`${fullName}\` is not among those of the server's own that a query may call.`;
  throw new Failure("statement_rejected", description, {
    where: "request",
    remedy:
      "Name a function of your own in the connector's `config.functions` (`shop.rate`) if you trust it; write one of the server's own without quotes, and without a blank before its parenthesis.",
    fields: [{ field: path, description }],
  });
}
