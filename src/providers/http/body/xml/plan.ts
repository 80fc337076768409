/** Which elements and attributes of a document are wanted: paths as a tree. */

/** An element at one path. */
export interface ElementPlan {
  /** Its text is this value; -1 for none. */
  text: number;
  /** The values that its attributes are. */
  readonly attributes: Map<string, number>;
  readonly children: Map<string, ElementPlan>;
  isRow: boolean;
  /** Rows stand in it. */
  holdsRows: boolean;
}

export interface DocumentPlan {
  /** What holds the document's root. */
  readonly document: ElementPlan;
  /** The values of each row come first. */
  readonly rowValues: number;
  readonly values: number;
  /** The value of each path that was asked for. */
  readonly numbers: ReadonlyMap<string, number>;
  readonly besideNumbers: ReadonlyMap<string, number>;
}

/** Far beyond all that is meant. */
const maxNames = 32;

/**
 * @param rows the path of the elements that are rows
 * @param inRow paths below a row
 * @param beside paths from the root
 * @throws RangeError for what is no path
 */
export function planDocument(rows: string, inRow: readonly string[], beside: readonly string[]): DocumentPlan {
  const document = newElement();
  const rowNames = namesOf(rows);
  if (rowNames.length === 0 || rowNames.some(isAttribute)) throw new RangeError(`\`${rows}\` is no path of elements`);
  const row = elementAt(document, rowNames);
  row.isRow = true;
  elementAt(document, rowNames.slice(0, -1)).holdsRows = true;
  let values = 0;
  const number = (from: ElementPlan, paths: readonly string[]) =>
    new Map([...new Set(paths)].map((path) => [path, want(from, namesOf(path), values++)]));
  const numbers = number(row, inRow);
  const rowValues = values;
  const besideNumbers = number(document, beside);
  return { document, rowValues, values, numbers, besideNumbers };
}

function want(from: ElementPlan, names: readonly string[], value: number): number {
  const last = names.at(-1);
  if (names.slice(0, -1).some(isAttribute))
    throw new RangeError("only an attribute's name begins with @, at a path's end");
  if (last === undefined || !isAttribute(last)) {
    elementAt(from, names).text = value;
  } else {
    elementAt(from, names.slice(0, -1)).attributes.set(last.slice(1), value);
  }
  return value;
}

function elementAt(from: ElementPlan, names: readonly string[]): ElementPlan {
  let element = from;
  for (const name of names) {
    const next = element.children.get(name) ?? newElement();
    element.children.set(name, next);
    element = next;
  }
  return element;
}

const isAttribute = (name: string) => name.startsWith("@");

function namesOf(path: string): string[] {
  if (path === "") return [];
  const [before, ...names] = path.split("/");
  if (before !== "" || names.includes("") || names.includes("@") || names.length > maxNames) {
    throw new RangeError(`\`${path}\` is no path of elements`);
  }
  return names;
}

const newElement = (): ElementPlan => ({
  ...{ text: -1, attributes: new Map(), children: new Map(), isRow: false, holdsRows: false },
});
