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
 * @param asked The request as it was authorized: many servers repeat its query where they lead to, and
 *   what leads to its own server stays with the request's
 * @throws Failure when it leads where nobody is to be led
 */
export function redirected(
  { url, method }: HttpRequest,
  asked: HttpRequest,
  { status, headers }: AnswerHead,
): URL | undefined {
  if (!redirects.has(status) || headers.location === undefined) return undefined;
  if (method !== "GET" && method !== "HEAD") return undefined;
  const next = URL.parse(headers.location, url);
  if (next === null || !/^https?:$/.test(next.protocol) || next.username !== "" || next.password !== "") {
    throw misled("redirects to what is no http or https URL");
  }
  if (url.protocol === "https:" && next.protocol === "http:") throw misled("redirects from https to http");
  next.hash = "";
  // The server that the credential is for is the source, by whichever name it is led to.
  if (next.origin === asked.url.origin) {
    next.hostname = url.hostname;
    // A host without a port would leave the other one's.
    next.port = url.port;
  }
  return discreet(next, url, asked.url);
}

/** Without the parameters that authorizing has added: the own origin gets them anew, and no other one does. */
function discreet(next: URL, before: URL, authorized: URL): URL {
  const known = new Set(parametersOf(before).map(([pair]) => pair));
  const added = parametersOf(authorized).filter(([pair]) => !known.has(pair));
  if (added.length === 0) return next;
  const secret = new Set(added.map(([pair]) => pair));
  const kept = parametersOf(next).filter(([pair]) => !secret.has(pair));
  next.search = kept.map(([, written]) => written).join("&");
  const text = decodedTwice(next.pathname + next.search);
  const isToldAll = added.some(([, , value]) => value.length >= 8 && text.includes(value));
  if (next.origin !== before.origin && isToldAll) throw misled("redirects to another origin with what shows who asks");
  return next;
}

/** Each as what it means, as it is written, and its value. */
function parametersOf({ search }: URL): (readonly [pair: string, written: string, value: string])[] {
  const written = search.slice(1).split("&");
  return written.flatMap((each) =>
    [...new URLSearchParams(each)].map(([name, value]) => [`${name}=${value}`, each, value] as const),
  );
}

/** A URL within a URL. */
function decodedTwice(text: string): string {
  try {
    return decodeURIComponent(decodeURIComponent(text));
  } catch {
    return text;
  }
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
