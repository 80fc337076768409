/**
 * An issuer's keys, fetched from its `jwks_uri` and kept up to date.
 *
 * They are read again before anybody could need newer ones, and at once for a token that
 * names a key which is not among them: a rotation costs one call some milliseconds. Who
 * makes up names of keys can't make us ask more than now and then. While the issuer is
 * away its last good keys hold, for an hour: it issues nothing then, and what it has
 * withdrawn meanwhile must end some time.
 *
 * jose has a remote set, too. It has no keys as soon as the issuer is away for longer than its
 * cache holds, and takes sets that `jwt-keys.ts` refuses.
 */
import { errors, type JWTVerifyGetKey } from "jose";
import { Failure } from "../failure.ts";
import { type JwtKeys, jwksKeys, signatures } from "./jwt-keys.ts";

/** The part of `fetch` that is needed; what dials must keep to the operator's policy. */
export type FetchKeys = (
  url: string,
  init: { readonly headers: Record<string, string>; readonly signal: AbortSignal; readonly maxBytes: number },
) => Promise<Response>;

export interface RemoteKeysOptions {
  /** `https:`, or in development `http:` on this machine. */
  readonly url: string;
  readonly fetch: FetchKeys;
  /** Hears why the keys could not be read, each time. Default: nobody does. */
  readonly onProblem?: (failure: Failure) => void;
}

export interface RemoteKeys extends JwtKeys {
  /** Asks the issuer no more. */
  close(): void;
}

const fetchTimeoutMs = 5_000;
/** A large set of certificates included; more is no key set. */
const maxBytes = 262_144;
const refreshMs = 5 * 60_000;
/** Replicas that began together must not ask together. */
const refreshJitter = 0.2;
/** Between attempts while the issuer does not give its keys. */
const retryMs = 5_000;
/** Between readings for tokens that name unknown keys. */
const unknownKeyPauseMs = 10_000;
/** From the last good answer on. */
const maxAgeMs = 60 * 60_000;

/** Begins to read the keys; whoever needs them before they are there waits. */
export function remoteKeys({ url, fetch, onProblem = () => undefined }: RemoteKeysOptions): RemoteKeys {
  let set: { readonly text: string; readonly getKey: JWTVerifyGetKey } | undefined;
  let readAt = Number.NEGATIVE_INFINITY;
  let failedAt = Number.NEGATIVE_INFINITY;
  let lookedForUnknownAt = Number.NEGATIVE_INFINITY;
  let reading: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  const closing = new AbortController();

  async function read(): Promise<void> {
    try {
      const text = await fetchText(url, fetch, closing.signal);
      // The same keys are the same set: what they verified holds.
      if (text !== set?.text) set = { text, getKey: jwksKeys(text).getKey };
      readAt = performance.now();
      again(refreshMs * (1 - Math.random() * refreshJitter));
    } catch (cause) {
      failedAt = performance.now();
      again(retryMs);
      const failure = notToBeHad(cause);
      if (!closing.signal.aborted) onProblem(failure);
      throw failure;
    }
  }

  function again(afterMs: number): void {
    clearTimeout(timer);
    if (closing.signal.aborted) return;
    timer = setTimeout(() => void readOnce().catch(() => undefined), afterMs).unref();
  }

  function readOnce(): Promise<void> {
    reading ??= read().finally(() => {
      reading = undefined;
    });
    return reading;
  }

  const current = () => (performance.now() - readAt < maxAgeMs ? set : undefined);

  async function usable() {
    if (current() === undefined) {
      if (reading === undefined && performance.now() - failedAt < retryMs) throw notToBeHad(undefined);
      await readOnce();
    }
    return set as NonNullable<typeof set>;
  }

  void readOnce().catch(() => undefined);
  return {
    algorithms: signatures,
    current,
    async getKey(header, token) {
      const known = await usable();
      try {
        return await known.getKey(header, token);
      } catch (error) {
        if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
        if (reading === undefined) {
          if (performance.now() - lookedForUnknownAt < unknownKeyPauseMs) throw error;
          lookedForUnknownAt = performance.now();
        }
        await readOnce();
        return await (await usable()).getKey(header, token);
      }
    },
    close() {
      closing.abort();
      clearTimeout(timer);
    },
  };
}

async function fetchText(url: string, fetch: FetchKeys, closing: AbortSignal): Promise<string> {
  const response = await fetch(url, {
    headers: { accept: "application/jwk-set+json, application/json" },
    signal: AbortSignal.any([closing, AbortSignal.timeout(fetchTimeoutMs)]),
    maxBytes,
  });
  if (response.status !== 200) throw new Error(`The issuer answered its key set with the status ${response.status}.`);
  const text = await response.text();
  if (text.length > maxBytes) throw new Error(`The issuer's key set has more than ${maxBytes} bytes.`);
  return text;
}

/** The token may be good: its caller should try again, and the operator look after the issuer. */
function notToBeHad(cause: unknown): Failure {
  return new Failure("service_unavailable", "The keys of the tokens' issuer can't be had at the moment.", {
    where: "service",
    remedy: "Try again; the operator should see that JWT_JWKS_URL answers with the issuer's key set.",
    retryAfterMs: retryMs,
    cause,
  });
}
