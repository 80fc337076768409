/** Statements without their values, so that they may be kept. */

/** What is kept of the longest, in characters. */
export const longestKept = 2_000;

/** @param text a statement in which `?` stands for each value that stood in it */
export function keptStatement(text: string): string {
  // How many there are is a value, too.
  return text
    .replaceAll(/\(\s*\?(?:\s*,\s*\?)+\s*\)/g, "(?, …)")
    .slice(0, longestKept)
    .trimEnd();
}
