/** Texts with the parts of a request in them, as they are signed and shown. */
import { createHash } from "node:crypto";
import type { HttpRequest } from "../exchange.ts";

/** What is made for each request. */
export interface Made {
  readonly timestamp: string;
  readonly nonce: string;
  readonly keyId: string;
  /** Empty before it is known. */
  readonly signature: string;
}

type Part = (request: HttpRequest, made: Made) => string | Uint8Array;

const none = new Uint8Array();

const parts: Readonly<Record<string, Part>> = {
  method: ({ method }) => method,
  host: ({ url }) => url.host,
  path: ({ url }) => url.pathname,
  query: ({ url }) => url.search.slice(1),
  sorted_query: ({ url }) => url.search.slice(1).split("&").sort().join("&"),
  path_and_query: ({ url }) => url.pathname + url.search,
  url: ({ url }) => url.href,
  body: ({ body = none }) => body,
  timestamp: (_, { timestamp }) => timestamp,
  nonce: (_, { nonce }) => nonce,
  key_id: (_, { keyId }) => keyId,
  signature: (_, { signature }) => signature,
};

const placeholder = /\{([^{}]*)\}/g;
const hashed = /^body:(md5|sha1|sha256|sha384|sha512):(hex|base64)$/;
const header = /^header:([\w!#$%&'*+.^`|~-]+)$/;

/** What stands in braces. */
export function placeholdersOf(template: string): string[] {
  return [...template.matchAll(placeholder)].map(([, name = ""]) => name);
}

/** What is wrong with it, or undefined. */
export function templateProblem(template: string): string | undefined {
  if (/[{}]/.test(template.replace(placeholder, ""))) return "must have a brace only around the name of a part";
  const isKnown = (name: string) => Object.hasOwn(parts, name) || hashed.test(name) || header.test(name);
  if (placeholdersOf(template).every(isKnown)) return undefined;
  const known = Object.keys(parts).map((name) => `{${name}}`);
  return `must name parts that there are: ${known.join(", ")}, {header:NAME}, {body:sha256:hex}`;
}

/** The bytes of the template with everything put in; a body's as they are. */
export function filled(template: string, request: HttpRequest, made: Made): Buffer {
  // Every second piece is what stood in braces.
  const pieces = template.split(placeholder).map((text, i) => (i % 2 === 0 ? text : partOf(text, request, made)));
  return Buffer.concat(pieces.map((piece) => (typeof piece === "string" ? Buffer.from(piece) : piece)));
}

function partOf(name: string, request: HttpRequest, made: Made): string | Uint8Array {
  const [, algorithm, encoding] = hashed.exec(name) ?? [];
  if (algorithm !== undefined) {
    const { body = none } = request;
    return createHash(algorithm)
      .update(body)
      .digest(encoding === "hex" ? "hex" : "base64");
  }
  const [, field] = header.exec(name) ?? [];
  if (field !== undefined) return request.headers[field.toLowerCase()] ?? "";
  return parts[name]?.(request, made) ?? "";
}
