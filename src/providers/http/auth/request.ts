/** Requests with one thing more. */
import type { HttpRequest } from "../exchange.ts";

export function withHeaders(request: HttpRequest, headers: Readonly<Record<string, string>>): HttpRequest {
  const added = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value] as const);
  return { ...request, headers: { ...request.headers, ...Object.fromEntries(added) } };
}

/** Behind all parameters that are there; those stay as they are written. */
export function withParameter(request: HttpRequest, name: string, value: string): HttpRequest {
  const url = new URL(request.url);
  const before = url.search === "" ? "" : `${url.search.slice(1)}&`;
  url.search = `${before}${strictlyEncoded(name)}=${strictlyEncoded(value)}`;
  return { ...request, url };
}

/** All but letters, digits, `-`, `.`, `_` and `~` as `%XX` (RFC 3986, section 2.3). */
export function strictlyEncoded(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`);
}
