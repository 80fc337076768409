/** How pages follow each other, out of an operation's parameters and its answer. */
import type { MoreRule, PagingStyle, SizeRule, Slot } from "../declaration.ts";
import { plain } from "./names.ts";
import type { Operation, Parameter } from "./operations.ts";
import { declaredPaging } from "./paging-extensions.ts";
import type { Referenced } from "./reference.ts";
import { type Scalar, scalarsIn } from "./scalars.ts";

export interface Paging {
  readonly style: PagingStyle;
  /** The names of query parameters that are the paging's own, and no filters. */
  readonly parameters: ReadonlySet<string>;
}

// Names are in plain spelling: `perPage`, `per_page` and `per-page` are alike.
const sizes = new Set([
  ...["limit", "perpage", "pagesize", "maxresults", "size", "pagelimit", "itemsperpage", "resultsperpage", "take"],
  ...["maxitems", "maxpagesize", "batchsize", "numresults", "top", "first", "rows", "count"],
]);
const tokens = new Set([
  ...["cursor", "pagetoken", "nextpagetoken", "nexttoken", "continuation", "continuationtoken", "nextcursor", "after"],
  ...["startingafter", "marker", "scrollid", "pagecursor", "pageafter", "startcursor", "paginationtoken", "bookmark"],
  ...["nextpage", "pageid", "pageinfo", "page", "start", "offset", "token"],
]);
const pages = new Set(["page", "pagenumber", "pageno", "pageindex", "currentpage", "pagenum"]);
const offsets = new Set(["offset", "skip", "startat", "startindex", "pageoffset", "firstresult", "start"]);
const afters = new Set(["startingafter", "afterid", "sinceid", "after"]);
/** Ways back, which nobody goes. */
const backwards = new Set(["before", "endingbefore", "previouscursor", "prevcursor", "pagebefore", "beforeid"]);
/** What is a filter as often as not: it is paging's where a style makes use of it. */
const doubtful = new Set(["top", "first", "rows", "count", "start", "token", "size", "take"]);

/** Where the next page's token stands, the most telling name first. */
const nextTokens = [
  ...["nextcursor", "nextpagetoken", "nexttoken", "continuationtoken", "nextmarker", "nextpagecursor", "endcursor"],
  ...["nextoffset", "nextkey", "nextstart", "nextpage", "next", "after", "continuation", "scrollid", "bookmark"],
  ...["cursor", "marker", "pagetoken", "offset"],
];
const nextUrls = ["nexturl", "nextpageurl", "nextlink", "odatanextlink", "nexturi", "nextpage", "next"];
const mores = ["hasmore", "hasnext", "hasnextpage", "more", "hasmoreitems", "moreavailable", "hasmoreresults"];
const totals = ["totalcount", "total", "totalresults", "totalitems", "totalrecords", "totalsize", "totalelements"];

/**
 * How a page follows another: by an extension of the document, else by names that many APIs
 * have in common, and `none` where there are none of them. What an answer says of the next page
 * comes before what can be counted.
 *
 * @param key Where the rows' key stands in a row, to go on behind; undefined when it is not known.
 */
export function pagingOf(operation: Operation, key: string | undefined, references: Referenced): Paging {
  const query = operation.parameters.filter((parameter) => parameter.in === "query");
  const scalars = scalarsIn(operation.answer?.schema, references);
  const size = query.find((parameter) => sizes.has(plain(parameter.name)) && isCount(parameter));
  const facts: Facts = { query, scalars, size: size && sizeRule(size), links: operation.answer?.links === true, key };
  const style = declaredPaging(operation, facts.size) ?? styleOf(facts);
  if (style === undefined) return { style: { style: "none", size: undefined }, parameters: new Set() };
  const used = new Set([size?.name, "slot" in style && "name" in style.slot ? style.slot.name : undefined]);
  return { style, parameters: new Set(query.filter((p) => used.has(p.name) || isPaging(p)).map(({ name }) => name)) };
}

function isPaging({ name, shape }: Parameter): boolean {
  const said = plain(name);
  if (said === "after" || said === "before") return !shape.format?.startsWith("date");
  return isPagingName(said) && !doubtful.has(said);
}

