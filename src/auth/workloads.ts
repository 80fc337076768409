/**
 * Workloads that show a certificate with a SPIFFE id, and what each of them is, by a list
 * of the operator's (SPIFFE: X509-SVID, sections 2 to 5).
 *
 * A call with a token is its token's bearer's, and the certificate only secures the
 * connection, unless the list says that the workload must show both.
 */
import { z } from "zod";
import { Failure } from "../failure.ts";
import type { Authenticate } from "./authenticator.ts";
import { isScope, type Principal, principalOf, unauthenticated } from "./principal.ts";
import { isResourcePattern } from "./resources.ts";

/** What a connection's client showed, as OpenSSL judged it. */
export interface ClientCertificate {
  /** Why it is not to be trusted: `CERT_HAS_EXPIRED`. Undefined when it was good at the connection's beginning. */
  readonly problem: string | undefined;
  /** The URIs among its subject's alternative names. */
  readonly uris: readonly string[];
  /** Whether it may sign others. */
  readonly isAuthority: boolean;
  /** Milliseconds since 1970. */
  readonly notAfter: number;
}

/** @throws Failure of kind `unauthenticated`, and what `authenticate` throws. */
export type AuthenticateCaller = (
  authorization: string | null,
  certificate: ClientCertificate | undefined,
) => Promise<Principal>;

/** A trust domain and at least one segment of a path (SPIFFE-ID, section 2), short enough for a name in the history. */
const spiffeId = /^spiffe:\/\/[a-z0-9._-]{1,255}(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._-]+)+$/;
const isSpiffeId = (text: string) => text.length <= 255 && spiffeId.test(text);
const isPrefix = (text: string) => text.endsWith("/") && isSpiffeId(`${text}x`);

const workload = z
  .strictObject({
    id: z.string().refine(isSpiffeId, "must be a SPIFFE id of at most 255 characters").optional(),
    prefix: z.string().refine(isPrefix, "must be the beginning of SPIFFE ids, with a slash at its end").optional(),
    organization: z.string().regex(/^[A-Za-z0-9_.:-]{1,64}$/, "must be an organization's id"),
    /** The workload must send one, which says what it may do. */
    token: z.literal("required").optional(),
    scopes: z.array(z.string().refine(isScope, "must be a scope such as connector.read")).min(1).optional(),
    connectors: z.array(z.uuid()).optional(),
    resources: z.array(z.string().refine(isResourcePattern, "must be a full name or a namespace.*")).optional(),
  })
  .refine(({ id, prefix }) => (id === undefined) !== (prefix === undefined), "must have an `id` or a `prefix`")
  .refine(
    ({ token, scopes, connectors, resources }) =>
      token === undefined ? scopes !== undefined : (scopes ?? connectors ?? resources) === undefined,
    'must have `scopes`, or else `"token": "required"`, which leaves scopes and limits to the token',
  );

const list = z.array(workload);

type Workload = z.output<typeof workload>;

export interface Workloads {
  /** What the list says of an id: the entry of that id, or else of the longest prefix. */
  find(id: string): Workload | undefined;
}

/** @throws Failure of kind `configuration_rejected` that names the wrong entries */
export function parseWorkloads(json: string): Workloads {
  const entries = parsed(json);
  const byId = new Map(entries.flatMap((entry) => (entry.id === undefined ? [] : [[entry.id, entry]])));
  const byPrefix = entries
    .filter(({ prefix }) => prefix !== undefined)
    .toSorted((a, b) => (b.prefix?.length ?? 0) - (a.prefix?.length ?? 0));
  return { find: (id) => byId.get(id) ?? byPrefix.find(({ prefix = "" }) => id.startsWith(prefix)) };
}

/** Lets workloads call by their certificates, besides those who call by tokens. */
export function authenticateWorkloads(authenticate: Authenticate, workloads: Workloads): AuthenticateCaller {
  return async (authorization, certificate) => {
    const hasToken = authorization !== null && authorization.trim() !== "";
    if (!hasToken) return workloadOf(workloads, certificate);
    const principal = await authenticate(authorization);
    const bound = certificate && isGood(certificate) ? workloads.find(idOf(certificate) ?? "") : undefined;
    if (bound?.token !== undefined && bound.organization !== principal.organizationId) {
      throw unauthenticated(
        "The token is of another organization than the workload that shows it.",
        "Call with a token of the workload's organization.",
      );
    }
    return principal;
  };
}

function workloadOf(workloads: Workloads, certificate: ClientCertificate | undefined): Principal {
  if (certificate === undefined) {
    throw unauthenticated(
      "The call has no Authorization header, and its connection no client certificate.",
      "Send `Authorization: Bearer <token>`, or connect with the workload's certificate.",
    );
  }
  if (!isGood(certificate)) throw badCertificate(certificate);
  const id = idOf(certificate);
  if (id === undefined) {
    throw unauthenticated(
      "The client certificate names no workload: it has not just one URI, a SPIFFE id, or is an authority's.",
      "Connect with an X.509-SVID, or send a token.",
    );
  }
  const workload = workloads.find(id);
  if (workload === undefined) {
    throw unauthenticated(
      `The workload \`${id}\` is not one that this service knows.`,
      "Have the operator add it to the list of SPIFFE ids, or send a token.",
    );
  }
  if (workload.token !== undefined) {
    throw unauthenticated(
      `The workload \`${id}\` must send a token besides its certificate.`,
      "Send `Authorization: Bearer <token>`, too.",
    );
  }
  const { organization, scopes = [], connectors, resources } = workload;
  const authentication = "certificate";
  return principalOf({ organizationId: organization, id, authentication, scopes, connectorIds: connectors, resources });
}

/** A connection outlives its certificate. */
function isGood({ problem, notAfter }: ClientCertificate): boolean {
  return problem === undefined && notAfter > Date.now();
}

/** Undefined unless it is a workload's: one URI and no more, and no authority (X509-SVID, sections 2 and 4.1). */
function idOf({ uris, isAuthority }: ClientCertificate): string | undefined {
  const [uri, ...more] = uris;
  return uri !== undefined && more.length === 0 && !isAuthority && isSpiffeId(uri) ? uri : undefined;
}

const problems: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: "has expired",
  CERT_NOT_YET_VALID: "is not valid yet",
  INVALID_PURPOSE: "is not for clients",
  DEPTH_ZERO_SELF_SIGNED_CERT: "is signed by itself",
  SELF_SIGNED_CERT_IN_CHAIN: "is not signed by an authority that this service trusts",
  UNABLE_TO_GET_ISSUER_CERT: "is not signed by an authority that this service trusts",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "is not signed by an authority that this service trusts",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "is not signed by an authority that this service trusts",
};

function badCertificate({ problem = "CERT_HAS_EXPIRED" }: ClientCertificate): Failure {
  return unauthenticated(
    `The client certificate ${problems[problem] ?? `can't be trusted (${problem})`}.`,
    "Connect with a certificate of the workload's that is valid now, and that the operator's authority has signed.",
  );
}

function parsed(json: string): Workload[] {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw wrongList(["it is not JSON"]);
  }
  const { success, data, error } = list.safeParse(value);
  if (!success) throw wrongList(error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`));
  const names = data.map(({ id, prefix }) => id ?? prefix);
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) throw wrongList([`${twice} is there twice`]);
  return data;
}

function wrongList(problems: readonly string[]): Failure {
  return new Failure("configuration_rejected", `The list of SPIFFE ids can't be used:\n  ${problems.join("\n  ")}`, {
    where: "service",
    remedy: "Change the file that SPIFFE_PRINCIPALS_FILE names; deploy/OPERATING.md shows one.",
  });
}
