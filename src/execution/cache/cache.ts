/**
 * Answers of queries, kept for callers that accept one of some age from connectors that
 * allow it. The same query is read once for all who ask it at the same time.
 *
 * A key stands for an organization, a connector as it stands and a whole request, so that
 * nobody gets what another organization, another credential or another request got.
 *
 * After an action nothing that was kept of the whole connector is answered any more: a
 * view, a native statement or a trigger can tie any resource to any other, so that no
 * narrower rule is safe.
 */
import { orAborted } from "../../abort.ts";
import { Failure } from "../../failure.ts";
import type { CacheAsked, Observe } from "../../observability/observation.ts";
import type { Page } from "../../providers/contract.ts";
import type { Vault } from "../../vault/vault.ts";
import { keyOf } from "../connector-key.ts";
import type { SharedRedis } from "../redis.ts";
import { type KeptPage, keptPage, pageOf } from "./kept-page.ts";
import { type Address, addressOf, type CacheKeyParts } from "./key.ts";
import { createMemoryStore } from "./memory-store.ts";
import { beginReading, type Reading } from "./reading.ts";
import { createRedisStore } from "./redis-store.ts";
import type { Found, Store } from "./store.ts";

export type { CacheKeyParts } from "./key.ts";

/** What the source answered. */
export interface ReadPage {
  readonly page: Page;
  readonly readTime: Date;
}

/** Reads from the source until the signal aborts. */
export type ReadSource = (signal: AbortSignal) => Promise<ReadPage>;

export interface CachedPage extends ReadPage {
  /** How it came: read now, joined with another's reading, or kept. */
  readonly from: "source" | "joined" | "kept";
}

export interface QueryCache {
  /**
   * A page no older than the caller accepts; its batches are the caller's own. Its age
   * counts from when its reading began.
   *
   * Fails as the reading fails, which keeps nothing, or with the signal's reason. Who has
   * joined another's reading does not share that one's cancel or deadline: it reads itself.
   *
   * @param maxAgeMs The oldest answer that the caller accepts and the connector allows, more than 0.
   * @param signal Ends this caller's waiting only.
   * @param read Is run once for many callers. Its signal aborts when nobody waits any more.
   */
  get(parts: CacheKeyParts, maxAgeMs: number, signal: AbortSignal, read: ReadSource): Promise<CachedPage>;
  /**
   * What was read of this resource (undefined: of the whole connector) is not answered any
   * more to who asks from now on, in any replica that shares the Redis. While Redis can't
   * be told, this replica answers nothing that was kept of the connector and goes on
   * telling. Never fails.
   */
  invalidate(organizationId: string, connectorId: string, resource: string | undefined): Promise<void>;
  close(): void;
}

export interface QueryCacheOptions {
  /** Bytes of all answers together, without Redis. */
  readonly maxBytes: number;
  /** Keeps the answers, sealed, for all replicas; undefined: each keeps its own in memory. */
  readonly redis?: SharedRedis | undefined;
  readonly vault: Vault;
  readonly observe: Observe;
}

interface Answer extends ReadPage {
  readonly kept: KeptPage;
}

/** A reading that others may join. */
interface Joinable {
  readonly scope: string;
  readonly reading: Reading<Answer>;
}

export function createQueryCache({ maxBytes, redis, vault, observe }: QueryCacheOptions): QueryCache {
  const store = redis === undefined ? createMemoryStore(maxBytes) : createRedisStore(redis, vault);
  const running = new Map<string, Joinable>();

  async function get(parts: CacheKeyParts, maxAgeMs: number, signal: AbortSignal, read: ReadSource) {
    const address = addressOf(parts);
    const tell = teller(parts, observe);
    for (;;) {
      const finding = store.find(address);
      const { epoch, page }: Found = finding instanceof Promise ? await orAborted(finding, signal) : finding;
      signal.throwIfAborted();
      const oldest = Date.now() - maxAgeMs;
      if (page !== undefined && page.began >= oldest) {
        tell("hit");
        return answered(page, "kept");
      }
      const id = `${address.digest}/${epoch}`;
      const known = running.get(id)?.reading;
      if (known === undefined || known.left || known.began < oldest) {
        tell("miss");
        const reading = begin(id, address, epoch, parts.connector.policy?.maxCacheAgeMs ?? 0, read);
        const { page, readTime } = await reading.wait(signal);
        return { page, readTime, from: "source" as const };
      }
      tell("joined");
      const kept = await joined(known, signal);
      if (kept !== undefined) return answered(kept, "joined");
    }
  }

  function begin(id: string, address: Address, epoch: string | undefined, forMs: number, read: ReadSource) {
    const reading = beginReading<Answer>(async (signal, began) => {
      const { page, readTime } = await read(signal);
      return { page, readTime, kept: keptPage(page, readTime, began) };
    });
    const joinable = { scope: address.scope, reading };
    running.set(id, joinable);
    const joins = () => running.get(id) === joinable;
    const leave = () => joins() && running.delete(id);
    // It can be joined until it is found, so that nobody who comes between reads again; what
    // must not be joined any more is not kept, or it would stand in a newer one's place.
    reading.result
      .then(({ kept }) => (joins() ? keep(store, address, epoch, kept, forMs) : undefined))
      .then(leave, leave);
    return reading;
  }

  return {
    get,
    async invalidate(organizationId, connectorId) {
      const scope = keyOf(organizationId, connectorId);
      for (const [id, joinable] of running) {
        if (joinable.scope === scope) running.delete(id);
      }
      await store.invalidate(scope);
    },
    close: () => store.close(),
  };
}

function keep(store: Store, address: Address, epoch: string | undefined, page: KeptPage, forMs: number) {
  const leftMs = Math.floor(page.began + forMs - Date.now());
  return epoch === undefined || leftMs <= 0 ? undefined : store.keep(address, epoch, page, leftMs);
}

/** What another's reading gives; undefined when it ended early for a reason of that one's own. */
async function joined(reading: Reading<Answer>, signal: AbortSignal): Promise<KeptPage | undefined> {
  try {
    return (await reading.wait(signal)).kept;
  } catch (error) {
    const anothers = error instanceof Failure && (error.kind === "cancelled" || error.kind === "deadline_exceeded");
    if (anothers && !signal.aborted) return undefined;
    throw error;
  }
}

function answered(kept: KeptPage, from: CachedPage["from"]): CachedPage {
  return { page: pageOf(kept), readTime: kept.readTime, from };
}

/** Tells what became of a question: the first of what it is told, since a question is one. */
function teller({ connector }: CacheKeyParts, observe: Observe): (result: CacheAsked["result"]) => void {
  let told = false;
  return (result) => {
    if (told) return;
    told = true;
    const { organizationId, id: connectorId, provider } = connector;
    observe({ kind: "cache_asked", subject: { organizationId, connectorId, provider }, result });
  };
}
