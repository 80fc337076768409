/** How a connector declares that pages follow each other. */
import { z } from "zod";
import type { PagingStyle, SizeRule } from "../declaration.ts";
import { pointer, slot, slotOf } from "./parts.ts";

const size = z
  .strictObject({
    parameter: slot,
    max: z.int().min(1).max(1_000_000).describe("The most rows that a page can have."),
  })
  .optional()
  .describe("How the source is told how many rows a page shall have. Default: it is not.");

const more = pointer
  .min(1)
  .optional()
  .describe("Where the answer says, beside the rows, whether more follow: /has_more.");
const total = pointer.min(1).optional().describe("Where the answer has the number of all rows: /meta/total.");
const ends = { more, total };
const next = pointer.min(1);

export const paging = z
  .discriminatedUnion("style", [
    z.strictObject({ style: z.literal("none").describe("One answer has all rows.") }),
    z.strictObject({
      style: z.literal("token").describe("An answer has the token of the next page."),
      parameter: slot,
      next: next.describe("Where the token is, beside the rows: /paging/next/after."),
      ...{ size, ...ends },
    }),
    z.strictObject({ style: z.literal("link").describe("The header Link leads to the next page (RFC 8288)."), size }),
    z.strictObject({
      style: z.literal("next_url").describe("An answer has the URL of the next page, on the same server."),
      next: next.describe("Where the URL is, beside the rows: /links/next."),
      size,
    }),
    z.strictObject({
      style: z.literal("page").describe("Pages have numbers."),
      parameter: slot,
      first: z.int().min(0).max(1).default(1).describe("The number of the first page."),
      ...{ size, ...ends },
    }),
    z.strictObject({
      style: z.literal("offset").describe("Pages begin behind so many rows."),
      parameter: slot,
      ...{ size, ...ends },
    }),
    z.strictObject({
      style: z.literal("after").describe("A page begins behind a row, which is named by one of its values."),
      parameter: slot,
      last: next.describe("Where that value stands in a row: /id."),
      keyset: z
        .boolean()
        .default(false)
        .describe("Rows come in the order of that value, so that those that come and go shift no others."),
      ...{ size, ...ends },
    }),
  ])
  .describe("How the source's pages follow each other.")
  .meta({ id: "paging" });

export function pagingStyle(declared: z.output<typeof paging>): PagingStyle {
  if (declared.style === "none") return { style: "none", size: undefined };
  const size = declared.size === undefined ? undefined : sizeRule(declared.size);
  if (declared.style === "link") return { style: "link", size };
  if (declared.style === "next_url") return { style: "next_url", next: declared.next, size };
  const common = { slot: slotOf(declared.parameter), size, more: declared.more, total: declared.total };
  switch (declared.style) {
    case "token":
      return { ...common, style: "token", next: declared.next };
    case "page":
      return { ...common, style: "page", first: declared.first };
    case "offset":
      return { ...common, style: "offset" };
    case "after":
      return { ...common, style: "after", last: declared.last, keyset: declared.keyset };
  }
}

function sizeRule({ parameter, max }: NonNullable<z.output<typeof size>>): SizeRule {
  return { slot: slotOf(parameter), max };
}
