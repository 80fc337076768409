/**
 * From one page of the source to the next, by any style.
 *
 * A source that goes round in circles is seen without keeping all that it has said: the
 * place at page 1, 2, 4, 8, … is remembered, and comes again within one round (Brent's
 * algorithm). Where places are counted they never come again: there the key of the last row does.
 */
import { Failure } from "../../../failure.ts";
import type { RowReading } from "../body/format.ts";
import type { PagingStyle, SizeRule, Slot } from "../declaration.ts";
import type { HttpAnswer, HttpRequest } from "../exchange.ts";
import { type Assignment, assigned } from "../request.ts";
import type { WrittenJson } from "../spelling.ts";
import { nextOf } from "./link.ts";
import type { Position } from "./position.ts";

/** A page that has been read to its end. */
export interface ReadPage {
  readonly position: Position;
  /** The request that it answers. */
  readonly request: HttpRequest;
  readonly headers: HttpAnswer["headers"];
  /** Where the source is, as the answer tells. */
  readonly origin: HttpAnswer["origin"];
  readonly reading: Pick<RowReading, "value" | "last">;
  readonly rows: number;
  /** Rows that were asked for, where the source is told. */
  readonly size: number | undefined;
}

export interface Pager {
  /** What leads to a page: values for slots, or a URL that stands for the whole request. */
  at(
    position: Position,
    size: number | undefined,
  ): { readonly assignments: readonly Assignment[] } | { readonly url: URL };
  /** What must be picked out of a body beside its rows, and of the last row. */
  readonly beside: readonly string[];
  readonly last: readonly string[];
  /**
   * The page behind; undefined at the end.
   *
   * @throws Failure `upstream_unavailable`, final, when the source leads back to where the reading
   *   was, `egress_denied` when it leads to another origin
   */
  next(page: ReadPage): Position | undefined;
}

export interface PagerOptions {
  readonly resource: string;
  readonly base: URL;
  readonly paging: PagingStyle;
  /** Paths of the primary key in a row. */
  readonly key: readonly string[];
}

/** What is a page's size for the source, of so many rows that are wanted. */
export function sizeFor(size: SizeRule | undefined, wanted: number): number | undefined {
  return size === undefined ? undefined : Math.max(1, Math.min(size.max, wanted));
}

export function pagerOf(options: PagerOptions): Pager {
  const { paging } = options;
  switch (paging.style) {
    case "none":
      return { at: () => ({ assignments: [] }), beside: [], last: [], next: () => undefined };
    case "link":
      return urlPager(options, [], ({ headers }) => nextOf(headers.link ?? ""));
    case "next_url":
      return urlPager(options, [paging.next], ({ reading }) => reading.value(paging.next));
    case "token":
      return {
        at: (position, size) => placed(paging, position.cursor, position.cursor, size),
        beside: [paging.next, ...besideOf(paging)],
        last: [],
        next: (page) => (saysEnd(page, paging) ? undefined : moved(page, page.reading.value(paging.next), options)),
      };
    case "after":
      return {
        at: (position, size) => placed(paging, position.cursor, position.cursor, size),
        beside: besideOf(paging),
        last: [paging.last],
        next: (page) => (isEnd(page, paging) ? undefined : moved(page, page.reading.last(paging.last), options)),
      };
    case "page":
    case "offset":
      return countingPager(options, paging);
  }
}

/** @param target what leads to the next page, as the source gives it */
function urlPager(
  options: PagerOptions,
  beside: readonly string[],
  target: (page: ReadPage) => string | undefined,
): Pager {
  const { base, paging } = options;
  return {
    at: ({ cursor }, size) =>
      cursor === undefined
        ? { assignments: sized(paging.size, size) }
        : { url: within([base.origin], new URL(cursor, base), options) },
    beside,
    last: [],
    next: (page) => moved(page, targetOf(target(page), page, options), options),
  };
}

type Counting = Extract<PagingStyle, { readonly style: "page" | "offset" }>;

function countingPager(options: PagerOptions, paging: Counting): Pager {
  const first = paging.style === "page" ? paging.first : 0;
  return {
    at({ cursor = String(first) }, size) {
      return placed(paging, cursor, Number(cursor), size);
    },
    beside: besideOf(paging),
    last: options.key,
    next(page) {
      if (isEnd(page, paging)) return undefined;
      const { position, rows } = page;
      const cursor = paging.style === "page" ? first + position.pages + 1 : position.rows + rows;
      return counted(page, String(cursor), keyOf(page, options.key), options);
    },
  };
}

