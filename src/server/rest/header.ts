/** Headers between REST and the Connect protocol. */
import { parseTimeout } from "@connectrpc/connect/protocol-grpc";
import { Failure } from "../../failure.ts";

/** Of the body that the handler gets, not of the one that came. */
const ofTheBody = ["content-length", "content-encoding", "accept-encoding", "connect-accept-encoding"];

/** As many as the Connect protocol can say: 115 days, and more than any service allows. */
const longestTimeoutMs = 9_999_999_999;

/**
 * A request's headers as the handlers take them. They know a deadline as gRPC says it (`5S`), too.
 *
 * @throws Failure `invalid_request` when that is none
 */
export function connectHeader(given: Headers, contentType: string): Headers {
  const header = new Headers(given);
  for (const name of ofTheBody) header.delete(name);
  header.set("content-type", contentType);
  const timeout = header.get("grpc-timeout");
  if (timeout !== null && !header.has("connect-timeout-ms")) {
    header.set("connect-timeout-ms", String(millisecondsIn(timeout)));
  }
  return header;
}

/** Whole ones: a deadline that is less than one away is not none at all. */
function millisecondsIn(timeout: string): number {
  const { timeoutMs } = parseTimeout(timeout, Number.POSITIVE_INFINITY);
  if (timeoutMs !== undefined) return Math.min(Math.ceil(timeoutMs), longestTimeoutMs);
  throw new Failure("invalid_request", "The header Grpc-Timeout is no deadline.", {
    where: "request",
    remedy: "Write up to eight digits and a unit, which is H, M, S, m, u or n: 5S.",
  });
}

/** What the handler says besides of its answer, for one that is written anew. */
export function answerHeader(given: Headers | undefined): Headers {
  const header = new Headers(given);
  for (const name of ["content-type", "content-length", "content-encoding", "accept-encoding"]) header.delete(name);
  for (const name of [...header.keys()].filter((key) => key.startsWith("connect-"))) header.delete(name);
  header.set("cache-control", "no-store");
  header.set("x-content-type-options", "nosniff");
  return header;
}
