/**
 * What a source says of its limits: how much of a quota is left, and how long to wait.
 *
 * Sources: RFC 9110, section 10.2.3 (Retry-After); draft-ietf-httpapi-ratelimit-headers,
 * of which the forms up to -06, of -07 and from -08 on are in use; the documentation of
 * GitHub, GitLab, Okta, Kong, Discord, Atlassian, OpenAI, HubSpot, Salesforce and Shopify.
 */
import type { Quota } from "../contract.ts";
import { itemsOf } from "./structured.ts";

type Headers = Readonly<Record<string, string>>;

/** What a header says of one quota. */
interface Said {
  limit?: number | undefined;
  remaining?: number | undefined;
  resetTime?: Date | undefined;
}

/** By the quotas' names. */
type Told = Map<string, Said>;

/** Longer waits are taken to be so long. */
const maxWaitMs = 24 * 60 * 60_000;
/** A source's own name for a quota is passed on as far as it is one. */
const plainName = /^[\w.:/ -]{1,64}$/;

/**
 * @param now Milliseconds since 1970.
 * @returns Quotas whose limit and rest are known.
 */
export function quotasOf(headers: Headers, now: number): readonly Quota[] {
  const told: Told = new Map();
  for (const name in headers) {
    const read = readerOf(name);
    if (read !== undefined) read(told, headers, now);
  }
  const quotas: Quota[] = [];
  for (const [name, { limit, remaining, resetTime }] of told) {
    if (limit !== undefined && remaining !== undefined && plainName.test(name)) {
      quotas.push({ name, limit, remaining, resetTime });
    }
  }
  return quotas;
}

/** Milliseconds that the source asks to wait, a day at most; undefined when it does not say. */
export function retryAfterMs(headers: Headers, now: number): number | undefined {
  const ms = waitMs(headers["retry-after-ms"], 1) ?? waitMs(headers["retry-after"], 1_000) ?? dateMs(headers, now);
  return ms === undefined ? undefined : Math.min(Math.max(ms, 0), maxWaitMs);
}

function waitMs(text: string | undefined, unitMs: number): number | undefined {
  const number = numberOf(text);
  return number === undefined ? undefined : number * unitMs;
}

/** By the source's own clock, where it tells the time. */
function dateMs(headers: Headers, now: number): number | undefined {
  const at = instantOf(headers["retry-after"]);
  return at === undefined ? undefined : at - clockOf(headers, now);
}

function clockOf(headers: Headers, now: number): number {
  return instantOf(headers.date) ?? now;
}

/** Milliseconds since 1970. JavaScript takes much for a date: here one has a time of day. */
function instantOf(text = ""): number | undefined {
  const at = text.includes(":") ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? undefined : at;
}

type Read = (told: Told, headers: Headers, now: number) => void;

function readerOf(name: string): Read | undefined {
  if (Object.hasOwn(readers, name)) return readers[name];
  // Most headers are none of these, and this is asked of every one.
  const isOfLimits = name.includes("ratelimit") || name.includes("rate-limit");
  return isOfLimits ? readersOfFamilies.find(([form]) => form.test(name))?.[1](name) : undefined;
}

const readers: Readonly<Record<string, Read>> = {
  ratelimit: readIetf,
  "sforce-limit-info": readSalesforce,
  "x-shopify-shop-api-call-limit": readShopify,
  "x-hubspot-ratelimit-max": readHubspotInterval,
  "x-hubspot-ratelimit-daily": hubspotOf("daily"),
  "x-hubspot-ratelimit-secondly": hubspotOf("secondly"),
};

/** `-limit` says which quota the others are of: a `-suffix` behind it names it, and the window. */
const readersOfFamilies: readonly (readonly [RegExp, (name: string) => Read])[] = [
  [/^ratelimit-limit$/, () => triple("ratelimit", "")],
  [/^x-ratelimit-limit(?:-\w+)?$/, (name) => triple("x-ratelimit", name.slice("x-ratelimit-limit".length))],
  [/^x-rate-limit-limit(?:-\w+)?$/, (name) => triple("x-rate-limit", name.slice("x-rate-limit-limit".length))],
];

/** `PREFIX-limit`, `-remaining` and `-reset`, each with the same suffix. */
function triple(prefix: string, suffix: string): Read {
  return (told, headers, now) => {
    const value = (name: string) => headers[`${prefix}-${name}${suffix}`];
    // Older drafts have the policies behind the limit: `100, 100;w=60`.
    const limit = numberOf(value("limit")?.split(/[,;]/)[0]);
    const remaining = numberOf(value("remaining")?.split(/[,;]/)[0]);
    const seconds = numberOf(value("reset-after"));
    const resetTime = seconds === undefined ? resetOf(value("reset"), headers, now) : later(now, seconds);
    const name = suffix.slice(1) || value("resource") || value("bucket") || "default";
    told.set(name, { limit, remaining, resetTime });
  };
}

