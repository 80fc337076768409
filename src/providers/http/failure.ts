/**
 * From what went wrong with an HTTP API to the failure that it means.
 *
 * Nothing that the source wrote is passed on but its status, its own id of the request, and
 * numbers: a path, a header or a body may hold values and secrets.
 */
import { tlsProblem } from "../../egress/tls.ts";
import { Failure, type FailureKind, type FailureOptions } from "../../failure.ts";
import type { Quota } from "../contract.ts";
import { quotasOf, retryAfterMs } from "./limits.ts";

/** An answer without its body. */
export interface AnswerHead {
  readonly status: number;
  /** By their names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

interface Meaning {
  readonly kind: FailureKind;
  readonly message: string;
  readonly remedy: string;
  /** Another try would be answered in the same way. */
  readonly final?: true;
}

const rejected: Meaning = {
  kind: "statement_rejected",
  message: "The source refuses the request as it is",
  remedy: "Check what is asked for against the source's documentation: names, values, and what must be given.",
};

const gone: Meaning = {
  kind: "unknown_resource",
  message: "The source has nothing at this place",
  remedy:
    "Check the connector's base URL, the resource's path, and that its user may see it: many sources hide what is not theirs.",
};

const changed: Meaning = {
  kind: "conflict",
  message: "What the request is about is not in the state that it needs",
  remedy: "Read it again, and repeat the request as it fits.",
};

const unavailable: Meaning = {
  kind: "upstream_unavailable",
  message: "The source can't serve now",
  remedy: "Try again later; if it goes on, look at the source's own status page or log.",
};

const unsuitable: Meaning = { ...rejected, message: "The source does not take such requests here" };

const forbidden: Meaning = {
  kind: "upstream_permission_denied",
  message: "The connector's credential does not allow this at the source",
  remedy:
    "Grant it what it needs at the source (a role, or a scope of its token), or use a connector with another one.",
};

const misled: Meaning = {
  kind: "configuration_rejected",
  message: "The source answers with a redirect",
  remedy: "Give the URL that it leads to in the end.",
};

const meanings: Readonly<Record<number, Meaning>> = {
  401: {
    kind: "credential_rejected",
    message: "The source rejected the stored credential",
    remedy: "Store the right credential with UpdateConnector, or grant access anew.",
  },
  402: { ...forbidden, message: "The source asks for payment" },
  403: forbidden,
  404: gone,
  405: unsuitable,
  406: unsuitable,
  408: unavailable,
  409: changed,
  410: gone,
  412: changed,
  415: unsuitable,
  423: changed,
  425: unavailable,
  428: unsuitable,
  501: { ...unavailable, message: "The source can't do this", final: true },
  505: { ...unavailable, message: "The source does not speak this version of HTTP", final: true },
};

function meaningOf(status: number): Meaning {
  const known = meanings[status];
  if (known !== undefined) return known;
  if (status >= 500 && status <= 599) return unavailable;
  if (status >= 400 && status <= 499) return rejected;
  if (status >= 300 && status <= 399) return misled;
  return { ...unavailable, message: "The source answers with a status that there is not", final: true };
}

const limited: Meaning = {
  kind: "upstream_rate_limited",
  message: "The source limits how often it is called",
  remedy: "Call it less often, or ask the source for a higher limit.",
};

/** What an answer means whose status is none of success; the provider's id is `upstream`. */
export function statusFailure(head: AnswerHead, upstream: string, now = Date.now()): Failure {
  const { status, headers } = head;
  const quotas = quotasOf(headers, now);
  const used = quotas.find(({ remaining }) => remaining === 0);
  const wait = retryAfterMs(headers, now) ?? resetMs(used, now);
  const { kind, message, remedy, final = false } = isLimit(head, used) ? limited : meaningOf(status);
  return new Failure(kind, `${message} (HTTP ${status}).`, {
    ...{ where: kind === "credential_rejected" ? "credential" : "upstream", remedy, upstream, status: String(status) },
    ...(final ? { final } : {}),
    ...(kind === "upstream_rate_limited" && wait !== undefined ? { retryAfterMs: wait } : {}),
    metadata: { ...requestIdOf(headers), ...quotaFacts(used ?? quotas[0]) },
  });
}

/** GitHub says 403 for its limits, and overloaded servers 503: each with how long to wait. */
function isLimit({ status, headers }: AnswerHead, used: Quota | undefined): boolean {
  const waits = headers["retry-after"] !== undefined;
  return status === 429 || (status === 503 && waits) || (status === 403 && (waits || used !== undefined));
}

function resetMs(quota: Quota | undefined, now: number): number | undefined {
  return quota?.resetTime === undefined ? undefined : Math.max(0, quota.resetTime.getTime() - now);
}

