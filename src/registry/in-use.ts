/** The connectors that calls go through, kept in memory: a call need not ask the store for one that has not changed. */
import type { ConnectorRow } from "../store/entities/connector.ts";
import { createKept } from "./kept.ts";

export interface InUse {
  /** @throws What `read` throws; a failure is not kept. */
  use(organizationId: string, id: string): Promise<ConnectorRow>;
  /** What is kept, and what is being read at the moment, is out of date. */
  forget(organizationId: string, id: string): void;
  /** Whether every change is told from now on; until that is said, none is taken to be. */
  trust(told: boolean): void;
}

type Read = (organizationId: string, id: string) => Promise<ConnectorRow>;

/** Connectors at most. */
const maxKept = 10_000;

/** @param read Gives a copy that is nobody else's. */
export function createInUse(read: Read): InUse {
  const kept = createKept<ConnectorRow>(maxKept);
  return {
    async use(organizationId, id) {
      const key = keyOf(organizationId, id);
      const known = await kept.get(
        key,
        async () => frozen(await read(organizationId, id)),
        (connector) => keyOf(organizationId, connector.id) === key,
      );
      // Two names in one key could be cut in two places.
      return known.organizationId === organizationId ? known : read(organizationId, id);
    },
    forget: (organizationId, id) => kept.forget(keyOf(organizationId, id)),
    trust: kept.trust,
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
