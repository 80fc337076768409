/**
 * Where an authorization server sends browsers back to: `GET /oauth/callback`. They are sent
 * on at once; what they came with stands in no log, is kept by no cache, and is told to
 * nobody that they go to (RFC 9700, section 4.2).
 */
import { ServerResponse } from "node:http";
import { Failure, type FailureKind } from "../failure.ts";
import type { Response } from "./calls.ts";
import type { Request } from "./router.ts";

export interface AuthorizationPageOptions {
  /** `/oauth/callback`. */
  readonly path: string;
  /** Gives the address to send the browser to. */
  readonly complete: (answer: URLSearchParams) => Promise<URL>;
  /** Hears of a fault of the service; the browser gets none of it. */
  readonly onFault: (fault: unknown) => void;
}

const headers = {
  "cache-control": "no-store",
  "referrer-policy": "no-referrer",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
};

const statuses: Partial<Record<FailureKind, number>> = { service_unavailable: 503 };

/** Answers what is for this page, and says whether it did. */
export function authorizationPage({ path, complete, onFault }: AuthorizationPageOptions) {
  return (request: Request, response: Response): boolean => {
    const { url = "", method = "" } = request;
    const mark = url.indexOf("?");
    // A query may hold the mark again (RFC 3986, section 3.4).
    const [at, query] = mark < 0 ? [url, ""] : [url.slice(0, mark), url.slice(mark + 1)];
    if (at !== path) return false;
    // What a request sends besides its head is of no use.
    request.resume();
    if (method !== "GET") {
      say(response, 405, "A browser comes here with GET.", { allow: "GET" });
      return true;
    }
    complete(new URLSearchParams(query)).then(
      ({ href }) => write(response, 302, "", { location: href }),
      (cause) => {
        if (cause instanceof Failure && cause.kind !== "internal") {
          return say(response, statuses[cause.kind] ?? 400, `${cause.message} ${cause.remedy ?? ""}`.trim());
        }
        onFault(cause);
        return say(response, 500, "The authorization failed by a fault of the service, whose log says which.");
      },
    );
    return true;
  };
}

function say(response: Response, status: number, text: string, more: Readonly<Record<string, string>> = {}): void {
  write(response, status, `${text}\n`, { "content-type": "text/plain; charset=utf-8", ...more });
}

function write(response: Response, status: number, body: string, more: Readonly<Record<string, string>>): void {
  const all = { ...headers, "content-length": Buffer.byteLength(body), ...more };
  // The two differ in their types only.
  if (response instanceof ServerResponse) response.writeHead(status, all).end(body);
  else response.writeHead(status, all).end(body);
}