const isPagingName = (name: string) => [sizes, tokens, pages, offsets, backwards].some((names) => names.has(name));

interface Facts {
  readonly query: readonly Parameter[];
  readonly scalars: readonly Scalar[];
  readonly size: SizeRule | undefined;
  readonly links: boolean;
  readonly key: string | undefined;
}

function styleOf(facts: Facts): PagingStyle | undefined {
  const { query, scalars, size, links, key } = facts;
  const rule: MoreRule = { more: pointerOf(scalars, mores, "boolean"), total: pointerOf(scalars, totals, "integer") };
  const token = tokenOf(facts);
  if (token !== undefined) return { style: "token", ...token, ...rule, size };
  const url = scalars.find((scalar) => isNextUrl(scalar));
  if (url !== undefined) return { style: "next_url", next: url.pointer, size };
  if (links) return { style: "link", size };
  const page = query.find((parameter) => pages.has(plain(parameter.name)) && isCount(parameter));
  if (page !== undefined) return { style: "page", slot: slotOf(page), first: firstPage(page), ...rule, size };
  const offset = query.find((parameter) => offsets.has(plain(parameter.name)) && isCount(parameter));
  if (offset !== undefined) return { style: "offset", slot: slotOf(offset), ...rule, size };
  const after = query.find((parameter) => afters.has(plain(parameter.name)));
  if (after === undefined || key === undefined || rule.more === undefined) return undefined;
  return { style: "after", slot: slotOf(after), last: key, keyset: false, ...rule, size };
}

function tokenOf({ query, scalars }: Facts): { readonly slot: Slot; readonly next: string } | undefined {
  for (const name of nextTokens) {
    for (const scalar of scalars) {
      if (scalar.name !== name || scalar.isUrl || scalar.type === "boolean") continue;
      const parameter = query.find((candidate) => takes(candidate, scalar));
      if (parameter !== undefined) return { slot: slotOf(parameter), next: scalar.pointer };
    }
  }
  return undefined;
}

/** An answer that only repeats the number it was asked with says nothing of the next page. */
function takes(parameter: Parameter, { name, type }: Scalar): boolean {
  const asked = plain(parameter.name);
  if (!tokens.has(asked)) return false;
  const numbers = isCount(parameter);
  if (numbers && name === asked && (offsets.has(asked) || pages.has(asked))) return false;
  // A page's number is followed by one that is called so.
  return asked === "page" ? name === "nextpage" && numbers === (type === "integer") : true;
}

function isNextUrl({ name, parent, isUrl }: Scalar): boolean {
  if (nextUrls.includes(name)) return isUrl || parent.endsWith("links");
  return name === "href" && parent === "next";
}

function pointerOf(scalars: readonly Scalar[], names: readonly string[], type: Scalar["type"]): string | undefined {
  const fits = (scalar: Scalar) => scalar.type === type || (type === "integer" && scalar.type === "number");
  for (const name of names) {
    const found = scalars.find((scalar) => scalar.name === name && fits(scalar));
    if (found !== undefined) return found.pointer;
  }
  return undefined;
}

const slotOf = ({ name }: Parameter): Slot => ({ in: "query", name });

function isCount({ shape: { type } }: Parameter): boolean {
  return type === "integer" || type === "number";
}

/** The greatest page: by the schema or by what is written; else what is given without asking is given for sure. */
function sizeRule({ name, shape, description }: Parameter): SizeRule | undefined {
  const written = /(?:max(?:imum)?|exceed|up to|at most|between \d+ and|less than or equal to)\D{0,25}(\d{1,6})/i.exec(
    description,
  );
  const max = shape.maximum ?? (written === null ? undefined : Number(written[1])) ?? shape.byDefault;
  return typeof max === "number" && max >= 1 ? { slot: { in: "query", name }, max: Math.floor(max) } : undefined;
}

function firstPage({ shape: { minimum, byDefault } }: Parameter): number {
  const first = typeof byDefault === "number" ? byDefault : (minimum ?? 1);
  return first === 0 ? 0 : 1;
}