/** A cursor and a size in their slots. */
function placed(
  { slot, size: rule }: { readonly slot: Slot; readonly size: SizeRule | undefined },
  cursor: string | undefined,
  json: WrittenJson | undefined,
  size: number | undefined,
) {
  const place = cursor === undefined ? [] : [assigned(slot, cursor, json)];
  return { assignments: [...place, ...sized(rule, size)] };
}

function sized(rule: SizeRule | undefined, size: number | undefined): Assignment[] {
  return rule === undefined || size === undefined ? [] : [assigned(rule.slot, String(size), size)];
}

type Ends = Extract<PagingStyle, { readonly more: string | undefined }>;

const besideOf = ({ more, total }: Ends) => [more, total].filter((pointer) => pointer !== undefined);

/** Whether the source says that this is the last page; undefined when it says nothing. */
function saysEnd({ position, rows, reading }: ReadPage, { more, total }: Ends): boolean | undefined {
  const follows = more === undefined ? undefined : reading.value(more);
  if (follows !== undefined) return ["false", "0", ""].includes(follows);
  const all = total === undefined ? undefined : reading.value(total);
  return all === undefined ? undefined : position.rows + rows >= Number(all);
}

/** A page that is not full is the last, where nothing better is known. */
function isEnd(page: ReadPage, ends: Ends): boolean {
  if (page.rows === 0) return true;
  return saysEnd(page, ends) ?? (page.size !== undefined && page.rows < page.size);
}

function behind({ position, rows }: ReadPage) {
  return { pages: position.pages + 1, rows: position.rows + rows };
}

/** @param cursor the source's own; none, or an empty one, on the last page */
function moved(page: ReadPage, cursor: string | undefined, { resource }: PagerOptions): Position | undefined {
  if (cursor === undefined || cursor === "") return undefined;
  const { position } = page;
  if (cursor === position.cursor || cursor === position.mark) throw goesRound(resource);
  // At each power of two.
  const isMark = (position.pages & (position.pages + 1)) === 0;
  return { ...behind(page), cursor, mark: isMark ? position.cursor : position.mark };
}

/** @param key of the last row, which no other page can end with */
function counted(page: ReadPage, cursor: string, key: string | undefined, { resource }: PagerOptions): Position {
  if (key !== undefined && key === page.position.mark) throw goesRound(resource);
  return { ...behind(page), cursor, mark: key };
}

function keyOf({ reading }: ReadPage, paths: readonly string[]): string | undefined {
  const values = paths.map((path) => reading.last(path));
  return values.length === 0 || values.includes(undefined) ? undefined : JSON.stringify(values);
}

function goesRound(resource: string): Failure {
  return new Failure("upstream_unavailable", `The source's pages of \`${resource}\` lead back to one that was read.`, {
    ...{ where: "upstream", final: true, metadata: { resource } },
    remedy: "Check the paging that the connector declares for the resource; the source may ignore the parameter.",
  });
}

/** A URL that the source gives, without its origin, which is the connector's own. */
function targetOf(
  target: string | undefined,
  { request, origin }: ReadPage,
  options: PagerOptions,
): string | undefined {
  if (target === undefined || target === "") return undefined;
  if (!URL.canParse(target, request.url)) throw leadsAway(options.resource, "to no URL");
  const { pathname, search } = within([options.base.origin, origin], new URL(target, request.url), options);
  return pathname + search;
}

/** Nobody but the connector's own server gets the connector's credential. */
function within(origins: readonly string[], url: URL, { resource }: PagerOptions): URL {
  if (!origins.includes(url.origin) || url.username !== "" || url.password !== "") {
    throw leadsAway(resource, "away from the connector's server");
  }
  url.hash = "";
  return url;
}

function leadsAway(resource: string, where: string): Failure {
  return new Failure("egress_denied", `The source's next page of \`${resource}\` leads ${where}.`, {
    ...{ where: "egress", final: true, metadata: { resource } },
    remedy: "Check `config.base_url`; if the source itself names another host, use that one.",
  });
}
