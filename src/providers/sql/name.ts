/**
 * Full names of resources: namespace and local name joined with a dot. A part that
 * holds a dot or a double quote stands in double quotes, its own doubled, as an SQL
 * identifier does; every other part stands as it is, capitals and spaces included.
 */

export interface ResourceName {
  readonly namespace: string | undefined;
  readonly localName: string;
}

export function formatName(namespace: string, localName: string): string {
  return `${formatPart(namespace)}.${formatPart(localName)}`;
}

/** Undefined when the text is no name: no part, more than two, or an open quote. */
export function parseName(text: string): ResourceName | undefined {
  const part = /(?:"((?:[^"]|"")+)"|([^."]+))(\.|$)/y;
  const parts: string[] = [];
  for (;;) {
    const match = part.exec(text);
    if (match === null) return undefined;
    parts.push(match[1] === undefined ? (match[2] as string) : match[1].replaceAll('""', '"'));
    if (match[3] === "") break;
  }
  const [first, second, ...more] = parts;
  if (first === undefined || more.length > 0) return undefined;
  return second === undefined ? { namespace: undefined, localName: first } : { namespace: first, localName: second };
}

function formatPart(part: string): string {
  return /[."]/.test(part) ? `"${part.replaceAll('"', '""')}"` : part;
}
