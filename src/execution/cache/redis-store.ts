/**
 * Answers in a Redis that replicas share, sealed. A Redis that is away, late or wrong
 * costs a call a short wait at most: what it would have said is not known then.
 */
import { randomBytes } from "node:crypto";
import { openAnswer, sealAnswer } from "../../vault/kept-answer.ts";
import type { Vault } from "../../vault/vault.ts";
import { decodePage, encodePage, format } from "./encoded-page.ts";
import type { KeptPage } from "./kept-page.ts";
import type { Address } from "./key.ts";
import type { Found, Store } from "./store.ts";

/** What the store needs of a Redis client, which must fail at once when it is not connected. */
export interface RedisForStore {
  mgetBuffer(...keys: string[]): Promise<(Buffer | null)[]>;
  get(key: string): Promise<string | null>;
  set(key: string, value: string | Buffer, unit: "PX", milliseconds: number): Promise<"OK">;
  set(key: string, value: string, unit: "PX", milliseconds: number, condition: "NX"): Promise<"OK" | null>;
}

/** Milliseconds that Redis gets for a command. */
const lateMs = 100;
/** Milliseconds that it is left alone after it was late, so that not every call waits for it. */
const pauseMs = 1_000;
/** Milliseconds between the tries to tell it of an invalidation. */
const retellMs = 1_000;
/** Bytes of a sealed answer at most. */
const maxBytes = 1_000_000;
/** An epoch that is forgotten takes its answers along, and no harm is done. */
const epochMs = 7 * 24 * 3_600_000;
const epochForm = /^[\w-]{16}$/;

const unknown: Found = { epoch: undefined, page: undefined };

export function createRedisStore(redis: RedisForStore, vault: Vault): Store {
  const { ask, pausing } = asker();
  const ends = createEnds(redis, ask);

  async function find(address: Address): Promise<Found> {
    if (pausing() || ends.untold(address.scope)) return unknown;
    const found = await ask(() => redis.mgetBuffer(epochName(address.scope), answerName(address)));
    if (found === undefined) return unknown;
    const [name, sealed] = found;
    const epoch = name?.toString("latin1") ?? (await beginEpoch(address.scope));
    if (epoch === undefined || !epochForm.test(epoch) || ends.untold(address.scope)) return unknown;
    return { epoch, page: sealed == null ? undefined : await opened(vault, address, epoch, sealed) };
  }

  /** Of several who begin one, the first one's is everybody's. */
  async function beginEpoch(scope: string): Promise<string | undefined> {
    const name = epochName(scope);
    const answers = await ask(() => Promise.all([redis.set(name, newEpoch(), "PX", epochMs, "NX"), redis.get(name)]));
    return answers?.[1] ?? undefined;
  }

  async function keep(address: Address, epoch: string, page: KeptPage, forMs: number): Promise<void> {
    const encoded = encodePage(page);
    if (encoded.length > maxBytes || pausing()) return;
    const sealed = await sealAnswer(vault, { ...address, epoch, format }, encoded);
    if (sealed.length <= maxBytes) await ask(() => redis.set(answerName(address), Buffer.from(sealed), "PX", forMs));
  }

  return { find, keep, invalidate: ends.tell, close: ends.close };
}

/** An answer that was sealed for another place or time, or is none, was not found. */
async function opened(vault: Vault, address: Address, epoch: string, sealed: Buffer): Promise<KeptPage | undefined> {
  if (sealed.length > maxBytes) return undefined;
  try {
    return decodePage(Buffer.from(await openAnswer(vault, { ...address, epoch, format }, sealed)));
  } catch {
    return undefined;
  }
}

/** What Redis answers; undefined when it fails or is late. */
type Ask = <T>(command: () => Promise<T>) => Promise<T | undefined>;

function asker(): { readonly ask: Ask /** It was late a moment ago. */; readonly pausing: () => boolean } {
  let pausedUntil = 0;
  const ask: Ask = async (command) => {
    const late = Promise.withResolvers<undefined>();
    const timer = setTimeout(() => {
      pausedUntil = performance.now() + pauseMs;
      late.resolve(undefined);
    }, lateMs).unref();
    try {
      return await Promise.race([command(), late.promise]);
    } catch {
      return undefined;
    } finally {
      clearTimeout(timer);
    }
  };
  return { ask, pausing: () => performance.now() < pausedUntil };
}

/** Ends epochs, and remembers those that Redis has not heard of yet. */
function createEnds(redis: RedisForStore, ask: Ask) {
  /** By scope, the epoch that Redis is to be told last. */
  const untold = new Map<string, string>();
  let timer: NodeJS.Timeout | undefined;

  async function tell(scope: string): Promise<void> {
    const epoch = newEpoch();
    untold.set(scope, epoch);
    const told = await ask(() => redis.set(epochName(scope), epoch, "PX", epochMs));
    if (untold.get(scope) !== epoch) return;
    if (told === "OK") untold.delete(scope);
    else timer ??= setTimeout(retell, retellMs).unref();
  }

  function retell(): void {
    timer = undefined;
    for (const scope of untold.keys()) void tell(scope);
  }

  return {
    tell,
    untold: (scope: string) => untold.has(scope),
    close() {
      untold.clear();
      clearTimeout(timer);
    },
  };
}

function newEpoch(): string {
  return randomBytes(12).toString("base64url");
}

/** Redis keeps what stands in the same braces in one place. */
function epochName(scope: string): string {
  return `connector:answers:{${scope}}:epoch`;
}

function answerName({ scope, digest }: Address): string {
  return `connector:answers:{${scope}}:${digest}`;
}
