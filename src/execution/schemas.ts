/** What sources can be queried for, kept for some minutes: reading it is a source's dearest query. */
import { LRUCache } from "lru-cache";
import type { Resource } from "../providers/contract.ts";

export interface ReadSchema {
  readonly resources: readonly Resource[];
  readonly readTime: Date;
}

export interface Schemas {
  /** The schema kept under the key, or what `read` gives; many callers read it once. */
  get(key: string, refresh: boolean, read: () => Promise<readonly Resource[]>): Promise<ReadSchema>;
}

const maxAgeMs = 5 * 60_000;
/** Resources kept at most, over all connectors. */
const maxResources = 200_000;

export function createSchemas(): Schemas {
  const kept = new LRUCache<string, ReadSchema>({
    ttl: maxAgeMs,
    maxSize: maxResources,
    sizeCalculation: ({ resources }) => resources.length + 1,
  });
  const reading = new Map<string, Promise<ReadSchema>>();

  return {
    get(key, refresh, read) {
      const known = refresh ? undefined : kept.get(key);
      if (known !== undefined) return Promise.resolve(known);
      const begun = reading.get(key) ?? begin(key, read);
      reading.set(key, begun);
      return begun;
    },
  };

  async function begin(key: string, read: () => Promise<readonly Resource[]>): Promise<ReadSchema> {
    try {
      const schema = { resources: await read(), readTime: new Date() };
      kept.set(key, schema);
      return schema;
    } finally {
      reading.delete(key);
    }
  }
}