function quotaFacts(quota: Quota | undefined): Record<string, string> {
  if (quota === undefined) return {};
  const { name, limit, remaining, resetTime } = quota;
  const reset = resetTime === undefined ? {} : { quota_reset_time: resetTime.toISOString() };
  return { quota: name, quota_limit: String(limit), quota_remaining: String(remaining), ...reset };
}

/** What sources call their own id of a request, which their support asks for. */
const requestIdNames = [
  ...["x-request-id", "request-id", "x-correlation-id", "x-amzn-requestid", "x-amz-request-id", "x-github-request-id"],
  ...["x-hubspot-correlation-id", "x-ms-request-id", "x-goog-request-id", "sfdc-request-id", "cf-ray", "x-trace-id"],
];

function requestIdOf(headers: AnswerHead["headers"]): Record<string, string> {
  for (const name of requestIdNames) {
    const id = headers[name];
    if (id !== undefined && /^[\w.:/+=@-]{1,128}$/.test(id)) return { request_id: id };
  }
  return {};
}

const unreachable: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens at its host and port",
  ENOTFOUND: "its host has no address",
  EAI_AGAIN: "its host could not be resolved now",
  ETIMEDOUT: "it did not answer in time",
  EHOSTUNREACH: "no route leads to it",
  ENETUNREACH: "no route leads to its network",
  EADDRNOTAVAIL: "no route leads to it",
};

/** Why no connection could be opened: nothing was sent. */
export function connectFailure(error: unknown, upstream: string): Failure {
  if (error instanceof Failure) return error;
  const { code, cause } = codeOf(error);
  const problem = tlsProblem(code);
  if (problem !== undefined) {
    const remedy = "Check the certificate that it sends; give `ca` when an authority of its own has signed it.";
    return failure("tls_failed", `The source was not believed: ${problem}.`, { remedy, upstream, cause });
  }
  const what = unreachable[code] ?? "it ended the connection before anything was sent";
  const remedy = "Check the base URL, that the source is running, and that its firewall lets the service in.";
  return failure("upstream_unreachable", `The source can't be reached: ${what}.`, { remedy, upstream, cause });
}

/** What a connection ended with on which a request was sent. */
export function exchangeFailure(error: unknown, upstream: string): Failure {
  if (error instanceof Failure) return error;
  const { code, cause } = codeOf(error);
  if (code === "HPE_HEADER_OVERFLOW") {
    const remedy = "Ask whoever runs the source why it sends so many headers.";
    return failure("too_large", "The source's answer has too many bytes of headers.", {
      upstream,
      cause,
      remedy,
      final: true,
    });
  }
  if (code.startsWith("HPE_")) {
    const remedy = "Check the base URL's scheme, host and port: something else listens there.";
    return failure("upstream_unavailable", "The source does not answer in HTTP.", {
      upstream,
      cause,
      remedy,
      final: true,
    });
  }
  if (code.startsWith("Z_") || code.startsWith("ERR__ERROR_") || code.startsWith("ERR_BROTLI")) {
    const message = "The source's answer can't be decompressed.";
    const remedy = "Look at what stands between here and the source: a proxy may have cut or changed its answer.";
    return failure("upstream_unavailable", message, { upstream, cause, remedy, final: true });
  }
  return lost("The source ended the connection before its answer was whole.", upstream, cause);
}

export function lost(message: string, upstream: string, cause?: Error): Failure {
  const remedy = "Try again; if it goes on, look at the source's own log.";
  return failure("upstream_lost", message, { remedy, upstream, cause });
}

/** @param what it has that is too large, as the end of a sentence: `more than 5 bytes` */
export function tooLarge(what: string, upstream: string): Failure {
  return failure("too_large", `The source's answer has ${what}.`, {
    ...{ upstream, final: true, remedy: "Ask for fewer rows or fields at once, or stream them." },
  });
}

/** Nobody knows what became of a request that must not be repeated. */
export function unknownOutcome(cause: unknown, upstream: string): Failure {
  const { status, metadata } = cause instanceof Failure ? cause : { status: undefined, metadata: {} };
  const answered = status === undefined ? "" : ` (HTTP ${status})`;
  const message = `The request was sent${answered}, and whether the source has carried it out is not known.`;
  return failure("outcome_unknown", message, {
    ...{ upstream, cause, metadata, remedy: "Look at the source what became of it before sending it again." },
    ...(status === undefined ? {} : { status }),
  });
}

function failure(kind: FailureKind, message: string, options: FailureOptions): Failure {
  return new Failure(kind, message, { where: "upstream", ...options });
}

/** The error's code, and a cause for the log that holds nothing else: the error itself may hold a header or bytes of the answer. */
function codeOf(error: unknown): { readonly code: string; readonly cause: Error } {
  // Of several addresses, what the first one said.
  const first = error instanceof AggregateError && error.errors.length > 0 ? error.errors[0] : error;
  const code = (first as { readonly code?: unknown } | undefined)?.code;
  const text = typeof code === "string" ? code : "";
  return { code: text, cause: new Error(text || "unknown") };
}
