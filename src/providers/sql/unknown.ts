/** What a request is told whose resource is not there, or not to be read. */
import { Failure } from "../../failure.ts";
import { didYouMean, nearest } from "../query/nearest.ts";
import { formatName, type ResourceName } from "./name.ts";

const field = "query.resource";

/** @param near what may have been meant, the nearest first */
export function unknownResource(name: string, near: readonly string[]): Failure {
  const description = `There is no resource \`${name}\` that the connector's user can see.${didYouMean(near)}`;
  return new Failure("unknown_resource", description, {
    where: "request",
    remedy:
      "Name a resource as GetSchema shows it; capitals count, and a part that holds a dot or a quote stands in double quotes.",
    fields: [{ field, description }],
  });
}

/** @param name of a relation that the user may read, and no query shall */
export function tellingTooMuch(name: string): Failure {
  const description = `\`${name}\` is not among the system's relations that a query may read.`;
  return new Failure("statement_rejected", description, {
    where: "request",
    remedy: "Name a resource as GetSchema shows it; GetSchema itself describes the database.",
    fields: [{ field, description }],
  });
}

/**
 * Names that are near as a whole, or in another namespace, or in the way that they are
 * written; at most three.
 *
 * @param there namespaces and local names
 */
export function nearestResources(
  name: string,
  { localName }: ResourceName,
  there: readonly (readonly [namespace: string, localName: string])[],
): string[] {
  const names = there.map(([namespace, local]) => ({ full: formatName(namespace, local), local }));
  const elsewhere = names.filter(({ local }) => local.toLowerCase() === localName.toLowerCase());
  const locals = names.map(({ local }) => local);
  const byLocal = new Set(nearest(localName, locals));
  const fulls = names.map(({ full }) => full);
  const near = [
    ...elsewhere.map(({ full }) => full),
    ...nearest(name, fulls),
    ...names.filter(({ local }) => byLocal.has(local)).map(({ full }) => full),
  ];
  return [...new Set(near)].slice(0, 3);
}
