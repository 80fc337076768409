/**
 * Answers in a Redis that replicas share, sealed. A Redis that is away, late or wrong
 * costs a call a short wait at most: what it would have said is not known then.
 */
import { randomBytes } from "node:crypto";
import { setImmediate as immediate } from "node:timers/promises";
import { type AnswerSealer, createAnswerSealer } from "../../vault/kept-answer.ts";
import type { Vault } from "../../vault/vault.ts";
import type { SharedRedis } from "../redis.ts";
import { decodePage, encodePage, format } from "./encoded-page.ts";
import type { KeptPage } from "./kept-page.ts";
import type { Address } from "./key.ts";
import type { Found, Store } from "./store.ts";

/** Milliseconds that it is left alone after it gave no answer, so that not every call waits for one. */
const pauseMs = 250;
/** Milliseconds between the tries to tell it of an invalidation. */
const retellMs = 1_000;
/** Bytes of a sealed answer at most. */
const maxBytes = 1_000_000;
/** An epoch that is forgotten takes its answers along, and no harm is done. */
const epochMs = 7 * 24 * 3_600_000;
const epochForm = /^[\w-]{16}$/;

const unknown: Found = { epoch: undefined, page: undefined };

export function createRedisStore(redis: SharedRedis, vault: Vault): Store {
  const { client } = redis;
  const sealer = createAnswerSealer(vault);
  const ends = createEnds(redis);
  let pausedUntil = 0;
  const reachable = () => redis.available && performance.now() >= pausedUntil;

  async function find(address: Address): Promise<Found> {
    if (!reachable() || ends.untold(address.scope)) return unknown;
    const found = await answerOf(client.mgetBuffer(epochName(address.scope), answerName(address)));
    if (found === undefined) {
      pausedUntil = performance.now() + pauseMs;
      return unknown;
    }
    const [name, sealed] = found;
    const epoch = name?.toString("latin1") ?? (await beginEpoch(address.scope));
    if (epoch === undefined || !epochForm.test(epoch) || ends.untold(address.scope)) return unknown;
    return { epoch, page: sealed == null ? undefined : await opened(sealer, address, epoch, sealed) };
  }

  /** Of several who begin one, the first one's is everybody's. */
  async function beginEpoch(scope: string): Promise<string | undefined> {
    const name = epochName(scope);
    const answers = Promise.all([client.set(name, newEpoch(), "PX", epochMs, "NX"), client.get(name)]);
    return (await answerOf(answers))?.[1] ?? undefined;
  }

  async function keep(address: Address, epoch: string, page: KeptPage, forMs: number): Promise<void> {
    const encoded = encodePage(page);
    if (encoded.length > maxBytes || !reachable()) return;
    const sealed = await sealer.seal({ ...address, epoch, format }, encoded);
    if (sealed.length > maxBytes) return;
    await answerOf(client.set(answerName(address), Buffer.from(sealed), "PX", forMs));
    // Who has asked just before may hear in the same moment that it is not there: they go on first.
    await immediate();
  }

  return { find, keep, invalidate: ends.tell, close: ends.close };
}

/** An answer that was sealed for another place or time, or is none, was not found. */
async function opened(
  sealer: AnswerSealer,
  address: Address,
  epoch: string,
  sealed: Buffer,
): Promise<KeptPage | undefined> {
  if (sealed.length > maxBytes) return undefined;
  try {
    return decodePage(Buffer.from(await sealer.open({ ...address, epoch, format }, sealed)));
  } catch {
    return undefined;
  }
}

/** What Redis answers; undefined when it fails or is late. */
async function answerOf<T>(command: Promise<T>): Promise<T | undefined> {
  try {
    return await command;
  } catch {
    return undefined;
  }
}

/** Ends epochs, and remembers those that Redis has not heard of yet. */
function createEnds({ client }: SharedRedis) {
  /** By scope, the epoch that Redis is to be told last. */
  const untold = new Map<string, string>();
  let timer: NodeJS.Timeout | undefined;

  async function tell(scope: string): Promise<void> {
    const epoch = newEpoch();
    untold.set(scope, epoch);
    const told = await answerOf(client.set(epochName(scope), epoch, "PX", epochMs));
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
  return `answers:{${scope}}:epoch`;
}

function answerName({ scope, digest }: Address): string {
  return `answers:{${scope}}:${digest}`;
}
