/** Says what is wrong with a request that the library could not read. */
import { isFieldError } from "@bufbuild/protobuf/reflect";
import { Code, type ConnectError } from "@connectrpc/connect";
import { Failure, type FailureKind } from "../failure.ts";

const where = "request";

/**
 * What the library found wrong while it read a request.
 *
 * The text of a JSON reader may quote the request, a credential in it included, so
 * only names of the contract are passed on.
 *
 * @param kind what the error's code says; without one the request is wrong, though
 *   the library calls bytes that it can't decode internal.
 */
export function unreadable(error: ConnectError, kind: FailureKind = "invalid_request"): Failure {
  // An Error around the JSON reader's own, when the request was JSON.
  const reading = error.cause instanceof Error ? error.cause : undefined;
  const inner = reading?.cause;
  if (inner instanceof SyntaxError) return new Failure(kind, "The body is not valid JSON.", { where });
  if (inner instanceof Error && isFieldError(inner)) {
    const { parent, name } = inner.field();
    return inField(kind, name, `does not fit the type of ${parent?.typeName}.${name}`);
  }
  // Neither reader has an error of its own for these.
  const text = reading?.message ?? error.rawMessage;
  if (text.includes("maximum recursion depth")) {
    return new Failure(kind, "The request is nested too deeply.", { where });
  }
  const unknown = /: key "([\w.[\]-]{1,100})" is unknown$/.exec(text)?.[1];
  if (unknown !== undefined) return inField(kind, unknown, "no such field");
  const type = /^cannot decode (?:enum|message) ([\w.]{1,100}) from JSON/.exec(text)?.[1];
  if (type !== undefined) return new Failure(kind, `The body holds something that is no ${type}.`, { where });
  if (reading !== undefined || error.code === Code.Internal) {
    return new Failure(kind, "The body can't be read as the method's request message.", { where });
  }
  return new Failure(kind, error.rawMessage, { where });
}

function inField(kind: FailureKind, field: string, description: string): Failure {
  return new Failure(kind, `${field}: ${description}`, { where, fields: [{ field, description }] });
}
