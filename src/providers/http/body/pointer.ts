/** JSON pointers (RFC 6901). */

/** Far beyond all that is meant: what walks along one may recurse. */
const maxNames = 32;

/**
 * The names that lead to a value: `/a~1b/0` has `a/b` and `0`; none for the whole.
 *
 * @throws RangeError for what is no pointer, or one of more than 32 names
 */
export function pointerNames(pointer: string): string[] {
  if (pointer === "") return [];
  const names = pointer.split("/");
  if (names.shift() !== "" || /~(?![01])/.test(pointer)) throw new RangeError(`\`${pointer}\` is no JSON pointer`);
  if (names.length > maxNames) throw new RangeError(`\`${pointer}\` has more than ${maxNames} names`);
  return names.map((name) => name.replaceAll("~1", "/").replaceAll("~0", "~"));
}
