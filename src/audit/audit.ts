/**
 * The audit log: who did what, when, and how it ended.
 *
 * What changes a customer's data is told before it is begun, and is not begun unless that is
 * committed. Entries are added and never changed; a chain of hashes, signed from time to
 * time, shows whether somebody else has changed them.
 */
import type { KeyObject } from "node:crypto";
import { appendFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import type { EntityManager } from "@mikro-orm/postgresql";
import { persistently } from "../store/persistently.ts";
import type { Store } from "../store/store.ts";
import { type Checkpoint, lineOf } from "./checkpoint.ts";
import { type Entry, entryOf, insertEntries, type NewEntry, outcomeOf } from "./entry.ts";
import type { AuditEvent, End } from "./event.ts";
import { auditKeys } from "./keys.ts";
import type { CheckpointEvery } from "./linking.ts";
import { type AuditFilter, type AuditPage, type AuditPageRequest, type AuditRow, readPage } from "./list.ts";
import { keepMonths } from "./retention.ts";
import { createSequencer } from "./sequencer.ts";
import { settleOrphans } from "./sweeper.ts";
import { createWriter } from "./writer.ts";

/** What was intended, to tell its outcome by. */
export interface Intent {
  readonly organizationId: string;
  readonly entry: Entry;
}

/** How an intent ended, as it will stand in the log. It may be written again when nobody knows whether it was. */
export type Outcome = NewEntry;

/** Every method that writes settles when it is committed. */
export interface Audit {
  /**
   * Tells of an action before its first byte goes out.
   * @param timeoutMs how long it may take; when its outcome is not told by then and a while, it counts as unknown
   * @throws Failure "service_unavailable" when it may not be written: the action must not run then
   */
  intent(event: AuditEvent, timeoutMs: number): Promise<Intent>;
  /**
   * Tells how it ended, and tries so for some seconds.
   * @throws Failure "service_unavailable" when it could not be written: it will count as unknown
   */
  outcome(intent: Intent, end: End): Promise<void>;
  /** As `intent`, in a transaction of the same organization: it is told of when that commits. */
  intentIn(em: EntityManager, event: AuditEvent, timeoutMs: number): Promise<Intent>;
  /** What `outcomeIn` writes, however often it is tried. */
  outcomeOf(intent: Intent, end: End): Outcome;
  /** As `outcome`, in a transaction of the same organization, and tried once. */
  outcomeIn(em: EntityManager, outcome: Outcome): Promise<void>;
  /** Tells of what is over, or is not to be. @throws Failure "service_unavailable" when it may not be written */
  record(event: AuditEvent, end: End): Promise<void>;
  /** Tells of a change in its own transaction of the same organization: both are there, or neither is. */
  recordIn(em: EntityManager, event: AuditEvent): Promise<void>;
  /** What stands for a value in the log: the same for the same value. */
  hashOf(text: string): string;
  page(organizationId: string, request: AuditPageRequest): Promise<AuditPage>;
  /** All entries that the filter lets through, the earliest first, some hundred at a time. */
  read(organizationId: string, filter: AuditFilter): AsyncGenerator<readonly AuditRow[]>;
  /** Links, settles and keeps the months, now and not when it is time. */
  tend(): Promise<void>;
  /** Waits for what is being written, and links it; for some seconds at most. */
  close(): Promise<void>;
}

export interface AuditOptions {
  readonly store: Store;
  /** 32 secret bytes, used for nothing else. */
  readonly key: KeyObject;
  /** Whole months that are kept besides the one that runs. Default: all. */
  readonly keepMonths?: number | undefined;
  /** A file that gets a line for every checkpoint that this replica signs. Default: none. */
  readonly checkpointFile?: string | undefined;
  /** Hears of what could not be done in the background, often the same. Default: nobody does. */
  readonly onProblem?: (cause: unknown) => void;
  /** Default: every 10,000 entries of a replica, or every minute in which there are any; the first one after a longer pause at once. */
  readonly checkpointEvery?: CheckpointEvery;
  /** Milliseconds beyond its time after which an intent counts as given up. Default: a minute. */
  readonly graceMs?: number;
}

/** Half a second from an event to its link at most, whoever noted it. */
const linkDelayMs = 250;
const linkPollMs = 400;
const settlePollMs = 5_000;
const monthsPollMs = 6 * 3_600_000;
const readRows = 500;
const closeMs = 3_000;

export function createAudit(options: AuditOptions): Audit {
  const { store, key, checkpointFile, onProblem = () => undefined, graceMs = 60_000 } = options;
  const { checkpointEvery = { rows: 10_000, ms: 60_000 } } = options;
  const keys = auditKeys(key);
  const onCheckpoint = async (checkpoint: Checkpoint) => {
    // The checkpoint is signed and stored: a full disk here is told of, and no reason to link no more.
    if (checkpointFile !== undefined) await appendFile(checkpointFile, lineOf(checkpoint)).catch(onProblem);
  };
  const sequencer = createSequencer({
    ...{ store, keys, delayMs: linkDelayMs, pollMs: linkPollMs, checkpointEvery, onCheckpoint, onProblem },
  });
  const writer = createWriter({ store, onWritten: sequencer.written });
  const closing = new AbortController();
  const months = () => keepMonths({ store, keys, keepMonths: options.keepMonths, onCheckpoint });
  const settle = () => settleOrphans(store, sequencer.noted);
  const chores = [every(settlePollMs, settle, onProblem), every(monthsPollMs, months, onProblem)];
  void months().catch(onProblem);

  const intended = (event: AuditEvent, timeoutMs: number): NewEntry => {
    const intended = entryOf(event, { outcome: "intended" });
    return { ...intended, dueMs: intended.createMs + timeoutMs + graceMs };
  };
  const intentOf = ({ organizationId, entry }: NewEntry): Intent => ({ organizationId, entry });
  const writeIn = async (em: EntityManager, entry: NewEntry) => {
    await insertEntries(em, entry.organizationId, [entry]);
    sequencer.noted(entry.organizationId);
  };

  return {
    async intent(event, timeoutMs) {
      const entry = intended(event, timeoutMs);
      await writer.write(entry);
      return intentOf(entry);
    },
    outcome({ organizationId, entry }, end) {
      const ended = outcomeOf(organizationId, entry, end);
      return persistently(() => writer.write(ended), closing.signal);
    },
    async intentIn(em, event, timeoutMs) {
      const entry = intended(event, timeoutMs);
      await writeIn(em, entry);
      return intentOf(entry);
    },
    outcomeOf: ({ organizationId, entry }, end) => outcomeOf(organizationId, entry, end),
    outcomeIn: writeIn,
    record: (event, end) => writer.write(entryOf(event, end)),
    recordIn: (em, event) => writeIn(em, entryOf(event, { outcome: "succeeded" })),
    hashOf: keys.hashOf,
    page: (organizationId, request) =>
      store.withOrganization(organizationId, (em) => readPage(em, organizationId, request)),
    async *read(organizationId, filter) {
      let after: AuditPage["next"];
      do {
        const request = { ...filter, after, size: readRows, order: "earliest_first" } as const;
        const { rows, next } = await store.withOrganization(organizationId, (em) =>
          readPage(em, organizationId, request),
        );
        if (rows.length > 0) yield rows;
        after = next;
      } while (after !== undefined);
    },
    async tend() {
      await settle();
      await sequencer.run();
      await months();
    },
    async close() {
      closing.abort();
      for (const stop of chores) stop();
      const ended = writer.idle().then(sequencer.close);
      // What is not linked by then is linked by another replica, or at the next start.
      await Promise.race([ended, delay(closeMs, undefined, { ref: false })]);
    },
  };
}

/** Does it again and again, one at a time, until the function that this gives is called. */
function every(ms: number, work: () => Promise<void>, onProblem: (cause: unknown) => void): () => void {
  let running = false;
  const timer = setInterval(() => {
    if (running) return;
    running = true;
    work()
      .catch(onProblem)
      .finally(() => {
        running = false;
      });
  }, ms).unref();
  return () => clearInterval(timer);
}
