/** Single values on their way through a window. */
import type { Failure } from "../../../../failure.ts";
import { truncated, unreadable } from "../failures.ts";
import type { Pause, Window } from "../window.ts";
import { isSpace } from "./bytes.ts";
import { type JsonScanner, malformed, maxDepth, needsMore } from "./scan.ts";

/**
 * Where the value at the window's place ends, all of whose bytes stay in the window.
 *
 * @param tooLong makes the error for a value of more than `maxBytes`
 */
export function* endOfValue(
  resource: string,
  window: Window,
  scanner: JsonScanner,
  maxBytes: number,
  tooLong: () => Failure,
): Generator<Pause, number> {
  scanner.begin();
  let seen = 0;
  for (;;) {
    const end = scanner.scan(window.bytes, window.at + seen, window.bytes.length);
    if (end >= 0) return end;
    if (end !== needsMore) throw notJson(resource, end);
    seen = window.bytes.length - window.at;
    if (seen > maxBytes) throw tooLong();
    if (window.ended) {
      if (!scanner.hasEnded) throw truncated(resource);
      return window.bytes.length;
    }
    yield "more";
  }
}

/** Goes on behind the value at the window's place, of which nothing is kept. */
export function* skipValue(resource: string, window: Window, scanner: JsonScanner): Generator<Pause, undefined> {
  scanner.begin();
  for (;;) {
    const end = scanner.scan(window.bytes, window.at, window.bytes.length);
    window.at = end >= 0 ? end : window.bytes.length;
    if (end >= 0) return;
    if (end !== needsMore) throw notJson(resource, end);
    if (window.ended) {
      if (!scanner.hasEnded) throw truncated(resource);
      return;
    }
    yield "more";
  }
}

/** Goes on behind white space; false when the body ends there. */
export function* skipSpace(window: Window): Generator<Pause, boolean> {
  for (;;) {
    const { bytes } = window;
    while (window.at < bytes.length && isSpace(bytes[window.at] as number)) window.at++;
    if (window.at < bytes.length) return true;
    if (window.ended) return false;
    yield "more";
  }
}

/** @param problem what a scanner gave instead of an end */
export function notJson(resource: string, problem: number): Failure {
  if (problem === needsMore) return truncated(resource);
  if (problem === malformed) return unreadable(resource, "it is not JSON");
  return unreadable(resource, `it has arrays and objects nested more than ${maxDepth} deep`);
}
