/**
 * Answers of the store, kept in memory: what has not changed need not be asked for again.
 * What is kept is only trusted while every change is told.
 */
import { LRUCache } from "lru-cache";

export interface Kept<Value> {
  /**
   * What is kept under a key, or else what is read now, once for all who want it at the same time.
   *
   * @param mayKeep Whether a change of the value would be told by this key. Default: it would
   * @throws What `read` throws; a failure is not kept.
   */
  get(key: string, read: () => Promise<Value>, mayKeep?: (value: Value) => boolean): Promise<Value>;
  /** What is kept, and what is being read at the moment, is out of date. */
  forget(key: string): void;
  /** Whether every change is told from now on; until that is said, none is taken to be. */
  trust(told: boolean): void;
}

/** @param max Values at most; those unused the longest go first */
export function createKept<Value>(max: number): Kept<Value> {
  const kept = new LRUCache<string, { readonly value: Value }>({ max });
  /** Readings whose answer will be up to date when it comes: others may wait for it. */
  const reading = new Map<string, Promise<Value>>();
  let trusted = false;

  function begin(key: string, read: () => Promise<Value>, mayKeep: (value: Value) => boolean): Promise<Value> {
    const begun = read()
      .then((value) => {
        // One that changed meanwhile is no longer among them.
        if (reading.get(key) === begun && mayKeep(value)) kept.set(key, { value });
        return value;
      })
      .finally(() => {
        if (reading.get(key) === begun) reading.delete(key);
      });
    reading.set(key, begun);
    return begun;
  }

  return {
    async get(key, read, mayKeep = () => true) {
      if (!trusted) return read();
      const known = kept.get(key);
      return known === undefined ? (reading.get(key) ?? begin(key, read, mayKeep)) : known.value;
    },
    forget(key) {
      kept.delete(key);
      reading.delete(key);
    },
    trust(told) {
      trusted = told;
      kept.clear();
      reading.clear();
    },
  };
}
