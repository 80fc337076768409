/** Headers as the sources' own documentation shows them. */
import { describe, expect, test } from "vitest";
import { quotasOf, retryAfterMs } from "../../../src/providers/http/limits.ts";

const now = Date.UTC(2026, 10, 23, 12, 0, 0);
const at = (seconds: number) => new Date(now + seconds * 1_000);
const epoch = (seconds: number) => String(now / 1_000 + seconds);

describe("what is left of a quota", () => {
  test.each([
    [
      "GitHub",
      {
        ...{ "x-ratelimit-limit": "5000", "x-ratelimit-remaining": "4999", "x-ratelimit-reset": epoch(600) },
        ...{ "x-ratelimit-used": "1", "x-ratelimit-resource": "core" },
      },
      [{ name: "core", limit: 5000, remaining: 4999, resetTime: at(600) }],
    ],
    [
      "GitHub's clock, when ours is an hour late",
      {
        ...{ "x-ratelimit-limit": "60", "x-ratelimit-remaining": "0", "x-ratelimit-reset": epoch(4_200) },
        date: at(3_600).toUTCString(),
      },
      [{ name: "default", limit: 60, remaining: 0, resetTime: at(600) }],
    ],
    [
      "the IETF's draft since -08",
      {
        "ratelimit-policy": '"burst";q=100;w=60, "daily";q=1000;w=86400;qu="requests"',
        ratelimit: '"burst";r=50;t=30, "daily";r=900',
      },
      [
        { name: "burst", limit: 100, remaining: 50, resetTime: at(30) },
        { name: "daily", limit: 1000, remaining: 900, resetTime: undefined },
      ],
    ],
    [
      "its -07",
      { ratelimit: "limit=100, remaining=7, reset=5", "ratelimit-policy": "100;w=10" },
      [{ name: "default", limit: 100, remaining: 7, resetTime: at(5) }],
    ],
    [
      "its earlier ones",
      { "ratelimit-limit": "100, 100;w=60", "ratelimit-remaining": "99", "ratelimit-reset": "50" },
      [{ name: "default", limit: 100, remaining: 99, resetTime: at(50) }],
    ],
    [
      "Okta",
      { "x-rate-limit-limit": "600", "x-rate-limit-remaining": "599", "x-rate-limit-reset": epoch(60) },
      [{ name: "default", limit: 600, remaining: 599, resetTime: at(60) }],
    ],
    [
      "Kong",
      {
        ...{ "x-ratelimit-limit-minute": "20", "x-ratelimit-remaining-minute": "3" },
        ...{ "x-ratelimit-limit-hour": "500", "x-ratelimit-remaining-hour": "483" },
      },
      [
        { name: "minute", limit: 20, remaining: 3, resetTime: undefined },
        { name: "hour", limit: 500, remaining: 483, resetTime: undefined },
      ],
    ],
    [
      "Discord",
      {
        ...{ "x-ratelimit-limit": "5", "x-ratelimit-remaining": "1", "x-ratelimit-reset": epoch(1) },
        ...{ "x-ratelimit-reset-after": "1.5", "x-ratelimit-bucket": "abcd1234" },
      },
      [{ name: "abcd1234", limit: 5, remaining: 1, resetTime: at(1.5) }],
    ],
    [
      "Atlassian",
      {
        ...{ "x-ratelimit-limit": "100", "x-ratelimit-remaining": "0" },
        "x-ratelimit-reset": "2026-11-23T12:00:10.000Z",
      },
      [{ name: "default", limit: 100, remaining: 0, resetTime: at(10) }],
    ],
    [
      "OpenAI",
      {
        ...{ "x-ratelimit-limit-requests": "60", "x-ratelimit-remaining-requests": "59" },
        ...{ "x-ratelimit-reset-requests": "1s", "x-ratelimit-limit-tokens": "150000" },
        ...{ "x-ratelimit-remaining-tokens": "149984", "x-ratelimit-reset-tokens": "6m0s" },
      },
      [
        { name: "requests", limit: 60, remaining: 59, resetTime: at(1) },
        { name: "tokens", limit: 150_000, remaining: 149_984, resetTime: at(360) },
      ],
    ],
    [
      "HubSpot",
      {
        ...{ "x-hubspot-ratelimit-daily": "250000", "x-hubspot-ratelimit-daily-remaining": "249000" },
        ...{ "x-hubspot-ratelimit-interval-milliseconds": "10000", "x-hubspot-ratelimit-max": "100" },
        "x-hubspot-ratelimit-remaining": "98",
      },
      [
        { name: "daily", limit: 250_000, remaining: 249_000, resetTime: undefined },
        { name: "interval", limit: 100, remaining: 98, resetTime: at(10) },
      ],
    ],
    [
      "Salesforce",
      { "sforce-limit-info": "api-usage=18/5000; per-app-api-usage=17/250(appName=sample-connected-app)" },
      [
        { name: "api-usage", limit: 5000, remaining: 4982, resetTime: undefined },
        { name: "per-app-api-usage", limit: 250, remaining: 233, resetTime: undefined },
      ],
    ],
    [
      "Shopify",
      { "x-shopify-shop-api-call-limit": "41/40" },
      [{ name: "calls", limit: 40, remaining: 0, resetTime: undefined }],
    ],
  ])("of %s", (_who, headers: Record<string, string>, quotas) => {
    expect(quotasOf(headers, now)).toEqual(quotas);
  });

  test.each([
    ["no header of limits", { "content-type": "text/plain", "x-request-id": "1" }],
    ["a rest without a limit", { "x-ratelimit-remaining": "3" }],
    ["a limit without a rest", { "x-ratelimit-limit": "3" }],
    ["numbers that are none", { "x-ratelimit-limit": "0x10", "x-ratelimit-remaining": "-1" }],
    ["numbers beyond all numbers", { "x-ratelimit-limit": "9".repeat(400), "x-ratelimit-remaining": "1e400" }],
    ["nothing", { ratelimit: "", "ratelimit-policy": "", "sforce-limit-info": "", "x-ratelimit-limit": "" }],
    ["separators only", { ratelimit: ';;,,==;"",=', "ratelimit-policy": "=;" }],
    ["a name that is none", { ratelimit: '"<script>";r=1', "ratelimit-policy": '"<script>";q=2' }],
    ["a text that does not end", { ratelimit: `"${"\\".repeat(5_000)}`, "ratelimit-policy": '"' }],
  ])("is not told by %s", (_what, headers: Record<string, string>) => {
    expect(quotasOf(headers, now)).toEqual([]);
  });

  test.each(["soon", "1.2.3s", "...s"])("a reset that can't be read leaves the rest as it is: %s", (reset) => {
    const headers = { "x-ratelimit-limit": "5", "x-ratelimit-remaining": "4", "x-ratelimit-reset": reset };
    expect(quotasOf(headers, now)).toEqual([{ name: "default", limit: 5, remaining: 4, resetTime: undefined }]);
  });

  test("a header as long as any may be is read in no time", () => {
    const begin = performance.now();
    for (let i = 0; i < 10; i++) expect(quotasOf({ "sforce-limit-info": "a".repeat(16_000) }, now)).toEqual([]);
    expect(performance.now() - begin).toBeLessThan(1_000);
  });
});

describe("how long to wait", () => {
  test.each([
    ["seconds", { "retry-after": "120" }, 120_000],
    ["a fraction of seconds", { "retry-after": "0.5" }, 500],
    ["milliseconds", { "retry-after-ms": "250", "retry-after": "1" }, 250],
    ["a date", { "retry-after": at(30).toUTCString() }, 30_000],
    ["a date by the source's clock", { "retry-after": at(90).toUTCString(), date: at(60).toUTCString() }, 30_000],
    ["a date that has passed", { "retry-after": at(-30).toUTCString() }, 0],
    ["a year", { "retry-after": "31536000" }, 86_400_000],
    ["nothing", {}, undefined],
    ["what is no time", { "retry-after": "tomorrow" }, undefined],
    ["a negative number", { "retry-after": "-5" }, undefined],
  ])("%s", (_what, headers: Record<string, string>, ms) => {
    expect(retryAfterMs(headers, now)).toBe(ms);
  });
});
