/** Lists of structured fields (RFC 9651), as far as headers that are read here use them. */

export interface StructuredItem {
  /** The item itself, or its key where it has a value: `default` of `"default";r=50`, `limit` of `limit=100`. */
  readonly name: string;
  /** Behind the key; undefined where there is none. */
  readonly value: string | undefined;
  /** By their keys; what is there without a value is empty. */
  readonly parameters: ReadonlyMap<string, string>;
}

/** More than anybody sends are not looked at. */
const maxItems = 16;
const maxLength = 4_096;

/** A quoted text, or what stands between separators. */
const token = /"(?:[^"\\]|\\.)*"|[^;,=\s"]+|[;,=]/g;

/** What is no item is left out: a header that nobody understands says nothing. */
export function itemsOf(header: string): readonly StructuredItem[] {
  const items: StructuredItem[] = [];
  for (const tokens of split(header.slice(0, maxLength).match(token) ?? [], ",").slice(0, maxItems)) {
    const [[name, equals, value] = [], ...parameters] = split(tokens, ";");
    if (name === undefined || name === "=") continue;
    items.push({
      name: bare(name),
      value: equals === "=" && value !== undefined ? bare(value) : undefined,
      parameters: new Map(parameters.map(([key = "", , text = ""]) => [key, bare(text)])),
    });
  }
  return items;
}

function split(tokens: readonly string[], separator: string): string[][] {
  const parts: string[][] = [[]];
  for (const each of tokens) {
    if (each === separator) parts.push([]);
    else parts.at(-1)?.push(each);
  }
  return parts;
}

function bare(text: string): string {
  return text.startsWith('"') ? text.slice(1, -1).replace(/\\(.)/g, "$1") : text;
}
