/**
 * The connectors that calls go through, kept in memory: a call need not ask the store
 * for one that has not changed. What is kept is only trusted while every change is told.
 */
import { LRUCache } from "lru-cache";
import type { ConnectorRow } from "../store/entities/connector.ts";

export interface InUse {
  /** @throws What `read` throws; a failure is not kept. */
  use(organizationId: string, id: string): Promise<ConnectorRow>;
  /** What is kept, and what is being read at the moment, is out of date. */
  forget(organizationId: string, id: string): void;
  /** Whether every change is told from now on; until that is said, none is taken to be. */
  trust(told: boolean): void;
}

type Read = (organizationId: string, id: string) => Promise<ConnectorRow>;

/** Connectors at most; those unused the longest go first. */
const maxKept = 10_000;

/** @param read Gives a copy that is nobody else's. */
export function createInUse(read: Read): InUse {
  const kept = new LRUCache<string, ConnectorRow>({ max: maxKept });
  /** Readings whose answer will be up to date when it comes: others may wait for it. */
  const reading = new Map<string, Promise<ConnectorRow>>();
  let trusted = false;

  function begin(key: string, organizationId: string, id: string): Promise<ConnectorRow> {
    const begun = read(organizationId, id)
      .then((row) => {
        const connector = frozen(row);
        // One that changed meanwhile is no longer among them; nor is one kept that a change would not find.
        if (reading.get(key) === begun && keyOf(organizationId, connector.id) === key) kept.set(key, connector);
        return connector;
      })
      .finally(() => {
        if (reading.get(key) === begun) reading.delete(key);
      });
    reading.set(key, begun);
    return begun;
  }

  return {
    async use(organizationId, id) {
      if (!trusted) return read(organizationId, id);
      const key = keyOf(organizationId, id);
      const known = kept.get(key) ?? (await (reading.get(key) ?? begin(key, organizationId, id)));
      // Two names in one key could be cut in two places.
      return known.organizationId === organizationId ? known : read(organizationId, id);
    },
    forget(organizationId, id) {
      const key = keyOf(organizationId, id);
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

function keyOf(organizationId: string, id: string): string {
  return `${organizationId}/${id.toLowerCase()}`;
}

/** Many calls share it: none may change it. */
function frozen(connector: ConnectorRow): ConnectorRow {
  freezeAll(connector.config);
  freezeAll(connector.labels);
  freezeAll(connector.policy);
  return Object.freeze(connector);
}

function freezeAll(value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  Object.freeze(value);
  for (const inner of Object.values(value)) freezeAll(inner);
}
