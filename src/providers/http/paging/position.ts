/** Where a reading stands among the source's pages. */
import { Failure } from "../../../failure.ts";

export interface Position {
  /** What leads to the page: a token, a number, a value or a URL without its origin; undefined for the first. */
  readonly cursor: string | undefined;
  /** Pages before it. */
  readonly pages: number;
  /** Rows before it. */
  readonly rows: number;
  /** What would come again if the source went round in circles; see `pager.ts`. */
  readonly mark: string | undefined;
}

export const start: Position = { cursor: undefined, pages: 0, rows: 0, mark: undefined };

/** Where a page of a caller ended. */
export interface Continuation {
  /** The source's page that it ended in, or the one behind it. */
  readonly position: Position;
  /** Rows of that page that were read already. */
  readonly skip: number;
  /** Rows that the source's pages are asked to have; undefined when it is not told. */
  readonly size: number | undefined;
  /** Rows that callers have got up to now. */
  readonly served: number;
}

export const beginning: Omit<Continuation, "size"> = { position: start, skip: 0, served: 0 };

export function encodeContinuation({ position, skip, size, served }: Continuation): string {
  const { cursor = null, pages, rows, mark = null } = position;
  return JSON.stringify([cursor, pages, rows, mark, skip, size ?? null, served]);
}

/** @throws Failure `invalid_page_token` when it is none, as one of a connector that was another provider's */
export function decodeContinuation(text: string): Continuation {
  const parts = parsed(text);
  const [cursor, pages, rows, mark, skip, size, served] = parts;
  const isRight =
    parts.length === 7 &&
    [cursor, mark].every((each) => each === null || typeof each === "string") &&
    [pages, rows, skip, served].every(isCount) &&
    (size === null || isCount(size));
  if (!isRight) throw unfit();
  return {
    position: {
      cursor: (cursor as string | null) ?? undefined,
      pages: pages as number,
      rows: rows as number,
      mark: (mark as string | null) ?? undefined,
    },
    skip: skip as number,
    size: (size as number | null) ?? undefined,
    served: served as number,
  };
}

const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;

function parsed(text: string): unknown[] {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}

export function unfit(): Failure {
  const description = "It does not fit the resource as the connector declares it now.";
  return new Failure("invalid_page_token", description, {
    where: "request",
    remedy: "Begin again with an empty page_token.",
    fields: [{ field: "page_token", description }],
  });
}
