import { Failure } from "../../../failure.ts";

/** Pages without rows, each of which leads to another, after which nobody believes that rows follow. */
const maxEmptyPages = 100;

/** @param count empty pages one after the other */
export function refuseEmpty(resource: string, count: number): void {
  if (count < maxEmptyPages) return;
  const message = `The source has given ${count} pages of \`${resource}\` without rows, each with another behind it.`;
  throw new Failure("upstream_unavailable", message, {
    ...{ where: "upstream", final: true, metadata: { resource } },
    remedy: "Check the paging and the place of the rows that the connector declares for the resource.",
  });
}
