/** Answers in this process's memory; those unused the longest go first. */
import { LRUCache } from "lru-cache";
import { type KeptPage, sizeOf } from "./kept-page.ts";
import type { Store } from "./store.ts";

/** The answers of one connector. */
interface Epoch {
  readonly name: string;
  readonly digests: Set<string>;
}

interface Entry {
  readonly epoch: Epoch;
  readonly page: KeptPage;
}

/** A single answer takes at most this part of the room. */
const largestPart = 1 / 8;
const maxConnectors = 10_000;
/** A timer of Node holds at most 2³¹ - 1 ms. */
const maxForMs = 2 ** 31 - 2;

export function createMemoryStore(maxBytes: number): Store {
  let lastEpoch = 0;
  const entries = new LRUCache<string, Entry>({
    maxSize: maxBytes,
    maxEntrySize: Math.max(1, Math.floor(maxBytes * largestPart)),
    sizeCalculation: ({ page }) => sizeOf(page),
    // What is too old leaves the memory, asked for or not.
    ttlAutopurge: true,
    ttl: maxForMs,
    ttlResolution: 0,
    dispose: ({ epoch }, digest) => epoch.digests.delete(digest),
  });
  const epochs = new LRUCache<string, Epoch>({
    max: maxConnectors,
    dispose: ({ digests }) => {
      for (const digest of digests) entries.delete(digest);
    },
  });

  return {
    find({ scope, digest }) {
      let epoch = epochs.get(scope);
      if (epoch === undefined) {
        epoch = { name: String(++lastEpoch), digests: new Set() };
        epochs.set(scope, epoch);
      }
      return { epoch: epoch.name, page: entries.get(digest)?.page };
    },
    keep({ scope, digest }, epochName, page, forMs) {
      const epoch = epochs.get(scope);
      if (epoch?.name !== epochName) return;
      entries.set(digest, { epoch, page }, { ttl: Math.min(forMs, maxForMs) });
      if (entries.has(digest)) epoch.digests.add(digest);
    },
    invalidate: (scope) => void epochs.delete(scope),
    close: () => epochs.clear(),
  };
}
