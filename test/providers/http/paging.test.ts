/** Pages of every style: each row once and in order, whatever the sizes of pages on both sides are. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { nextOf } from "../../../src/providers/http/paging/link.ts";
import { scaled, seeded } from "../../torture/scale.ts";
import { type Answered, type Asked, queryOf, readPages, readStream, sessionWith, testApi } from "./api.ts";
import { callFor } from "./stage.ts";

const sized = { parameter: "limit", max: 7 };
const token = { style: "token", parameter: "cursor", next: "/next", size: sized };

/** How a connector declares each style; the server below speaks all of them. */
const styles: Readonly<Record<string, object>> = {
  none: { style: "none" },
  "token in the body": token,
  "token, and the source's own sizes": { style: "token", parameter: "cursor", next: "/next" },
  "header Link": { style: "link", size: sized },
  "next URL": { style: "next_url", next: "/url", size: sized },
  "page number": { style: "page", parameter: "page", size: sized },
  "page number from 0, with a total": { style: "page", parameter: "page", first: 0, total: "/total", size: sized },
  "page number, and the source's own sizes": { style: "page", parameter: "page" },
  offset: { style: "offset", parameter: "offset", size: sized },
  "offset, with a total": { style: "offset", parameter: "offset", total: "/total", size: sized },
  "offset, and the source's own sizes": { style: "offset", parameter: "offset" },
  after: { style: "after", parameter: "after", last: "/id", keyset: true, size: sized },
  "after, with has_more": { style: "after", parameter: "after", last: "/id", more: "/more", size: sized },
};

const resource = (paging: object) => ({
  ...{ name: "things", path: "/things", primary_key: ["id"], rows: { format: "json", path: "/data" }, paging },
  fields: [{ name: "id", type: "int32", nullable: false }],
});

/** Rows 0 to count - 1. Without a limit a page has four. */
function serve(count: number, style: string, first: number): (asked: Asked, url: string) => Answered {
  return ({ parameters }, url) => {
    const limit = style === "none" ? count : Math.min(7, Number(parameters.get("limit") ?? 4));
    const page = parameters.get("page");
    const after = parameters.get("after");
    const begin =
      page !== null
        ? (Number(page) - first) * limit
        : after !== null
          ? Number(after) + 1
          : Number(parameters.get("cursor")?.slice(2) ?? parameters.get("offset") ?? 0);
    const data = Array.from({ length: Math.max(0, Math.min(limit, count - begin)) }, (_, i) => ({ id: begin + i }));
    const end = begin + data.length;
    const more = end < count;
    const next = `${url}/things?limit=${limit}&cursor=c-${end}`;
    return {
      headers: more ? { link: `<${url}/first>; rel="first", <${next}>; rel="next"` } : {},
      json: { total: count, more, ...(more ? { next: `c-${end}`, url: next } : {}), data },
    };
  };
}

describe.each(Object.entries(styles))("%s", (name, paging) => {
  test("pages of any size and a stream have each row once", async () => {
    let count = 0;
    const first = "first" in paging ? Number(paging.first) : 1;
    const api = await testApi((asked, url) => serve(count, name, first)(asked, url));
    const session = sessionWith(api.url, { resources: [resource(paging)] });
    await fc.assert(
      fc.asyncProperty(
        fc.nat({ max: 25 }),
        fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 3 }),
        fc.option(fc.integer({ min: 1, max: 50 }), { nil: undefined }),
        async (rows, sizes, limit) => {
          count = rows;
          const expected = Array.from({ length: Math.min(rows, limit ?? rows) }, (_, i) => [`${i}`]);
          const query = queryOf("things", { limit });
          expect((await readPages(session, query, sizes)).rows).toEqual(expected);
          expect(await readStream(session, query)).toEqual(expected);
        },
      ),
      { ...seeded, numRuns: scaled({ test: 5, torture: 500 }) },
    );
  });
});

test("a page that is as large as the source's takes one request, and no look at the next", async () => {
  const api = await testApi(serve(6, "token", 1));
  const session = sessionWith(api.url, { resources: [resource(token)] });
  expect((await readPages(session, queryOf("things"), [3])).counts).toEqual([3, 3]);
  expect(api.asked.map(({ parameters }) => parameters.get("limit"))).toEqual(["3", "3"]);
});

const circles: Readonly<Record<string, readonly [object, (at: number) => unknown]>> = {
  "the same token again": [token, () => ({ data: [{ id: 1 }], next: "again" })],
  "three tokens in turn": [token, (at) => ({ data: [{ id: at }], next: `t${at % 3}` })],
  "a URL that leads back": [styles["next URL"] ?? {}, (at) => ({ data: [{ id: at }], url: `/things?p=${at % 2}` })],
  "a page number that is ignored": [
    { style: "page", parameter: "page", size: { parameter: "limit", max: 2 } },
    () => ({ data: [{ id: 1 }, { id: 2 }] }),
  ],
};

test.each(Object.entries(circles))("%s ends a stream with an error, and never runs on", async (_, [paging, body]) => {
  let at = 0;
  const api = await testApi(() => ({ json: body(at++) }));
  const session = sessionWith(api.url, { resources: [resource(paging)] });
  await expect(readStream(session, queryOf("things"))).rejects.toMatchObject({
    ...{ kind: "upstream_unavailable", final: true, message: expect.stringContaining("lead back") },
  });
  expect(api.asked.length).toBeLessThan(12);
});