/**
 * When a quota is whole again: a number of seconds from now, of seconds or milliseconds since
 * 1970, an RFC 3339 or HTTP date, or a duration as Go writes it (`6m0s`).
 */
function resetOf(text: string | undefined, headers: Headers, now: number): Date | undefined {
  if (text === undefined) return undefined;
  const number = numberOf(text);
  const skew = now - clockOf(headers, now);
  // Nobody waits for ten years, and nothing since 1970 is younger than that.
  if (number !== undefined && number < 315_360_000) return later(now, number);
  if (number !== undefined) return new Date((number < 1e11 ? number * 1_000 : number) + skew);
  const [, hours, minutes, seconds] = /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?$/.exec(text) ?? [];
  if (hours ?? minutes ?? seconds) {
    return later(now, Number(hours ?? 0) * 3_600 + Number(minutes ?? 0) * 60 + Number(seconds ?? 0));
  }
  const instant = instantOf(text);
  return instant === undefined ? undefined : new Date(instant + skew);
}

function later(now: number, seconds: number): Date {
  return new Date(now + Math.min(seconds * 1_000, maxWaitMs * 366));
}

/**
 * `RateLimit: "burst";r=50;t=30, "daily";r=900` with `RateLimit-Policy: "burst";q=100;w=60, …`;
 * or, of draft -07, `limit=100, remaining=50, reset=30`.
 */
function readIetf(told: Told, headers: Headers, now: number): void {
  const policies = new Map(
    itemsOf(headers["ratelimit-policy"] ?? "").map(({ name, parameters }) => [name, parameters]),
  );
  const items = itemsOf(headers.ratelimit ?? "");
  const old = new Map(items.map(({ name, value }) => [name, numberOf(value)]));
  if (old.get("remaining") !== undefined) {
    const seconds = old.get("reset");
    const resetTime = seconds === undefined ? undefined : later(now, seconds);
    told.set("default", { limit: old.get("limit"), remaining: old.get("remaining"), resetTime });
    return;
  }
  for (const { name, parameters } of items) {
    const seconds = numberOf(parameters.get("t"));
    told.set(name, {
      limit: numberOf(policies.get(name)?.get("q")) ?? numberOf(parameters.get("q")),
      remaining: numberOf(parameters.get("r")),
      resetTime: seconds === undefined ? undefined : later(now, seconds),
    });
  }
}

/** Names are looked at from their first letter only: from each of them, long ones would take seconds. */
const usage = /(?<![\w-])([\w-]+)=(\d+)\/(\d+)/g;

/** `api-usage=18/5000; per-app-api-usage=17/250(appName=sample)`: what is used, of what there is in 24 hours. */
function readSalesforce(told: Told, headers: Headers): void {
  for (const [, name = "", used, limit] of (headers["sforce-limit-info"] ?? "").matchAll(usage)) {
    told.set(name, usedOf(used, limit));
  }
}

/** `32/40`: what is used, of what there is. */
function readShopify(told: Told, headers: Headers): void {
  const [used, limit] = (headers["x-shopify-shop-api-call-limit"] ?? "").split("/");
  told.set("calls", usedOf(used, limit));
}

function usedOf(used: string | undefined, limit: string | undefined): Said {
  const all = numberOf(limit);
  return { limit: all, remaining: all === undefined ? undefined : Math.max(0, all - (numberOf(used) ?? all)) };
}

function hubspotOf(window: "daily" | "secondly"): Read {
  return (told, headers) => {
    told.set(window, {
      limit: numberOf(headers[`x-hubspot-ratelimit-${window}`]),
      remaining: numberOf(headers[`x-hubspot-ratelimit-${window}-remaining`]),
    });
  };
}

function readHubspotInterval(told: Told, headers: Headers, now: number): void {
  const ms = numberOf(headers["x-hubspot-ratelimit-interval-milliseconds"]);
  told.set("interval", {
    limit: numberOf(headers["x-hubspot-ratelimit-max"]),
    remaining: numberOf(headers["x-hubspot-ratelimit-remaining"]),
    resetTime: ms === undefined ? undefined : later(now, ms / 1_000),
  });
}

/** No sign and no exponent: what else looks like a number to JavaScript is none here. */
function numberOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\s*\d{1,15}(?:\.\d{1,9})?\s*$/.test(text) ? Number(text) : undefined;
}
