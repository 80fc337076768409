/**
 * Brings entries into the store, and settles when they are committed there, with their places in
 * the chain where nobody else is at it. Whoever comes while a batch of the organization is on its
 * way goes with the next one: many share a commit when there are many, and one alone waits for
 * nobody. Of two batches at once one would find the other at the chain, and its entries would
 * have to be noted, and linked by a transaction of their own.
 */
import { Failure } from "../failure.ts";
import type { Store } from "../store/store.ts";
import { insertion, type NewEntry } from "./entry.ts";

export interface Writer {
  /**
   * Settles when the entry is committed.
   * @throws Failure "service_unavailable" when it may not be; then it may be there all the same
   */
  write(entry: NewEntry): Promise<void>;
  /** Settles when nothing is on its way any more. */
  idle(): Promise<void>;
}

export interface WriterOptions {
  readonly store: Pick<Store, "commit">;
  /** Hears of every commit, and of how many entries. */
  readonly onWritten: (organizationId: string, entries: number) => void;
  /** Entries that are stored at once. Default: 500. */
  readonly batch?: number;
  /** Organizations whose entries are stored at once: others need the store as well. Default: 4. */
  readonly atOnce?: number;
  /** Entries that wait at most; who comes then is refused. Default: 20,000. */
  readonly maxWaiting?: number;
}

interface Waiting {
  readonly entry: NewEntry;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

export function createWriter(options: WriterOptions): Writer {
  const { store, onWritten, batch = 500, atOnce = 4, maxWaiting = 20_000 } = options;
  /** By organization, in the order in which it is their turn. */
  const lines = new Map<string, Waiting[]>();
  /** Batches on their way, by organization. */
  const writing = new Map<string, Promise<void>>();
  let waiting = 0;
  let starting = false;

  function start(): void {
    starting = false;
    for (const [organizationId, line] of lines) {
      if (writing.size >= atOnce) return;
      if (writing.has(organizationId)) continue;
      const group = line.splice(0, batch);
      // Those that are left take their turn behind the others.
      lines.delete(organizationId);
      if (line.length > 0) lines.set(organizationId, line);
      waiting -= group.length;
      const written = writeGroup(organizationId, group).finally(() => {
        writing.delete(organizationId);
        startSoon();
      });
      writing.set(organizationId, written);
    }
  }

  /** What is told in the same turn of the event loop goes together, by those too who were just answered. */
  function startSoon(): void {
    if (!starting) setImmediate(start);
    starting = true;
  }

  async function writeGroup(organizationId: string, group: readonly Waiting[]): Promise<void> {
    const entries = group.map(({ entry }) => entry);
    try {
      await store.commit(organizationId, insertion(organizationId, entries, true));
      for (const { resolve } of group) resolve();
      onWritten(organizationId, group.length);
    } catch (cause) {
      for (const { reject } of group) reject(cause instanceof Failure ? cause : cannotWrite(cause));
    }
  }

  return {
    write(entry) {
      if (waiting >= maxWaiting) return Promise.reject(cannotWrite(new Error(`${waiting} entries wait already`)));
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const line = lines.get(entry.organizationId) ?? [];
      lines.set(entry.organizationId, line);
      line.push({ entry, resolve, reject });
      waiting++;
      startSoon();
      return promise;
    },
    async idle() {
      while (writing.size > 0 || waiting > 0) {
        start();
        await Promise.all(writing.values());
      }
    },
  };
}

function cannotWrite(cause: unknown): Failure {
  return new Failure("service_unavailable", "The audit log can't be written now, so the call was not made.", {
    where: "service",
    remedy: "Try again in a moment: another replica may answer.",
    retryAfterMs: 1_000,
    cause,
  });
}
