/**
 * Errors as REST says them: problem details, with the same reasons as ErrorInfo has.
 * @see https://www.rfc-editor.org/rfc/rfc9457
 */
import { Code, ConnectError } from "@connectrpc/connect";
import { createAsyncIterable, type UniversalServerResponse } from "@connectrpc/connect/protocol";
import { codeToHttpStatus, codeToString, errorFromJson } from "@connectrpc/connect/protocol-connect";
import type { FieldViolation } from "../../failure.ts";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "../../gen/google/rpc/error_details_pb.js";

export interface Problem {
  /** Leads to what is said about the reason: `/docs/errors#NOT_FOUND`. */
  readonly type: string;
  /** The reason in words: `Not found`. */
  readonly title: string;
  /** Of HTTP. */
  readonly status: number;
  readonly detail: string;
  /** The call's id, which the service's log has: `urn:uuid:…`. Absent where no call was made, and where its caller gave the id. */
  readonly instance?: string;
  /** Of the contract: `not_found`. */
  readonly code: string;
  /** One of the contract's reasons: `NOT_FOUND`. */
  readonly reason: string;
  readonly domain: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** Every wrong field of the request. */
  readonly fields?: readonly FieldViolation[];
  /** Seconds after which another try makes sense. */
  readonly retryAfter?: number;
}

export const problemType = "application/problem+json";

/** Where the reasons are described. */
export const reasonsPath = "/docs/errors";

export interface ProblemOptions {
  readonly callId?: string;
  /** Of HTTP, where it says more than the error does. Default: as the error's code says. */
  readonly status?: number;
}

export function problemOf(error: ConnectError, { callId, status }: ProblemOptions = {}): Problem {
  const [info] = error.findDetails(ErrorInfoSchema);
  const { reason, domain, metadata } = info ?? { reason: "INTERNAL", domain: "", metadata: {} };
  const [badRequest] = error.findDetails(BadRequestSchema);
  const [retry] = error.findDetails(RetryInfoSchema);
  const { seconds = 0n, nanos = 0 } = retry?.retryDelay ?? {};
  return {
    type: `${reasonsPath}#${reason}`,
    title: titleOf(reason),
    status: status ?? statusOf(error.code, reason, metadata),
    detail: error.rawMessage,
    ...instanceOf(callId),
    code: codeToString(error.code),
    ...{ reason, domain, metadata },
    ...(badRequest && {
      fields: badRequest.fieldViolations.map(({ field, description }) => ({ field, description })),
    }),
    ...(retry && { retryAfter: Number(seconds) + nanos / 1e9 }),
  };
}

/** The error that a handler has written as JSON of the Connect protocol. */
export function errorIn(json: unknown): ConnectError {
  return errorFromJson(
    json as never,
    undefined,
    new ConnectError("The service gave no readable error.", Code.Internal),
  );
}

const uuid = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i;

/** An id that the caller gave its call itself need be no URI, and stands in the header `x-request-id`. */
function instanceOf(callId: string | undefined): { readonly instance?: string } {
  return callId !== undefined && uuid.test(callId) ? { instance: `urn:uuid:${callId}` } : {};
}

/** @param header what the answer says besides */
export function problemAnswer(problem: Problem, header: Headers = new Headers()): UniversalServerResponse {
  header.set("content-type", problemType);
  if (problem.retryAfter !== undefined) header.set("retry-after", String(Math.ceil(problem.retryAfter)));
  if (problem.status === 401) header.set("www-authenticate", "Bearer");
  const body = new TextEncoder().encode(`${JSON.stringify(problem)}\n`);
  header.set("content-length", String(body.length));
  return { status: problem.status, header, body: createAsyncIterable([body]) };
}

/** `NOT_FOUND` as `Not found`. */
export function titleOf(reason: string): string {
  const words = reason.toLowerCase().replaceAll("_", " ");
  return words.slice(0, 1).toUpperCase() + words.slice(1);
}

function statusOf(code: Code, reason: string, { where }: Readonly<Record<string, string>>): number {
  return reason === "TOO_LARGE" && where === "request" ? 413 : codeToHttpStatus(code);
}