test("empty pages that lead on are followed, but not for ever", async () => {
  let full = 50;
  const api = await testApi(({ parameters }) => {
    const at = Number(parameters.get("cursor") ?? 0);
    return { json: { data: at === full ? [{ id: 7 }] : [], ...(at < full ? { next: `${at + 1}` } : {}) } };
  });
  const session = sessionWith(api.url, { resources: [resource(token)] });
  expect((await readPages(session, queryOf("things"), [5])).rows).toEqual([["7"]]);
  expect(await readStream(session, queryOf("things"))).toEqual([["7"]]);
  full = 1_000;
  await expect(readStream(session, queryOf("things"))).rejects.toMatchObject({
    message: expect.stringMatching(/100 pages .* without rows/),
  });
});

test.each(["http://127.0.0.1:1/things", "https://127.0.0.1/things", "http://user:secret@HOST/things"])(
  "a next page at %s is not asked for",
  async (target) => {
    const api = await testApi((_, url) => ({ json: { data: [{ id: 1 }], url: target.replace("HOST", url.slice(7)) } }));
    const session = sessionWith(api.url, { resources: [resource(styles["next URL"] ?? {})] });
    await expect(readStream(session, queryOf("things"))).rejects.toMatchObject({ kind: "egress_denied", final: true });
    expect(api.asked).toHaveLength(1);
  },
);

test("one page is asked for ahead of the reader, and no more", async () => {
  const api = await testApi(serve(100, "token", 1));
  const session = sessionWith(api.url, { resources: [resource(token)] });
  const { batches } = await session.stream(queryOf("things"), callFor());
  const reading = batches[Symbol.asyncIterator]();
  await reading.next();
  await expect.poll(() => api.asked.length).toBe(2);
  await reading.next();
  await expect.poll(() => api.asked.length).toBe(3);
  await reading.return?.();
  expect(api.asked.length).toBeLessThanOrEqual(4);
});

test("a stream that is left closes its connection at the source", async () => {
  const endless = { style: "token", parameter: "cursor", next: "/next" };
  const big = "x".repeat(300_000);
  const api = await testApi(({ parameters }) => {
    const at = Number(parameters.get("cursor") ?? 0);
    return { json: { data: Array.from({ length: 20 }, (_, i) => ({ id: i, text: big })), next: `${at + 1}` } };
  });
  const things = {
    ...resource(endless),
    fields: [
      { name: "id", type: "int32" },
      { name: "text", type: "string" },
    ],
  };
  const session = sessionWith(api.url, { resources: [things] });
  const leaving = new AbortController();
  const { batches } = await session.stream(queryOf("things"), callFor(leaving.signal));
  for await (const _ of batches) break;
  await expect.poll(api.connections).toBe(0);
});

test.each([
  ['<https://a/2>; rel="next"', "https://a/2"],
  ['<https://a/1>; rel="prev", </2?a=b,c>; rel=next', "/2?a=b,c"],
  ['</2>; title="a, \\"b\\"; rel=x"; rel="last next"', "/2"],
  ['</2>; rel="next"; anchor="/other"', undefined],
  ['</2>; rel="nextish"', undefined],
  ["", undefined],
])("the header Link %s leads to %s", (header, target) => expect(nextOf(header)).toBe(target));

test.each(["<", "<a>;b", "<a>;b=", '<a>;b="', " ;", '<;="'])(
  "a header Link of nothing but %s is read in no time",
  (part) => {
    const begin = performance.now();
    for (let i = 0; i < 5; i++) expect(nextOf(part.repeat(16_384 / part.length))).toBeUndefined();
    expect(performance.now() - begin).toBeLessThan(1_000);
  },
);

test("two connectors of one document each stay at their own server", async () => {
  const document = JSON.stringify({
    ...{ openapi: "3.1.0", info: { title: "Things", version: "1" } },
    paths: {
      "/things": {
        get: {
          responses: {
            200: {
              description: "Things",
              content: {
                "application/json": {
                  schema: {
                    type: "object",
                    properties: {
                      data: { type: "array", items: { type: "object", properties: { id: { type: "integer" } } } },
                      next_url: { type: "string" },
                    },
                  },
                },
              },
            },
          },
        },
      },
    },
  });
  const serveFrom = (first: number) => (_: Asked, url: string) => {
    const isFirst = api[first]?.asked.length === 1;
    return { json: { data: [{ id: first }], next_url: isFirst ? `${url}/things?second` : "" } };
  };
  const api = [await testApi(serveFrom(0)), await testApi(serveFrom(1))];
  for (const [at, { url }] of api.entries()) {
    const session = sessionWith(url, { openapi: { document } });
    const [resource] = await session.schema(callFor());
    const rows = await readStream(session, queryOf(resource?.name ?? ""));
    expect(new Set(rows.flat())).toEqual(new Set([`${at}`]));
  }
  expect(api.map(({ asked }) => asked.length)).toEqual([2, 2]);
});
