/** Which rule of the source a change would break: names out of the server's text, and never a value. */

/**
 * Where each error has the name, by its number. A value may stand before it, as in
 * `Duplicate entry 'Bern' for key 'city.name'`: it is looked for at the very end, or where
 * the server writes nothing but names.
 */
const patterns: ReadonlyMap<number, readonly [of: "constraint" | "field", name: RegExp]> = new Map(
  (
    [
      [[1062, 1586], "constraint", / for key '(?:[^'.]+\.)?([^']+)'$/],
      [[1451, 1452], "constraint", /, CONSTRAINT `((?:[^`]|``)+)` FOREIGN KEY \(/],
      [[3819], "constraint", /^Check constraint '([^']+)' is violated\.?$/],
      [[4025], "constraint", /^CONSTRAINT `((?:[^`]|``)+)` failed for /],
      [[1048], "field", /^Column '([^']+)' cannot be null$/],
      [[1364], "field", /^Field '([^']+)' doesn't have a default value$/],
      [[1264, 1406], "field", /^[A-Z][a-z]+(?: [a-z]+)* for column '([^']+)' at row \d+$/],
      [[1906, 3105], "field", /^The value specified for generated column '([^']+)' in table /],
    ] satisfies (readonly [readonly number[], "constraint" | "field", RegExp])[]
  ).flatMap(([numbers, of, name]) => numbers.map((number) => [number, [of, name]] as const)),
);

/**
 * What the source calls the rule, or the field that it is about.
 *
 * @param message the server's own
 */
export function ruleOf(errno: number, message: string): Readonly<Record<string, string>> {
  const pattern = patterns.get(errno);
  if (pattern === undefined) return {};
  const [of, expression] = pattern;
  const name = expression.exec(message)?.[1]?.replaceAll("``", "`");
  return name === undefined ? {} : { [of]: name };
}
