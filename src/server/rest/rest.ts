/** REST: the same calls as by Connect, at the paths that the contract's annotations give. */
import type { UniversalHandler, UniversalHandlerFn } from "@connectrpc/connect/protocol";
import { Failure, type FailureOptions } from "../../failure.ts";
import { ConnectorService } from "../../gen/connector/v1/service_pb.js";
import { toConnectError } from "../../rpc/failure.ts";
import type { Answering } from "../router.ts";
import { bindingsOf } from "./bindings.ts";
import { isReadable } from "./body.ts";
import { answerCall } from "./calling.ts";
import { linesOfStreams } from "./lines.ts";
import { problemAnswer, problemOf } from "./problem.ts";
import { createRoutes, type Found, variablesOf } from "./routes.ts";

/** Says what answers a request; undefined when its path is none of REST's. */
export type Rest = (verb: string, url: string) => Answering | undefined;

/** All paths that begin so are REST's. */
const prefix = "/api";

/**
 * @param handlers of the connector service's RPCs, whatever others are among them
 * @param maxBytes of a request's body, decompressed
 */
export function createRest(handlers: readonly UniversalHandler[], maxBytes: number): Rest {
  const byMethod = new Map(handlers.map((handler) => [handler.method, handler]));
  const find = createRoutes(bindingsOf(ConnectorService).filter(({ method }) => byMethod.has(method)));
  return (verb, url) => {
    const mark = url.indexOf("?");
    const path = mark < 0 ? url : url.slice(0, mark);
    if (path !== prefix && !path.startsWith(`${prefix}/`)) return undefined;
    const found = find(path);
    if (found === undefined) return refusing(404, "not_found", "There is nothing at this path.", pathRemedy);
    const allow = allowed(found);
    if (verb === "OPTIONS") return answering(async () => ({ status: 204, header: new Headers({ allow }) }));
    const binding = found.bindings.get(verb === "HEAD" && allow.includes("HEAD") ? "GET" : verb);
    if (binding === undefined) {
      return refusing(405, "invalid_request", `This path does not take ${verb}.`, `Use ${allow}.`, { allow });
    }
    const handler = byMethod.get(binding.method) as UniversalHandler;
    const lines = linesOfStreams.find(({ method }) => method === binding.method);
    const query = new URLSearchParams(mark < 0 ? "" : url.slice(mark + 1));
    const asked = { binding, variables: variablesOf(binding, found.values), fixed: lines?.request ?? {}, query };
    return answering(async (request) => {
      if (!isReadable(request.header)) return refused(415, "invalid_request", "The body is no JSON.", bodyRemedy);
      return answerCall({ handler, asked, lines, maxBytes }, request);
    }, lines !== undefined);
  };
}

const pathRemedy = "The document at /openapi.json has all paths.";
const bodyRemedy = "Send JSON with `Content-Type: application/json`, as it is or compressed by gzip.";

/** The HTTP methods that a path takes. A stream is not begun for its headers' sake. */
function allowed({ bindings }: Found): string {
  const verbs = [...bindings.keys(), "OPTIONS"];
  if (bindings.get("GET")?.method.methodKind === "unary") verbs.push("HEAD");
  return verbs.sort().join(", ");
}

function answering(answer: UniversalHandlerFn, streams = false): Answering {
  return { answer, streams, asksOnce: true };
}

type Refusal = readonly [
  status: number,
  kind: "not_found" | "invalid_request",
  message: string,
  remedy: FailureOptions["remedy"],
  header?: Record<string, string>,
];

function refusing(...refusal: Refusal): Answering {
  return answering(async () => refused(...refusal));
}

function refused(...[status, kind, message, remedy, header = {}]: Refusal) {
  const error = toConnectError(new Failure(kind, message, { where: "request", ...(remedy && { remedy }) }));
  return problemAnswer(problemOf(error, { status }), new Headers(header));
}
