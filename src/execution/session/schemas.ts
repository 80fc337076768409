/** What sources can be queried for, kept for some minutes: reading it is a source's dearest query. */
import { LRUCache } from "lru-cache";
import type { ActionDescription } from "../../providers/contract/action.ts";
import type { Resource } from "../../providers/contract/resource.ts";

/** What a source has. */
export interface Schema {
  /** By namespace and name, in the order of their UTF-16 code units. */
  readonly resources: readonly Resource[];
  /** By name. */
  readonly actions: readonly ActionDescription[];
}

export interface ReadSchema extends Schema {
  /** When it began to be read. */
  readonly readTime: Date;
}

type Read = () => Promise<Schema>;

export interface Schemas {
  /**
   * The schema kept under the key, or what `read` gives; many callers read it once. With
   * `refresh` it is read after the call began, whatever is kept or being read.
   */
  get(key: string, refresh: boolean, read: Read): Promise<ReadSchema>;
}

const maxAgeMs = 5 * 60_000;
/** Resources and actions kept at most, over all connectors. */
const maxResources = 200_000;

export function createSchemas(): Schemas {
  const kept = new LRUCache<string, ReadSchema>({
    ttl: maxAgeMs,
    maxSize: maxResources,
    sizeCalculation: ({ resources, actions }) => resources.length + actions.length + 1,
  });
  const reading = new Map<string, Promise<ReadSchema>>();
  const next = new Map<string, Promise<ReadSchema>>();

  return {
    get(key, refresh, read) {
      const known = refresh ? undefined : kept.get(key);
      if (known !== undefined) return Promise.resolve(known);
      const running = reading.get(key);
      if (running === undefined) return begin(key, read);
      return refresh ? beginAfter(running, key, read) : running;
    },
  };

  function begin(key: string, read: Read): Promise<ReadSchema> {
    const begun = readAndKeep(key, read).finally(() => reading.delete(key));
    reading.set(key, begun);
    return begun;
  }

  /** What runs may have looked at the source before the caller's change of it: those who wait read once more. */
  function beginAfter(running: Promise<ReadSchema>, key: string, read: Read): Promise<ReadSchema> {
    const known = next.get(key);
    if (known !== undefined) return known;
    const begun = Promise.allSettled([running]).then(() => {
      next.delete(key);
      return begin(key, read);
    });
    next.set(key, begun);
    return begun;
  }

  async function readAndKeep(key: string, read: Read): Promise<ReadSchema> {
    const readTime = new Date();
    const { resources, actions } = await read();
    const sorted = {
      resources: resources.toSorted(byName),
      actions: actions.toSorted((a, b) => compare(a.name, b.name)),
    };
    const schema = { ...sorted, readTime };
    kept.set(key, schema);
    return schema;
  }
}

function byName(a: Resource, b: Resource): number {
  return compare(a.namespace, b.namespace) || compare(a.localName, b.localName);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
