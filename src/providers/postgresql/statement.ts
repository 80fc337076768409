/** Checks a native statement before anything of it is sent. */
import { Worker } from "node:worker_threads";
import { LRUCache } from "lru-cache";
import { Failure, invalidRequest } from "../../failure.ts";
import type { Operand } from "../contract.ts";
import { refuseUnstorable } from "../query/operand.ts";
import { createJudge } from "./parser.ts";
import type { Reference } from "./statement-parts.ts";
import type { Verdict } from "./statement-rules.ts";

const path = "query.native.text";

/**
 * Longer statements, in characters, are parsed on another thread: the parser's time
 * can grow with the square of a statement's length (one of 200 kB can take it 40 s),
 * and nothing can interrupt it.
 */
const longStatement = 4_096;
/** Milliseconds for a long statement. */
const parseTimeout = 5_000;

/** Bytes of what is remembered of statements that were allowed, about: most callers send few different ones. */
const maxRememberedBytes = 4 * 2 ** 20;
const referenceBytes = 150;

const judgeHere = createJudge();
const remembered = new LRUCache<string, Allowed>({
  maxSize: maxRememberedBytes,
  maxEntrySize: maxRememberedBytes / 16,
  sizeCalculation: ({ references }, text) => 2 * text.length + referenceBytes * (references.length + 1),
});
let longTurn: Promise<unknown> = Promise.resolve();

type Allowed = Extract<Verdict, { kind: "allowed" }>;

/**
 * Makes sure that a native statement is one SELECT (VALUES, TABLE and WITH are forms
 * of it), SHOW or EXPLAIN that neither writes nor locks rows, reads none of the system's
 * relations but those that describe the database, calls none of PostgreSQL's functions
 * that are known to do more than compute, and has as many parameters as were given.
 *
 * @returns the names behind which only the server's catalogue tells what is called:
 *   `FunctionCatalogue` checks them
 * @throws Failure `invalid_request` when it can't be parsed or its parameters don't
 *   match, `statement_rejected` when it is something else
 */
export async function checkStatement(text: string, givenParameters: number): Promise<readonly Reference[]> {
  refuseUnstorable(text, path);
  const { parameters, references } = remembered.get(text) ?? (await judged(text));
  checkParameters(parameters, givenParameters);
  return references;
}

async function judged(text: string): Promise<Allowed> {
  const verdict = await (text.length <= longStatement ? judgeHere(text) : judgeLong(text));
  switch (verdict.kind) {
    case "allowed":
      remembered.set(text, verdict);
      return verdict;
    case "rejected":
      throw notAllowed(verdict.message);
    case "malformed": {
      const place = verdict.at === undefined ? "" : ` (at character ${verdict.at})`;
      throw invalidRequest({ field: path, description: `The statement can't be parsed: ${verdict.message}${place}.` });
    }
    case "exhausted":
      throw invalidRequest({
        field: path,
        description: "The statement is nested too deeply, or too large, to be parsed.",
      });
  }
}

/**
 * The parameters of a native statement in the text form that their types read.
 *
 * @throws Failure `invalid_request` for a text that PostgreSQL can't hold
 */
export function encodeParameters(parameters: readonly Operand[]): (string | null)[] {
  return parameters.map((parameter, i) => {
    switch (parameter.kind) {
      case "null":
        return null;
      case "bool":
        return parameter.value ? "t" : "f";
      case "bytes":
        return `\\x${Buffer.from(parameter.value).toString("hex")}`;
      case "text":
        refuseUnstorable(parameter.value, `query.native.parameters[${i}]`);
        return parameter.value;
      default:
        return String(parameter.value);
    }
  });
}

function checkParameters(used: number, given: number): void {
  if (used === given) return;
  throw invalidRequest({
    field: "query.native.parameters",
    description: `${used === 0 ? "The statement has no parameter" : `The highest parameter is \`$${used}\``}, and ${given} were given.`,
  });
}

function notAllowed(reason: string): Failure {
  const description = `${reason} Allowed is one SELECT, VALUES, TABLE, WITH, SHOW or EXPLAIN that changes and locks nothing.`;
  return new Failure("statement_rejected", description, {
    where: "request",
    remedy: "Use Execute to change data; send several statements in several calls.",
    fields: [{ field: path, description }],
  });
}

/** One after the other: a long statement takes a core and up to some hundred megabytes. */
function judgeLong(text: string): Promise<Verdict> {
  const turn = longTurn.then(() => judgeElsewhere(text));
  longTurn = turn.catch(() => {});
  return turn;
}

async function judgeElsewhere(text: string): Promise<Verdict> {
  const file = new URL(import.meta.url.replace(/statement(?=\.[jt]s$)/, "parser-worker"));
  const worker = new Worker(file, { workerData: text, resourceLimits: { maxOldGenerationSizeMb: 512 } });
  const { promise, resolve, reject } = Promise.withResolvers<Verdict>();
  const timer = setTimeout(() => resolve({ kind: "exhausted" }), parseTimeout);
  worker.once("message", resolve);
  worker.once("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "ERR_WORKER_OUT_OF_MEMORY") resolve({ kind: "exhausted" });
    else reject(error);
  });
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    await worker.terminate();
  }
}
