/**
 * Links what was not linked as it was written, within a second, and signs the ends of chains.
 * Every replica does it for what it wrote itself, soon after, and looks once in a while for what
 * a replica wrote that is no more: who comes second waits for the chain, and finds nothing left
 * to do.
 */
import type { EntityManager } from "@mikro-orm/postgresql";
import type { Store } from "../store/store.ts";
import type { Checkpoint } from "./checkpoint.ts";
import type { AuditKeys } from "./keys.ts";
import { type CheckpointEvery, linkBatch } from "./linking.ts";

export interface SequencerOptions {
  readonly store: Pick<Store, "withOrganization" | "audit">;
  readonly keys: AuditKeys;
  /** Milliseconds from an event to its link: others share it meanwhile. */
  readonly delayMs: number;
  /** Milliseconds between two looks for what others have left. */
  readonly pollMs: number;
  readonly checkpointEvery: CheckpointEvery;
  readonly onCheckpoint: (checkpoint: Checkpoint) => Promise<void>;
  /** Hears of every look that failed. */
  readonly onProblem: (cause: unknown) => void;
}

export interface Sequencer {
  /** There are new events of the organization. */
  poke(organizationId: string): void;
  /** Links all that is there now, of all organizations. */
  run(): Promise<void>;
  /** Links what was told of, and signs what is not signed. */
  close(): Promise<void>;
}

export function createSequencer(options: SequencerOptions): Sequencer {
  const { store, keys, delayMs, pollMs, checkpointEvery, onCheckpoint, onProblem } = options;
  const told = new Set<string>();
  /** Chains whose end is not signed, and when it has to be. */
  const unsigned = new Map<string, number>();
  let soon: NodeJS.Timeout | undefined;
  let working: Promise<void> = Promise.resolve();
  let closed = false;

  /** One at a time, so that a slow store is not asked by ever more of them. */
  const inTurn = (work: () => Promise<void>): Promise<void> => {
    working = working.then(work).catch(onProblem);
    return working;
  };

  async function link(organizationId: string, every = checkpointEvery): Promise<void> {
    for (;;) {
      const link = (em: EntityManager) => linkBatch(em, organizationId, keys, every);
      const { more, checkpoint, unsigned: open } = await store.withOrganization(organizationId, link);
      if (!open) unsigned.delete(organizationId);
      else if (!unsigned.has(organizationId)) unsigned.set(organizationId, performance.now() + every.ms);
      if (checkpoint !== undefined) await onCheckpoint(checkpoint);
      if (!more) return;
    }
  }

  async function linkTold(): Promise<void> {
    const organizations = [...told];
    told.clear();
    for (const organizationId of organizations) await link(organizationId);
  }

  async function linkDue(): Promise<void> {
    for (const organizationId of await store.audit.due("link")) await link(organizationId);
    for (const [organizationId, dueMs] of unsigned) {
      if (performance.now() >= dueMs) await link(organizationId, { ...checkpointEvery, ms: 0 });
    }
  }

  let queued = false;
  const poll = setInterval(() => {
    if (queued) return;
    queued = true;
    void inTurn(async () => {
      queued = false;
      await linkDue();
    });
  }, pollMs).unref();

  return {
    poke(organizationId) {
      if (closed) return;
      told.add(organizationId);
      soon ??= setTimeout(() => {
        soon = undefined;
        void inTurn(linkTold);
      }, delayMs).unref();
    },
    run: () => inTurn(() => linkTold().then(linkDue)),
    async close() {
      closed = true;
      clearInterval(poll);
      clearTimeout(soon);
      await inTurn(linkTold);
      await inTurn(async () => {
        for (const organizationId of [...unsigned.keys()]) await link(organizationId, { rows: 1, ms: 0 });
      });
    },
  };
}
