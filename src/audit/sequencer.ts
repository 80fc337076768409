/**
 * Links what was not linked as it was written, within a second, and signs the ends of chains.
 * Every replica does it for what it noted itself, soon after, and looks all the time for what was
 * noted since another was at the chain, or by a replica that is no more: who comes second waits
 * for the chain, and finds nothing left to do.
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
  /** Events of the organization were noted, to be linked. */
  noted(organizationId: string): void;
  /** So many were written, and linked where nobody else was at the chain: its end is not signed. */
  written(organizationId: string, entries: number): void;
  /** Links all that is there now, of all organizations. */
  run(): Promise<void>;
  /** Links what was told of, and signs what is not signed. */
  close(): Promise<void>;
}

/** The end of a chain. */
interface End {
  /** Behind what is signed, as far as this replica knows: others may have written there, too. */
  readonly unsigned: number;
  /** When it is to be signed if there is anything, by `performance.now()`. */
  readonly dueMs: number;
}

export function createSequencer(options: SequencerOptions): Sequencer {
  const { store, keys, delayMs, pollMs, checkpointEvery, onCheckpoint, onProblem } = options;
  const told = new Set<string>();
  /** Those that were signed or linked lately, or have yet to be. */
  const ends = new Map<string, End>();
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
      const before = ends.get(organizationId) ?? { unsigned: 0, dueMs: performance.now() };
      // What is written from now on may come too late for this signature.
      ends.set(organizationId, { unsigned: 0, dueMs: performance.now() + every.ms });
      let after: End = before;
      try {
        const linkOne = (em: EntityManager) => linkBatch(em, organizationId, keys, every);
        const linked = await store.withOrganization(organizationId, linkOne);
        after = { unsigned: linked.unsigned, dueMs: performance.now() + linked.dueInMs };
        if (linked.checkpoint !== undefined) await onCheckpoint(linked.checkpoint);
        if (!linked.more) return;
      } finally {
        const since = ends.get(organizationId)?.unsigned ?? 0;
        ends.set(organizationId, { ...after, unsigned: after.unsigned + since });
      }
    }
  }

  async function linkTold(): Promise<void> {
    const organizations = [...told];
    told.clear();
    for (const organizationId of organizations) await link(organizationId);
  }

  async function linkDue(): Promise<void> {
    for (const organizationId of await store.audit.due("link")) await link(organizationId);
    for (const [organizationId, { unsigned, dueMs }] of [...ends]) {
      // What was told of is linked and signed soon.
      if (performance.now() < dueMs || told.has(organizationId)) continue;
      if (unsigned > 0) await link(organizationId);
      else ends.delete(organizationId);
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

  function linkSoon(organizationId: string): void {
    if (closed) return;
    told.add(organizationId);
    soon ??= setTimeout(() => {
      soon = undefined;
      void inTurn(linkTold);
    }, delayMs).unref();
  }

  return {
    noted: linkSoon,
    written(organizationId, entries) {
      const now = performance.now();
      const { unsigned, dueMs } = ends.get(organizationId) ?? { unsigned: 0, dueMs: now };
      ends.set(organizationId, { unsigned: unsigned + entries, dueMs });
      if (unsigned + entries >= checkpointEvery.rows || now >= dueMs) linkSoon(organizationId);
    },
    run: () => inTurn(() => linkTold().then(linkDue)),
    async close() {
      closed = true;
      clearInterval(poll);
      clearTimeout(soon);
      await inTurn(linkTold);
      await inTurn(async () => {
        const open = [...ends].filter(([, { unsigned }]) => unsigned > 0);
        for (const [organizationId] of open) await link(organizationId, { rows: 1, ms: 0 });
      });
    },
  };
}
