/** What an authorization server's refusal means to the caller. No text of the server's is kept, only codes of the standards. */
import {
  AuthorizationResponseError,
  OperationProcessingError,
  ResponseBodyError,
  UnsupportedOperationError,
} from "oauth4webapi";
import { Failure, type FailureOptions } from "../../../../failure.ts";

/** Whom it happened with, and what helps. */
export interface Asked {
  /** The authorization server's host. */
  readonly host: string;
  /** What to do when the grant is not good (any more). */
  readonly grantRemedy: string;
}

type Meaning = readonly [kind: Failure["kind"], what: string, remedy?: string];

const clientRemedy =
  "Check client_id, client_authentication and the client's secret, key or certificate, and give the connector the right ones.";

/** RFC 6749, sections 4.1.2.1 and 5.2; RFC 8707, section 2; OpenID Connect Core, section 3.1.2.6. */
const meanings: Readonly<Record<string, Meaning>> = {
  invalid_client: ["credential_rejected", "does not accept the connector's client", clientRemedy],
  invalid_grant: ["credential_rejected", "does not accept the connector's grant (any more)"],
  unauthorized_client: [
    "configuration_rejected",
    "does not let this client get tokens in this way",
    "Allow the grant for the client at the authorization server, or choose another type of authentication.",
  ],
  unsupported_grant_type: [
    "configuration_rejected",
    "does not know this way to get tokens",
    "Choose another type of authentication.",
  ],
  unsupported_response_type: ["configuration_rejected", "does not give authorization codes"],
  invalid_scope: ["configuration_rejected", "does not give one of the scopes", "Check the connector's scopes."],
  invalid_target: [
    "configuration_rejected",
    "does not know the resource or the audience that the token is for",
    "Check the connector's resources and audience.",
  ],
  invalid_request: [
    "configuration_rejected",
    "finds a parameter missing or wrong",
    "Check the connector's authentication against the server's documentation.",
  ],
  access_denied: [
    "upstream_permission_denied",
    "was told by its user, or by its own rules, to give no access",
    "Authorize the connector again, and agree to what is asked for.",
  ],
  login_required: ["upstream_permission_denied", "wants its user to sign in first"],
  consent_required: ["upstream_permission_denied", "wants its user to agree first"],
  interaction_required: ["upstream_permission_denied", "wants to show its user something first"],
  account_selection_required: ["upstream_permission_denied", "wants its user to choose an account first"],
  server_error: ["upstream_unavailable", "has failed"],
  temporarily_unavailable: ["upstream_unavailable", "can't answer now"],
  slow_down: ["upstream_rate_limited", "limits its callers"],
};

/** What vendors say instead. */
const synonyms: Readonly<Record<string, string>> = {
  bad_verification_code: "invalid_grant",
  bad_refresh_token: "invalid_grant",
  invalid_code: "invalid_grant",
  invalid_refresh_token: "invalid_grant",
  token_expired: "invalid_grant",
  token_revoked: "invalid_grant",
  incorrect_client_credentials: "invalid_client",
  invalid_client_id: "invalid_client",
  bad_client_secret: "invalid_client",
  redirect_uri_mismatch: "invalid_request",
};

/** An answer that says to wait, or that the server has failed; undefined for any other. */
export function unavailable(host: string, { status, headers }: Response): Failure | undefined {
  if (status !== 429 && status < 500) return undefined;
  const retryAfterMs = retryAfterOf(headers);
  const kind = status === 429 ? "upstream_rate_limited" : "upstream_unavailable";
  const what = status === 429 ? "limits its callers" : "can't answer now";
  const patience = retryAfterMs === undefined ? {} : { retryAfterMs };
  return failure(host, kind, what, { status: String(status), ...patience });
}

const maxPatienceMs = 86_400_000;

/** Seconds, or a date (RFC 9110, section 10.2.3). */
function retryAfterOf(headers: Headers): number | undefined {
  const given = headers.get("retry-after")?.trim() ?? "";
  const ms = /^\d+$/.test(given) ? Number(given) * 1_000 : Date.parse(given) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), maxPatienceMs);
}

export function timedOut(host: string, ms: number): Failure {
  return failure(host, "upstream_unavailable", `has not answered within ${ms / 1_000} s`);
}

/** @param error What oauth4webapi throws, or a Failure of the fetch, which stays as it is. */
export function failureOf(error: unknown, asked: Asked): Failure {
  if (error instanceof Failure) return error;
  if (error instanceof ResponseBodyError) return refused(error.error, error.status, asked);
  if (error instanceof AuthorizationResponseError) return refused(error.error, undefined, asked);
  const { host } = asked;
  if (error instanceof OperationProcessingError || error instanceof UnsupportedOperationError) {
    const status = error.cause instanceof Response ? error.cause.status : undefined;
    if (status !== undefined && status !== 200) return unexplained(status, asked);
    // The library's own error holds what the server sent.
    return failure(host, "upstream_unavailable", "answers with what is no token of OAuth 2.0", {
      cause: new Error(error.code),
      remedy: "Check that the connector's issuer or endpoints are those of an OAuth 2.0 server.",
    });
  }
  return new Failure("internal", "Getting a token has failed.", {
    where: "service",
    cause: new Error((error as Error | undefined)?.name ?? "unknown"),
  });
}

/** An error that the server names: in words of the standards, or in its own, of which only the HTTP status is told. */
function refused(given: string, httpStatus: number | undefined, asked: Asked): Failure {
  const code = (Object.hasOwn(synonyms, given) ? synonyms[given] : undefined) ?? given;
  const { host, grantRemedy } = asked;
  const meaning = Object.hasOwn(meanings, code) ? meanings[code] : undefined;
  if (meaning === undefined) return unexplained(httpStatus ?? 400, asked);
  const [kind, what, remedy = code === "invalid_grant" ? grantRemedy : undefined] = meaning;
  return failure(host, kind, `${what} (${code})`, { status: code, ...(remedy === undefined ? {} : { remedy }) });
}

/** Only the status of the answer says something. */
function unexplained(status: number, { host }: Asked): Failure {
  const known = { status: String(status) };
  if (status === 401 || status === 403) {
    return failure(host, "credential_rejected", "does not accept the connector's client", {
      ...{ ...known, remedy: clientRemedy },
    });
  }
  return failure(host, "configuration_rejected", `refuses in its own way (${status})`, {
    ...known,
    remedy: "Check the connector's authentication against the server's documentation, its endpoints first.",
  });
}

export function failure(host: string, kind: Failure["kind"], what: string, options: FailureOptions = {}): Failure {
  const isOurs = kind === "credential_rejected" || kind === "configuration_rejected";
  return new Failure(kind, `The authorization server "${host}" ${what}.`, {
    where: kind === "credential_rejected" ? "credential" : kind === "configuration_rejected" ? "connector" : "upstream",
    // What the connector's own settings cause, no other try changes.
    ...(isOurs ? { final: true } : {}),
    metadata: { authorization_server: host },
    ...options,
  });
}
