import { expect, test } from "vitest";
import type { PagingStyle } from "../../../../src/providers/http/declaration.ts";
import { integer, listOf, object, operation, parameter, readOf, resourceOf, text, thing } from "./document.ts";

type Parts = Record<string, unknown>;

/** How `GET /things` is paged, with these parameters, when this stands beside its rows. */
function pagingOf(parameters: readonly Parts[], beside: Parts = {}, more: Parts = {}): PagingStyle {
  return readOf(resourceOf(operation(object({ data: listOf(thing), ...beside }), { parameters, ...more }))).paging;
}

const count = (name: string, more: Parts = {}) => parameter(name, { type: "integer", ...more });
const slot = (name: string) => ({ in: "query", name });
const size = { slot: slot("limit"), max: 100 };
const limit = count("limit", { maximum: 100 });
const flag = { type: "boolean" };

test.each<[string, readonly Parts[], Parts, object]>([
  [
    "a cursor of the answer",
    [limit, parameter("cursor")],
    { next_cursor: text },
    { style: "token", slot: slot("cursor"), next: "/next_cursor", size },
  ],
  [
    "a token of Google's",
    [parameter("pageToken")],
    { nextPageToken: text },
    { style: "token", slot: slot("pageToken"), next: "/nextPageToken" },
  ],
  [
    "HubSpot's after",
    [limit, parameter("after")],
    { paging: object({ next: object({ after: text }) }) },
    { style: "token", slot: slot("after"), next: "/paging/next/after", size },
  ],
  [
    "Slack's metadata",
    [parameter("cursor")],
    { response_metadata: object({ next_cursor: text }) },
    { style: "token", slot: slot("cursor"), next: "/response_metadata/next_cursor" },
  ],
  [
    "the next page's number",
    [count("page")],
    { next_page: { type: ["integer", "null"] } },
    { style: "token", slot: slot("page"), next: "/next_page" },
  ],
  [
    "the next page's URL",
    [limit],
    { next: { type: "string", format: "uri" } },
    { style: "next_url", next: "/next", size },
  ],
  ["JSON:API's links", [], { links: object({ self: text, next: text }) }, { style: "next_url", next: "/links/next" }],
  [
    "HAL's links",
    [],
    { _links: object({ next: object({ href: text }) }) },
    { style: "next_url", next: "/_links/next/href" },
  ],
  ["OData's link", [], { "@odata.nextLink": text }, { style: "next_url", next: "/@odata.nextLink" }],
  [
    "a page's number",
    [limit, count("page")],
    { total: integer },
    { style: "page", slot: slot("page"), first: 1, total: "/total", size },
  ],
  ["a page's number from 0", [count("page", { minimum: 0 })], {}, { style: "page", slot: slot("page"), first: 0 }],
  [
    "an offset",
    [limit, count("offset")],
    { offset: integer, has_more: flag },
    { style: "offset", slot: slot("offset"), more: "/has_more", size },
  ],
  [
    "Stripe's last row",
    [limit, parameter("starting_after"), parameter("ending_before")],
    { has_more: flag },
    { style: "after", slot: slot("starting_after"), last: "/id", more: "/has_more", size },
  ],
])("pages follow each other by %s", (_, parameters, beside, paging) => {
  expect(pagingOf(parameters, beside)).toMatchObject(paging);
});

test("pages follow each other by the header Link", () => {
  const headers = { Link: { schema: text } };
  const responses = { 200: { headers, content: { "application/json": { schema: listOf(thing) } } } };
  expect(readOf(resourceOf({ responses, parameters: [count("page"), limit] })).paging).toEqual({ style: "link", size });
});

test.each<[string, Parts, object]>([
  [
    "x-speakeasy-pagination",
    {
      type: "cursor",
      inputs: [{ name: "from_id", in: "parameters", type: "cursor" }],
      outputs: { nextCursor: "$.info.next_id" },
    },
    { style: "token", slot: slot("from_id"), next: "/info/next_id" },
  ],
  [
    "x-fern-pagination",
    { cursor: "$request.from_id", next_cursor: "$response.info.next_id" },
    { style: "token", slot: slot("from_id"), next: "/info/next_id" },
  ],
  ["x-ms-pageable", { nextLinkName: "more" }, { style: "next_url", next: "/more" }],
])("%s says how pages follow each other", (name, extension, paging) => {
  expect(pagingOf([parameter("from_id")], {}, { [name]: extension })).toMatchObject(paging);
});

test("an answer that nothing tells of the next page is the only one", () => {
  expect(pagingOf([parameter("colour")], { generated: text })).toEqual({ style: "none", size: undefined });
});

test.each([
  ["the schema", count("limit", { maximum: 50 }), 50],
  ["the description", { ...count("limit"), description: "The number of results per page (max 200)." }, 200],
  ["the default", count("limit", { default: 30 }), 30],
])("the greatest page is told by %s", (_, parameterOfSize, max) => {
  expect(pagingOf([parameterOfSize, parameter("cursor")], { next_cursor: text }).size?.max).toBe(max);
});

test("parameters of paging are no filters", () => {
  const parameters = [limit, parameter("cursor"), parameter("before"), parameter("name")];
  const get = operation(object({ data: listOf(thing), next_cursor: text }), { parameters });
  expect(readOf(resourceOf(get)).filters.map(({ field }) => field)).toEqual(["name"]);
});
