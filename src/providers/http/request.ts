/** Requests, made of an operation and of what goes into its slots. */
import { invalidRequest } from "../../failure.ts";
import type { BodyEncoding, JsonObject, RequestBody, Slot } from "./declaration.ts";
import { encodeBody } from "./encoding.ts";
import type { HttpRequest } from "./exchange.ts";
import type { WrittenJson } from "./spelling.ts";

/** What goes into a slot. */
export interface Assignment {
  readonly slot: Slot;
  readonly text: string;
  /** The same, where the slot is in a JSON body. */
  readonly json: WrittenJson;
  /** One of several of the same slot: a parameter, or an element of an array, each. */
  readonly several?: true;
  /** Where the text stands in the caller's request; undefined for what no caller gives. */
  readonly path?: string;
}

/** An assignment of a text that no caller gives. */
export const assigned = (slot: Slot, text: string, json: WrittenJson = text): Assignment => ({ slot, text, json });

/** What a request is made of. */
export interface RequestParts {
  readonly base: URL;
  readonly method: string;
  /** With the names of path slots in braces. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly body: RequestBody | undefined;
  readonly assignments: readonly Assignment[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly repeatable?: boolean;
}

const placeholders = /\{([^{}]*)\}/g;

/** The names that stand in braces in a path. */
export function namesIn(path: string): string[] {
  return [...path.matchAll(placeholders)].map(([, name = ""]) => name);
}

/**
 * @throws Failure `invalid_request` for a value that would lead to another path than the declared one
 */
export function requestOf(parts: RequestParts): HttpRequest {
  const { base, method, query, body, assignments } = parts;
  const url = new URL(base);
  url.pathname = base.pathname.replace(/\/$/, "") + pathOf(parts.path, assignments);
  const pairs = Object.entries(query).map(([name, value]) => pair(name, value));
  const headers: Record<string, string> = { ...parts.headers };
  for (const { slot, text } of assignments) {
    if (slot.in === "query") pairs.push(pair(slot.name, text));
    if (slot.in === "header") headers[slot.name.toLowerCase()] = text;
  }
  url.search = pairs.join("&");
  const written = body === undefined ? undefined : encodeBody(filled(body.template, assignments), body.encoding);
  return {
    ...{ method, url, headers: written === undefined ? headers : { ...headers, "content-type": written.type } },
    ...(written === undefined ? {} : { body: written.bytes }),
    ...(parts.repeatable ? { repeatable: true } : {}),
  };
}

const pair = (name: string, value: string) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`;

function pathOf(path: string, assignments: readonly Assignment[]): string {
  const filledPath = path.replace(placeholders, (_, name: string) => {
    const found = assignments.find(({ slot }) => slot.in === "path" && slot.name === name);
    if (found === undefined) throw new RangeError(`nothing fills {${name}} of the path`);
    if (found.text === "") throw misleading(found, "an empty text");
    // Encoded slashes, too, are steps to those who decode a path before they look at it.
    if (/(?:^|[/\\])\.{1,2}(?:[/\\]|$)/.test(found.text)) throw misleading(found, "a text of dots between slashes");
    return encodeURIComponent(found.text);
  });
  // A URL takes these for steps in the path, however they are written.
  const isStep = filledPath.split("/").some((segment) => /^(?:\.|%2e){1,2}$/i.test(segment));
  const last = assignments.findLast(({ slot }) => slot.in === "path");
  if (isStep && last !== undefined) throw misleading(last, "a text of dots");
  return filledPath;
}

function misleading({ path = "query.filter" }: Assignment, what: string) {
  return invalidRequest({ field: path, description: `${what} can't stand in the source's path` });
}

/** The template with what goes into it. */
function filled(template: JsonObject, assignments: readonly Assignment[]): WrittenJson {
  let body: WrittenJson = template;
  const lists = new Map<string, WrittenJson[]>();
  for (const { slot, json, several } of assignments) {
    if (slot.in !== "body") continue;
    if (!several) body = placed(body, stepsOf(slot.pointer), json);
    else lists.set(slot.pointer, [...(lists.get(slot.pointer) ?? []), json]);
  }
  for (const [pointer, list] of lists) body = placed(body, stepsOf(pointer), list);
  return body;
}

/** The names and places on the way of a JSON pointer (RFC 6901). */
function stepsOf(pointer: string): string[] {
  return pointer === ""
    ? []
    : pointer
        .slice(1)
        .split("/")
        .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/** A copy with the value at its place; what is missing on the way is made: an array where the next step is a number. */
export function placed(target: WrittenJson | undefined, steps: readonly string[], value: WrittenJson): WrittenJson {
  const [step, ...rest] = steps;
  if (step === undefined) return value;
  const isPlace = /^(?:\d{1,4}|-)$/.test(step);
  if (Array.isArray(target) || (target === undefined && isPlace)) {
    const list: WrittenJson[] = [...((target as readonly WrittenJson[] | undefined) ?? [])];
    const at = step === "-" ? list.length : Number(step);
    while (list.length < at) list.push(null);
    list[at] = placed(list[at], rest, value);
    return list;
  }
  const object = isObject(target) ? target : {};
  return Object.fromEntries([
    ...Object.entries(object).filter(([name]) => name !== step),
    [step, placed(Object.hasOwn(object, step) ? object[step] : undefined, rest, value)],
  ]);
}

function isObject(value: WrittenJson | undefined): value is { readonly [name: string]: WrittenJson } {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !("rawJSON" in value);
}

/**
 * The request without its values: `GET /customers/{id}?limit={}`, and where they go in the body.
 * Parameters that are always sent stand as they are.
 */
export function lineOf({ method, path, query, assignments, body }: Omit<RequestParts, "base">): string {
  const fixed = Object.entries(query).map(([name, value]) => pair(name, value));
  const given = assignments.flatMap(({ slot }) => (slot.in === "query" ? [`${encodeURIComponent(slot.name)}={}`] : []));
  const pairs = [...fixed, ...given];
  const search = pairs.length === 0 ? "" : `?${pairs.join("&")}`;
  const headers = assignments.flatMap(({ slot }) => (slot.in === "header" ? [`${slot.name}: {}`] : []));
  const members = assignments.flatMap(({ slot }) => (slot.in === "body" ? [slot.pointer] : []));
  const content = body === undefined ? [] : [`${bodyNames[body.encoding]} ${[...new Set(members)].join(" ")}`.trim()];
  return [`${method} ${path}${search}`, ...headers, ...content].join("\n");
}

/** What stands in the places that the line of the request has for values, in their order. */
export function valuesInLine({ path, assignments }: Pick<RequestParts, "path" | "assignments">): string[] {
  const inPath = namesIn(path).flatMap((name) => {
    const found = assignments.find(({ slot }) => slot.in === "path" && slot.name === name);
    return found === undefined ? [] : [found];
  });
  const others = (["query", "header", "body"] as const).flatMap((place) =>
    assignments.filter(({ slot }) => slot.in === place),
  );
  return [...inPath, ...others].map(({ text }) => text);
}

const bodyNames: Readonly<Record<BodyEncoding, string>> = {
  json: "JSON body:",
  form: "form:",
  form_brackets: "form:",
  multipart: "multipart form:",
};
