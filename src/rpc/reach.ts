/** Keeps queries and schemas to the resources that their caller is limited to. */
import { authorize, type Principal } from "../auth/principal.ts";
import { namesNamespace, reachesResource } from "../auth/resources.ts";
import { Failure } from "../failure.ts";
import type { Query } from "../gen/connector/v1/query_pb.js";
import type { AnyAction } from "../providers/contract/action.ts";
import type { Resource } from "../providers/contract/resource.ts";
import type { Explanation, Provider } from "../providers/contract.ts";

/**
 * Lets a query pass that its caller may ask, before anything looks for its answer. A native
 * statement needs a scope of its own, and can't be held to a limit.
 *
 * @throws Failure of kind `permission_denied` that names the scope or the resource
 */
export function authorizeQuery(principal: Principal, { source }: Query, { type }: Provider): void {
  if (source.case !== "native") {
    authorizeResource(principal, source.value ?? "", type);
    return;
  }
  authorize(principal, "connector.query.native");
  if (principal.resources === undefined) return;
  throw new Failure("permission_denied", "The caller is limited to some resources, so it can send no statements.", {
    where: "caller",
    remedy: "Query a resource, or call with an API key or a token that is not limited to resources.",
    metadata: { scope: "connector.query.native" },
  });
}

/**
 * Lets an action pass on a resource that its caller reaches. What a named one touches is its
 * own to say, so that it can't be held to a limit.
 *
 * @throws Failure of kind `permission_denied` that names the resource or the action
 */
export function authorizeAction(principal: Principal, action: AnyAction, { type }: Provider): void {
  if (action.kind !== "named") {
    authorizeResource(principal, action.resource, type);
    return;
  }
  if (principal.resources === undefined) return;
  throw new Failure("permission_denied", "The caller is limited to some resources, so it can run no named actions.", {
    where: "caller",
    remedy: "Change rows of a resource, or call with an API key or a token that is not limited to resources.",
    metadata: { action: action.name },
  });
}

/** Whether a name says all of where it stands. Where a database would look for one without a namespace is its own to say. */
export function isFullName(resource: string, { type }: Pick<Provider, "type">): boolean {
  return type === "api" || namesNamespace(resource);
}

/** No limit means a name that is none of its own. */
function authorizeResource({ resources }: Principal, resource: string, type: Provider["type"]): void {
  if (resources === undefined || (isFullName(resource, { type }) && reachesResource(resources, resource))) return;
  throw new Failure("permission_denied", `The caller is limited to resources that \`${resource}\` is not among.`, {
    where: "caller",
    remedy: "GetSchema shows those that it reaches; each must be named to the letter as it stands there.",
    metadata: { resource },
  });
}

/** What is suggested for a name that does not exist must be within the caller's reach, too. */
export async function withoutSuggestions<T>({ resources }: Principal, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (resources === undefined || !(error instanceof Failure) || error.kind !== "unknown_resource") throw error;
    const description = "There is no such resource that the connector's user can see.";
    throw new Failure("unknown_resource", description, {
      where: "request",
      remedy: "GetSchema shows the resources that the caller reaches.",
      fields: [{ field: "query.resource", description }],
      cause: error,
    });
  }
}

/** A view's plan names what stands behind it. */
export function explanationWithin({ resources }: Principal, explanation: Explanation): Explanation {
  return resources === undefined ? explanation : { ...explanation, plan: undefined };
}

/** The resources within reach, and of what they refer to no other's name. */
export function resourcesWithin({ resources: limit }: Principal, resources: readonly Resource[]): readonly Resource[] {
  if (limit === undefined) return resources;
  const reaches = (name: string) => reachesResource(limit, name);
  return resources
    .filter(({ name }) => reaches(name))
    .map((resource) => ({
      ...resource,
      partitionOf: reaches(resource.partitionOf) ? resource.partitionOf : "",
      foreignKeys: resource.foreignKeys.filter(({ references }) => reaches(references)),
    }));
}
