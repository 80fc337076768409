/** What a caller is told of a configuration that its provider does not take: enough to put it right. */
import { expect, test } from "vitest";
import { z } from "zod";
import { Failure } from "../../src/failure.ts";
import type { Provider } from "../../src/providers/contract.ts";
import { checkConfig, type Json } from "../../src/registry/configuration.ts";

const place = z.union([
  z.string(),
  z.strictObject({ header: z.string().regex(/^X-/, "must begin with X-") }),
  z.strictObject({ body: z.string(), encoding: z.string().optional() }),
]);
const config = z.strictObject({
  host: z.string().min(1).max(3),
  port: z.int().max(65_535).optional(),
  mode: z.enum(["fast", "safe"]).optional(),
  place: place.optional(),
  paging: z.discriminatedUnion("style", [
    z.strictObject({ style: z.literal("none") }),
    z.strictObject({ style: z.literal("page"), first: z.boolean() }),
  ]),
  headers: z.record(z.string().regex(/^X-/, "must begin with X-"), z.string()).optional(),
});

const right = { host: "h", paging: { style: "none" } };

function complaintsOf(given: Json): Record<string, string> {
  try {
    checkConfig({ config } as unknown as Provider, given, "config");
    return {};
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return Object.fromEntries(error.fields.map(({ field, description }) => [field, description]));
  }
}

const cases: Readonly<Record<string, readonly [Json, Record<string, string>]>> = {
  "what is missing": [{}, { "config.host": "is required: a string", "config.paging": "is required: an object" }],
  "a value of another type": [{ ...right, host: 5 }, { "config.host": "must be a string" }],
  "what is too long": [{ ...right, host: "long" }, { "config.host": "must be of at most 3 characters" }],
  "what is too short": [{ ...right, host: "" }, { "config.host": "must be of at least 1 character" }],
  "a number that is too great": [{ ...right, port: 70_000 }, { "config.port": "must be at most 65535" }],
  "a number with a fraction": [{ ...right, port: 1.5 }, { "config.port": "must be an integer" }],
  "a choice that there is not": [{ ...right, mode: "Fast" }, { "config.mode": 'must be "fast" or "safe"' }],
  "a key that there is not": [
    { ...right, paging: { style: "page", first: true, size: 5 } },
    { "config.paging.size": "is not a field here; there are style, first" },
  ],
  "the only key that there is": [
    { ...right, paging: { style: "none", size: 5 } },
    { "config.paging.size": "is not a field here; the only one is style" },
  ],
  "a tag that there is not": [
    { ...right, paging: { style: "pages" } },
    { "config.paging.style": 'must be "none" or "page"' },
  ],
  "no tag": [{ ...right, paging: {} }, { "config.paging.style": 'is required: "none" or "page"' }],
  "none of several shapes": [
    { ...right, place: { headr: "X-Page" } },
    { "config.place": 'must be a string, { "header" } or { "body" }' },
  ],
  "a mistake in one of several shapes": [
    { ...right, place: { header: "Page" } },
    { "config.place.header": "must begin with X-" },
  ],
  "a type in one of several shapes": [{ ...right, place: { body: 5 } }, { "config.place.body": "must be a string" }],
  "the name of a key": [{ ...right, headers: { Page: "1" } }, { "config.headers.Page": "must begin with X-" }],
};

test.each(Object.entries(cases))("%s is told with what would be right", (_, [given, complaints]) => {
  expect(complaintsOf(given)).toEqual(complaints);
});
