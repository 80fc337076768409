/**
 * The names nearest to a wrong one, the nearest first: those that an edit or two, or
 * about a third of the name's letters, lead to. Case does not count.
 */
export function nearest(wrong: string, names: Iterable<string>, atMost = 3): string[] {
  const asked = wrong.toLowerCase();
  const limit = Math.max(2, Math.floor(asked.length / 3));
  const found: { name: string; distance: number }[] = [];
  for (const name of names) {
    if (Math.abs(name.length - asked.length) > limit) continue;
    const distance = editDistance(asked, name.toLowerCase(), limit);
    if (distance <= limit) found.push({ name, distance });
  }
  found.sort((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1));
  return found.slice(0, atMost).map(({ name }) => name);
}

/** A sentence that offers names, with a space in front; empty without any. */
export function didYouMean(names: readonly string[]): string {
  if (names.length === 0) return "";
  const quoted = names.map((name) => `\`${name}\``);
  const last = quoted.pop();
  return ` Did you mean ${quoted.length > 0 ? `${quoted.join(", ")} or ` : ""}${last}?`;
}

/** Insertions, deletions and replacements that lead from `a` to `b`; gives up above `limit`. */
function editDistance(a: string, b: string, limit: number): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    if (Math.min(...next) > limit) return limit + 1;
    row = next;
  }
  return row[b.length] as number;
}
