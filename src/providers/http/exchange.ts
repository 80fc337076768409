/** What goes to an HTTP API and what comes back: the shapes that the parts of this folder share. */
import type { ClientCertificate } from "../../egress/tls.ts";
import type { Call } from "../contract.ts";

export interface HttpRequest {
  /** Upper case. */
  readonly method: string;
  /** Without user, password and fragment. */
  readonly url: URL;
  /** By their names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | undefined;
  /** The same request sent twice has one effect: what was lost on the way may be sent again. Default: GET and HEAD only. */
  readonly repeatable?: boolean;
  /** Bytes of the answer's body at most, decompressed; `Infinity` for who reads it without keeping it. Default: 100,000,000. */
  readonly maxBytes?: number;
}

/** An answer of a status below 300; any other is a Failure. Its body must be read to the end, or given up. */
export interface HttpAnswer {
  readonly status: number;
  /** By their names in lower case; several of one name are joined by `, `. */
  readonly headers: Readonly<Record<string, string>>;
  /** Decompressed and bounded. Ending the iteration early ends the exchange at the source. */
  readonly body: AsyncIterable<Uint8Array>;
  /** `TLSv1.3` for example; empty without encryption. */
  readonly tls: string;
  /** Where the source is: the base URL's origin, or that of the server that the authentication has chosen. */
  readonly origin: string;
}

/** A live handle to an HTTP API: keeps connections, authenticates, and turns what went wrong into a Failure. */
export interface HttpClient {
  /**
   * Settles with the answer's head.
   *
   * A GET or HEAD follows redirects; who is redirected to another origin than the base URL's, or
   * asks there, shows nothing of what the authentication gives. What reading the body throws is
   * of the same kinds, or the reason of the call's signal.
   *
   * @throws Failure that holds neither path, query, header nor any byte of a body:
   *   `credential_rejected` (401), `upstream_permission_denied` (403), `upstream_rate_limited`
   *   with `retryAfterMs` (429, and 503 with Retry-After), `unknown_resource` (404, 410),
   *   `conflict` (409, 412), `statement_rejected` (400, 422), `upstream_unavailable` (5xx),
   *   `upstream_unreachable`, `upstream_lost`, `tls_failed`, `egress_denied`, `too_large`;
   *   `status` is the HTTP status, `metadata.request_id` the source's own id of the request.
   *   `outcome_unknown` for what is not repeatable, was sent, and got no answer: the connection was
   *   lost, or the call ended; without it and without a `status` nothing was sent. The signal's
   *   reason when the call ends otherwise.
   */
  send(request: HttpRequest, call: Call): Promise<HttpAnswer>;
  close(): Promise<void>;
}

/** How requests show who sends them. */
export interface Authentication {
  /** Shown to the source when it asks for one while the connection is encrypted (mutual TLS); to no other origin. */
  readonly certificate?: ClientCertificate | undefined;
  /**
   * The request as it may be sent: with a header, a parameter or a signature more, or to the
   * server that the credential is for, which is the source then.
   *
   * @throws Failure `credential_rejected` when nothing valid can be had any more
   */
  authorize(request: HttpRequest, call: Call): Promise<HttpRequest>;
  /**
   * The source has answered 401 to what `authorize` gave. Whether it is worth to authorize
   * and send once more: a token may have been taken back before its time. Left out where
   * it never is.
   */
  renew?(rejected: HttpRequest, call: Call): Promise<boolean>;
}
