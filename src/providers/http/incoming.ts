/** The body of an answer as it comes: decompressed, counted, and given up when it is silent or too large. */
import type { IncomingMessage } from "node:http";
import { pipeline, type Readable } from "node:stream";
import { createBrotliDecompress, createUnzip } from "node:zlib";
import { Failure } from "../../failure.ts";
import { lost, tooLarge } from "./failure.ts";

/** What is asked for; `deflate` is understood, too, and not asked for, as servers don't agree what it is. */
export const acceptEncoding = "gzip, br";

export interface BodyLimits {
  /** Milliseconds without a byte after which the source is given up. */
  readonly silentMs: number;
  /** Bytes at most, decompressed. */
  readonly maxBytes: number;
  /** Decompressed bytes for each that came, at most. */
  readonly maxRatio: number;
}

/** The exchange that a body belongs to. */
export interface BodyOwner {
  readonly upstream: string;
  /** Ends it: the connection is closed, and whoever reads is told the reason. The first reason counts. */
  cut(reason: Failure): void;
  /** Why it was ended early, if it was. */
  stopped(): unknown;
  /** What an error of the connection or the decompression means. */
  meaningOf(error: unknown): unknown;
}

/** So much may come out of very little: small documents of the same few words are no bomb. */
const ratioFreeBytes = 8_000_000;

/** @throws Failure of kind `upstream_unavailable` for an encoding that was not asked for, `too_large` for what is announced */
export function bodyOf(response: IncomingMessage, limits: BodyLimits, owner: BodyOwner): AsyncIterable<Uint8Array> {
  const encoding = (response.headers["content-encoding"] ?? "").trim().toLowerCase();
  const isPlain = encoding === "" || encoding === "identity";
  const announced = Number(response.headers["content-length"] ?? 0);
  if (announced > limits.maxBytes && hasBody(response)) throw refused(owner, tooMuch(limits, owner));
  if (isPlain || !hasBody(response)) return iterable(response, response, countOf(limits, owner), limits, owner);
  const decoder = decoders.get(encoding)?.();
  if (decoder === undefined) throw refused(owner, strangeEncoding(owner));
  // Whoever reads the decoder is told what went wrong before it.
  const decoded = pipeline(response, decoder, () => {});
  return iterable(decoded, response, countDecoded(response, limits, owner), limits, owner);
}

const decoders = new Map<string, () => ReturnType<typeof createUnzip | typeof createBrotliDecompress>>([
  ["gzip", createUnzip],
  ["x-gzip", createUnzip],
  ["deflate", createUnzip],
  ["br", createBrotliDecompress],
]);

/** The answer to HEAD, and some others, tell of a body that does not come (RFC 9110, section 6.4.1). */
function hasBody({ statusCode, req }: IncomingMessage & { readonly req?: { readonly method: string } }): boolean {
  return req?.method !== "HEAD" && statusCode !== 204 && statusCode !== 205;
}

type Count = (chunk: Uint8Array) => void;

function countOf(limits: BodyLimits, owner: BodyOwner): Count {
  let bytes = 0;
  return (chunk) => {
    bytes += chunk.length;
    if (bytes > limits.maxBytes) throw refused(owner, tooMuch(limits, owner));
  };
}

/** What comes is counted, too: it may be endless without ever becoming a byte. */
function countDecoded(response: IncomingMessage, limits: BodyLimits, owner: BodyOwner): Count {
  const { maxRatio, maxBytes } = limits;
  let came = 0;
  let bytes = 0;
  response.on("data", (chunk: Buffer) => {
    came += chunk.length;
    if (came > maxBytes) owner.cut(tooMuch(limits, owner));
  });
  const count = countOf(limits, owner);
  return (chunk) => {
    count(chunk);
    bytes += chunk.length;
    if (bytes > ratioFreeBytes && bytes > came * maxRatio) {
      throw refused(owner, tooLarge(`more than ${maxRatio} bytes in each that it is compressed to`, owner.upstream));
    }
  };
}

/**
 * By hand, as an async iterator of a stream of Node costs a small answer more than its parsing.
 *
 * @param source what is read, and `response` what it comes from
 */
function iterable(
  source: Readable,
  response: IncomingMessage,
  count: Count,
  { silentMs }: BodyLimits,
  owner: BodyOwner,
): AsyncIterable<Uint8Array> {
  const arrival = arrivals(source);
  const next = async (): Promise<IteratorResult<Uint8Array>> => {
    for (;;) {
      const stopped = owner.stopped();
      if (stopped !== undefined) throw stopped;
      const chunk = source.read() as Buffer | null;
      if (chunk !== null) {
        count(chunk);
        return { done: false, value: chunk };
      }
      if (source.readableEnded) return { done: true, value: undefined };
      if (source.errored !== null || source.destroyed) throw owner.meaningOf(source.errored);
      await arrival(silentMs, () => owner.cut(silent(silentMs, owner)));
    }
  };
  const end = async (): Promise<IteratorResult<Uint8Array>> => {
    if (!source.readableEnded) giveUp(source, response, owner);
    return { done: true, value: undefined };
  };
  return { [Symbol.asyncIterator]: () => ({ next, return: end }) };
}

/** Waits for something to happen: bytes, the end, or an error. */
function arrivals(source: Readable): (limitMs: number, late: () => void) => Promise<void> {
  let wake = () => {};
  const happened = () => wake();
  source.on("readable", happened).on("end", happened).on("error", happened).on("close", happened);
  return (limitMs, late) =>
    new Promise((resolve) => {
      const timer = setTimeout(() => {
        late();
        resolve();
      }, limitMs);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
}

/** The rest of an answer that has come already costs nothing, and its connection stays good. */
function giveUp(source: Readable, response: IncomingMessage, owner: BodyOwner): void {
  if (response.complete && source === response) {
    source.removeAllListeners("readable");
    source.resume();
    return;
  }
  owner.cut(new Failure("cancelled", "The reader wants no more of the answer.", { where: "caller" }));
}

function refused(owner: BodyOwner, failure: Failure): Failure {
  owner.cut(failure);
  return failure;
}

function tooMuch({ maxBytes }: BodyLimits, { upstream }: BodyOwner): Failure {
  return tooLarge(`more than ${maxBytes} bytes`, upstream);
}

function silent(ms: number, { upstream }: BodyOwner): Failure {
  return lost(`The source sent nothing for ${(ms / 1_000).toFixed(1)} s amid its answer.`, upstream);
}

function strangeEncoding({ upstream }: BodyOwner): Failure {
  return new Failure("upstream_unavailable", "The source answers in an encoding that was not asked for.", {
    ...{ where: "upstream", upstream, final: true },
    remedy: "Look at what stands between the service and the source.",
  });
}
