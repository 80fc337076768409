/** The header Link (RFC 8288), as far as it leads to a next page. */

/** A target in angle brackets, and its parameters: tokens or quoted texts. No bracket is looked at twice, or many would take seconds. */
const link = /<([^<>]*)>((?:\s*;\s*[!#$%&'*+.^_`|~\w-]+\s*(?:=\s*(?:"(?:[^"\\]|\\.)*"|[^\s;,"]*))?)*)/g;
const parameter = /;\s*([!#$%&'*+.^_`|~\w-]+)\s*(?:=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*)))?/g;

/** Characters of a header that are looked at. */
const longest = 16_384;

/** The first target whose relation is `next`; undefined when there is none. */
export function nextOf(header: string): string | undefined {
  for (const [, target, parameters = ""] of header.slice(0, longest).matchAll(link)) {
    // The first `rel` counts; a link about another page (`anchor`) is none of this one's.
    const given = [...parameters.matchAll(parameter)].map(([, name = "", quoted, token]) => {
      return [name.toLowerCase(), quoted ?? token ?? ""] as const;
    });
    const relations =
      given
        .find(([name]) => name === "rel")?.[1]
        .toLowerCase()
        .split(/\s+/) ?? [];
    if (relations.includes("next") && !given.some(([name]) => name === "anchor")) return target;
  }
  return undefined;
}
