/**
 * Limits to resources: full names as GetSchema shows them (`public.city`), and `sales.*`
 * for all of one namespace.
 *
 * Names are compared to the letter. Another way to write an allowed one (`city` by the
 * search path, `"public".city`) is refused: what it stands for is the source's to say,
 * and may change.
 */

/** Whether a limit may be written so: a name, or a namespace with `.*`. */
export function isResourcePattern(text: string): boolean {
  return text.length > 0 && text.length <= 300 && text !== "*" && text !== ".*" && !hasControl(text);
}

/** Whether a resource is among those of a limit; undefined limits nothing. */
export function reachesResource(limit: readonly string[] | undefined, name: string): boolean {
  return limit === undefined || limit.some((pattern) => covers(pattern, name));
}

/** Whether a name says the namespace too, whatever stands in quotes. */
export function namesNamespace(name: string): boolean {
  return name.replaceAll(/"[^"]*"/g, "").includes(".");
}

/** Whether whatever the second limit reaches is reached by the first. */
export function includesLimit(limit: readonly string[] | undefined, other: readonly string[] | undefined): boolean {
  if (limit === undefined) return true;
  return other?.every((pattern) => limit.some((each) => covers(each, pattern))) ?? false;
}

/** A namespace's pattern covers itself, too: no part of a name is written `*`. */
function covers(pattern: string, name: string): boolean {
  if (pattern === name) return true;
  return pattern.endsWith(".*") && name.startsWith(pattern.slice(0, -1)) && name.length >= pattern.length;
}

function hasControl(text: string): boolean {
  return /\p{Cc}/u.test(text) || !text.isWellFormed();
}
