/** What a caller may give to others: no more than it has. */
import { Failure, invalidRequest } from "../failure.ts";
import { authorize, isScope, type Principal, type Scope, scopes } from "./principal.ts";
import { includesLimit, isResourcePattern } from "./resources.ts";

export interface Grant {
  readonly scopes: readonly string[];
  /** Empty for all of the organization's. */
  readonly connectorIds: readonly string[];
  /** Empty for all of its connectors'. */
  readonly resources: readonly string[];
}

/**
 * Lets a grant pass that its giver has itself. Throws a permission_denied Failure that
 * names what it lacks, and an invalid_request Failure for what can't be granted at all.
 */
export function checkGrant(giver: Principal, grant: Grant): void {
  for (const scope of knownScopes(grant.scopes)) authorize(giver, scope);
  checkResources(grant);
  const { connectorIds } = grant;
  const reached = giver.connectorIds;
  if (reached !== undefined) {
    const stranger = connectorIds.find((id) => !reached.has(id.toLowerCase()));
    if (stranger !== undefined || connectorIds.length === 0) {
      throw beyond("connectors", stranger === undefined ? {} : { connector: stranger });
    }
  }
  const wanted = grant.resources.length === 0 ? undefined : grant.resources;
  if (!includesLimit(giver.resources, wanted)) throw beyond("resources", {});
}

function knownScopes(names: readonly string[]): Scope[] {
  const unknown = names.findIndex((name) => !isScope(name));
  if (unknown >= 0) {
    throw invalidRequest({ field: `scopes[${unknown}]`, description: `must be one of ${scopes.join(", ")}` });
  }
  return names.filter(isScope);
}

function checkResources({ resources, scopes: names }: Grant): void {
  const wrong = resources.findIndex((name) => !isResourcePattern(name));
  if (wrong >= 0) {
    const description = "must be a resource's full name as GetSchema shows it, or a namespace with `.*`";
    throw invalidRequest({ field: `resources[${wrong}]`, description });
  }
  if (resources.length > 0 && names.includes("connector.query.native")) {
    const description = "can't be combined with `resources`: native statements can't be held to them";
    throw invalidRequest({ field: "scopes", description });
  }
}

function beyond(what: string, metadata: Readonly<Record<string, string>>): Failure {
  return new Failure("permission_denied", `An API key can't reach ${what} that its maker does not reach.`, {
    where: "caller",
    remedy: `Name only ${what} that the caller is limited to, or call with an API key that has no such limit.`,
    metadata,
  });
}
