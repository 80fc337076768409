/** What resources and fields are called. */

/** `/v1/customers/{id}/orders` in parts, without what is in front of every path of an API. */
export interface PathPart {
  readonly text: string;
  /** The name of its parameter, when it is one. */
  readonly parameter: string | undefined;
}

export function partsOf(path: string): PathPart[] {
  return path
    .split("/")
    .filter((part) => part !== "")
    .map((text) => ({ text, parameter: /\{([^{}]+)\}/.exec(text)?.[1] }));
}

/** The last part of a path that is no parameter; empty when there is none. */
export function lastWord(path: string): string {
  return partsOf(path).findLast(({ parameter }) => parameter === undefined)?.text ?? "";
}

/** `v1`, `v2beta1`, `2026-09`, `api`: they say which API it is, and not what is in it. */
const preamble = /^(?:v\d+(?:[._]\d+)*(?:(?:alpha|beta|rc)\d*)?|\d{4}-\d{2}(?:-\d{2})?|api|rest)$/i;

/**
 * A path's parts that are no parameters, with dots between: `/v1/customers/{id}/orders` is
 * `customers.orders`. Where two would have the same, the later one has the API's version in
 * front when that differs (`v2.customers`); else it says what it is read by (`customers.by_id`),
 * or is called as its operation.
 */
export function resourceNames(): (path: string, operationId: string | undefined) => string {
  const taken = new Set<string>();
  const versions = new Set<string>();
  return (path, operationId) => {
    const parts = partsOf(path);
    const fixed = parts.filter(({ parameter }) => parameter === undefined);
    const words = fixed.map(({ text }) => text.replace(/\.json$/, "").replaceAll(/[^\w-]+/g, "_"));
    const told = words.filter((word) => !preamble.test(word));
    const byOperation = operationId === undefined ? [] : [nameOfOperation(operationId)];
    const base = told.length === 0 ? (byOperation[0] ?? "root") : told.join(".");
    const version = words.join(".");
    const versioned = versions.has(version) ? [] : [version];
    versions.add(version);
    const by = parts.findLast(({ parameter }) => parameter !== undefined)?.parameter;
    const byParameter = by === undefined ? [] : [`${base}.by_${by.replaceAll(/\W+/g, "_")}`];
    return take(taken, [base, ...versioned, ...byParameter, ...byOperation], base);
  };
}

export function nameOfOperation(id: string): string {
  return id.replaceAll(/[^\w.-]+/g, "_").slice(0, 100);
}

/** The first that is free, or the last resort with a number behind. */
export function take(taken: Set<string>, wanted: readonly string[], resort: string): string {
  let name = wanted.find((candidate) => candidate !== "" && !taken.has(candidate));
  for (let number = 2; name === undefined; number++) {
    if (!taken.has(`${resort}_${number}`)) name = `${resort}_${number}`;
  }
  taken.add(name);
  return name;
}

/** Two spellings of one name are alike: `createdAt`, `created_at` and `created-at`. */
export function plain(name: string): string {
  return name.replaceAll(/[^a-z0-9]/gi, "").toLowerCase();
}

/** `customers` → `customer`, `companies` → `company`, `statuses` → `status`. */
export function singular(word: string): string {
  if (/ies$/i.test(word)) return word.replace(/ies$/i, "y");
  if (/(?:ss|sh|ch|x|us)es$/i.test(word)) return word.slice(0, -2);
  return /[^su]s$/i.test(word) ? word.slice(0, -1) : word;
}
