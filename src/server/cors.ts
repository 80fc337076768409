/**
 * Lets pages of other origins call the service from browsers. Source: the Fetch standard, "CORS protocol".
 *
 * What says who calls is a bearer token that the page itself holds, never a cookie: a page that is not
 * let in could have sent nothing in its user's name.
 */
import { ServerResponse } from "node:http";
import { cors } from "@connectrpc/connect";
import type { Response } from "./calls.ts";
import type { Listener } from "./router.ts";

/** Seconds that a browser need not ask again; what Chromium takes at most. */
const maxAge = 7_200;

/** What the RPCs take, and what their REST mapping does. */
const allowed = {
  "access-control-allow-methods": [...cors.allowedMethods, "PUT", "PATCH", "DELETE"].join(", "),
  "access-control-allow-headers": [
    ...cors.allowedHeaders,
    ...["Authorization", "Connector-Agent", "Idempotency-Key", "If-Match", "traceparent", "tracestate", "X-Request-Id"],
  ].join(", "),
  "access-control-max-age": String(maxAge),
};
const exposed = [...cors.exposedHeaders, "Retry-After", "ETag", "X-Request-Id"].join(", ");

/** @param origins `https://app.example.com`; none: the listener stays as it is */
export function allowOrigins(origins: readonly string[], listener: Listener): Listener {
  if (origins.length === 0) return listener;
  const all = new Set(origins);
  return (request, response) => {
    const { origin, "access-control-request-method": asked } = request.headers;
    // Caches must not give one origin what was said to another.
    response.setHeader("vary", "Origin");
    if (origin === undefined || !all.has(origin)) return listener(request, response);
    response.setHeader("access-control-allow-origin", origin);
    if (request.method === "OPTIONS" && asked !== undefined) return endPreflight(response);
    response.setHeader("access-control-expose-headers", exposed);
    return listener(request, response);
  };
}

function endPreflight(response: Response): void {
  // The two differ in their types only.
  if (response instanceof ServerResponse) response.writeHead(204, allowed).end();
  else response.writeHead(204, allowed).end();
}
