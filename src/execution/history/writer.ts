/** Brings records into the store, one batch after the other, and bears its absence. */
import { orAborted } from "../../abort.ts";
import type { Log } from "../../observability/log.ts";
import type { Store } from "../../store/store.ts";
import { insertRecords, type NewRecord } from "./record.ts";

export interface Writer {
  /** Records that the store refused, or that were given up. */
  readonly dropped: number;
  /** Settles when the records are stored or dropped; never fails. Not to be called before the last call has settled. */
  write(records: readonly NewRecord[]): Promise<void>;
  /** From now on the store is asked again at once. */
  hurry(): void;
  /** Drops what is being written, and all that is still to come. */
  giveUp(): void;
}

/** Milliseconds between two attempts: the first, twice as much each time, and no more than the last. */
const backoff = { firstMs: 250, mostMs: 10_000, hurriedMs: 50 };

export function createWriter(store: Store, log: Log | undefined): Writer {
  const end = new AbortController();
  let dropped = 0;
  let away = false;
  let hurried = false;
  let wake = () => {};

  async function writeOwn(organizationId: string, records: readonly NewRecord[]): Promise<void> {
    for (let failures = 0; !end.signal.aborted; failures++) {
      try {
        const written = store.withOrganization(organizationId, (em) => insertRecords(em, organizationId, records));
        await orAborted(written, end.signal);
        if (away) log?.info("the history is written again");
        away = false;
        return;
      } catch (err) {
        if (end.signal.aborted) break;
        if (isRefused(err)) {
          log?.error({ err, records: records.length }, "the store refuses records of the history");
          break;
        }
        if (!away) log?.warn({ err }, "the history can't be written, and waits for the store");
        away = true;
        await pause(failures);
      }
    }
    dropped += records.length;
  }

  async function pause(failures: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const longest = hurried ? backoff.hurriedMs : Math.min(backoff.firstMs * 2 ** failures, backoff.mostMs);
    // Replicas that lost the same store don't all come back at once.
    const timer = setTimeout(resolve, longest * (0.5 + Math.random() / 2)).unref();
    wake = resolve;
    await promise;
    clearTimeout(timer);
  }

  return {
    get dropped() {
      return dropped;
    },
    async write(records) {
      // Row-level security lets a transaction write the rows of one organization.
      for (const [organizationId, own] of Map.groupBy(records, (record) => record.organizationId)) {
        await writeOwn(organizationId, own);
      }
    },
    hurry() {
      hurried = true;
      wake();
    },
    giveUp() {
      end.abort();
      wake();
    },
  };
}

/** By SQLSTATE class: wrong data (22), a broken constraint (23) and no right (42) are the same every time. */
function isRefused(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return /^(22|23|42)...$/.test(code);
}
