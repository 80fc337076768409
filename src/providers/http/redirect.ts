/** Where a redirect leads, and whether that is followed. */
import { Failure } from "../../failure.ts";
import type { HttpRequest } from "./exchange.ts";
import type { AnswerHead } from "./failure.ts";

export const maxRedirects = 5;

const redirects = new Set([301, 302, 303, 307, 308]);
/** What a request to a stranger keeps: nothing that tells who asks, or that somebody configured. */
const harmless = new Set(["accept", "accept-language", "accept-encoding", "user-agent"]);

/**
 * The URL to ask next; undefined when the answer is none that leads elsewhere, or the request
 * one that is not sent to elsewhere: only GET and HEAD are (RFC 9110, section 15.4).
 *
 * @throws Failure when it leads where nobody is to be led
 */
export function redirected({ url, method }: HttpRequest, { status, headers }: AnswerHead): URL | undefined {
  if (!redirects.has(status) || headers.location === undefined) return undefined;
  if (method !== "GET" && method !== "HEAD") return undefined;
  const next = URL.parse(headers.location, url);
  if (next === null || !/^https?:$/.test(next.protocol) || next.username !== "" || next.password !== "") {
    throw misled("redirects to what is no http or https URL");
  }
  if (url.protocol === "https:" && next.protocol === "http:") throw misled("redirects from https to http");
  next.hash = "";
  return next;
}

/** The request as another origin may see it: without whatever shows who asks (RFC 9110, section 15.4). */
export function anonymous(request: HttpRequest): HttpRequest {
  const headers = Object.entries(request.headers).filter(([name]) => harmless.has(name));
  return { ...request, headers: Object.fromEntries(headers) };
}

export function misled(what: string): Failure {
  return new Failure("egress_denied", `The source ${what}, which is not followed.`, {
    where: "egress",
    remedy: "Give the URL that it leads to in the end.",
  });
}
