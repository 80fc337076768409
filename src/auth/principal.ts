/** Who calls, and what they may do. */
import { Failure } from "../failure.ts";

/** Every scope; `connector.admin` implies the others. */
export const scopes = [
  "connector.read",
  "connector.write",
  "connector.query",
  "connector.query.native",
  "connector.execute",
  "connector.audit.read",
  "connector.admin",
] as const;

export type Scope = (typeof scopes)[number];

/** How it is known who calls. */
export type Authentication = "api_key" | "jwt" | "certificate";

export interface Principal {
  readonly organizationId: string;
  /** The caller's name in history and audit. */
  readonly id: string;
  readonly authentication: Authentication;
  /** The id of its API key; absent when it shows something else. */
  readonly apiKeyId?: string;
  readonly scopes: ReadonlySet<Scope>;
  /** The connectors it may reach, in lower case; undefined for all of the organization's. */
  readonly connectorIds: ReadonlySet<string> | undefined;
  /** The resources it may reach, as `resources.ts` has them; undefined for all of its connectors'. */
  readonly resources: readonly string[] | undefined;
  /** The agent that it calls as, on that agent's grants only; absent for none. */
  readonly agent?: string;
}

/** Visible ASCII characters, since a header names it; the contract says the same. */
export function isAgentName(name: unknown): name is string {
  return typeof name === "string" && /^[!-~]{1,255}$/.test(name);
}

/**
 * The principal as it makes one call.
 *
 * @param named The agent that the call names; null for none
 * @throws Failure `invalid_request` for what is no agent's name, `permission_denied` for another agent than its own
 */
export function asAgent(principal: Principal, named: string | null): Principal {
  if (named === null || named === principal.agent) return principal;
  if (!isAgentName(named)) {
    throw new Failure("invalid_request", "The header Connector-Agent is not of 1 to 255 visible ASCII characters.", {
      where: "request",
      remedy: "Name the agent as its grants do, or leave the header out.",
    });
  }
  if (principal.agent === undefined) return { ...principal, agent: named };
  throw new Failure("permission_denied", "The caller's API key or token is another agent's than the call names.", {
    where: "caller",
    remedy: "Leave the header Connector-Agent out, or call with an API key or a token of that agent.",
    metadata: { agent: principal.agent },
  });
}

export function isScope(text: unknown): text is Scope {
  return (scopes as readonly unknown[]).includes(text);
}

/**
 * Lets the call pass or throws a permission_denied Failure whose `metadata.scope` names
 * the scope that was needed. What the principal may do it to is not looked at here.
 */
export function authorize(principal: Principal, scope: Scope): void {
  if (principal.scopes.has(scope) || principal.scopes.has("connector.admin")) return;
  throw new Failure("permission_denied", `This call needs the scope ${scope}, which the caller does not have.`, {
    where: "caller",
    remedy: `Call with an API key or a token that has the scope ${scope}.`,
    metadata: { scope },
  });
}

/** What a credential says about its bearer, before it is looked at. */
export interface Claims {
  readonly organizationId: unknown;
  readonly id: unknown;
  readonly authentication: Authentication;
  /** Those that this service does not know are left out. */
  readonly scopes: readonly unknown[];
  /** Undefined for all of the organization's; empty for none. */
  readonly connectorIds: readonly string[] | undefined;
  /** Undefined for all of its connectors'; empty for none. */
  readonly resources: readonly string[] | undefined;
  /** Default: none. */
  readonly agent?: unknown;
}

/** The principal of some claims. Throws an unauthenticated Failure when they name none. */
export function principalOf(claims: Claims): Principal {
  const { organizationId, id, authentication, connectorIds, resources, agent } = claims;
  if (typeof organizationId !== "string" || !/^[A-Za-z0-9_.:-]{1,64}$/.test(organizationId)) {
    throw unauthenticated(
      "The caller's organization is not of 1 to 64 letters, digits and `_`, `.`, `:`, `-`.",
      "Have the token issued with the id of an organization.",
    );
  }
  if (typeof id !== "string" || id === "" || id.length > 255) {
    throw unauthenticated(
      "The caller's name is not of 1 to 255 characters.",
      "Have the token issued with the caller's name as its subject.",
    );
  }
  if (agent !== undefined && !isAgentName(agent)) {
    throw unauthenticated(
      "The caller's agent is not of 1 to 255 visible ASCII characters.",
      "Have the token issued with the agent's name as its grants have it.",
    );
  }
  return {
    ...{ organizationId, id, authentication, resources },
    ...(agent === undefined ? {} : { agent }),
    scopes: new Set(claims.scopes.filter(isScope)),
    connectorIds: connectorIds && new Set(connectorIds.map((each) => each.toLowerCase())),
  };
}

/** The caller is not known. Neither text may hold any of the token. */
export function unauthenticated(message: string, remedy: string): Failure {
  return new Failure("unauthenticated", message, { where: "caller", remedy });
}
