/**
 * The history of calls: told by whoever runs them, written a little later in batches,
 * and read again as pages and as figures.
 *
 * A call waits for none of this. What can't be stored while the store is away waits in
 * memory, as much as fits, the newest kept; what does not fit is counted.
 */
import type { Log } from "../../observability/log.ts";
import type { Observe } from "../../observability/observation.ts";
import type { QueryRecordRow } from "../../store/entities/queryRecord.ts";
import type { Store } from "../../store/store.ts";
import { type HistoryPage, type HistoryRequest, listRecords } from "./list.ts";
import { createQueue } from "./queue.ts";
import type { Normalize } from "./record.ts";
import { type HistoryStats, statsSince } from "./stats.ts";
import { createWriter } from "./writer.ts";

/** A call as the history has it, for those who only read it. */
export type { QueryRecordRow };

export interface HistoryOptions {
  readonly store: Store;
  /** Hears of a store that does not take the history, and of its return. Default: nobody does. */
  readonly log?: Log;
  /** Leaves the values out of a native statement. Default: nothing of it is kept. */
  readonly normalize?: Normalize;
  /** Records that wait to be written at most. Default: 10,000. */
  readonly maxBuffered?: number;
  /** Milliseconds after which a record is written. Default: 250. */
  readonly flushMs?: number;
  /** Records that are written at once; so many don't wait. Default: 500. */
  readonly batch?: number;
}

export interface History {
  /** Takes the calls that are over; everything else it leaves to others. */
  readonly observe: Observe;
  /** Records that were not stored. */
  readonly dropped: number;
  /** Writes what was told before. Settles when it is stored or dropped, however long the store is away. */
  flush(): Promise<void>;
  /** Writes what was told before, for so many milliseconds at most; drops what is left, and what is told from now. */
  close(timeoutMs?: number): Promise<void>;
  list(organizationId: string, request: HistoryRequest): Promise<HistoryPage>;
  /** @param since The calls that began at or after this instant */
  stats(organizationId: string, connectorId: string, since: Date): Promise<HistoryStats>;
}

const defaultCloseMs = 3_000;

export function createHistory(options: HistoryOptions): History {
  const { store, log, maxBuffered = 10_000, flushMs = 250, batch = 500 } = options;
  const normalize = bearing(options.normalize ?? (() => ""), log);
  const writer = createWriter(store, log);
  const queue = createQueue(writer, { normalize, maxBuffered, flushMs, batch });
  let overflown = 0;
  let closed = false;
  return {
    observe(observation) {
      if (observation.kind === "call_ended" && (closed || !queue.add(observation))) overflown++;
    },
    get dropped() {
      return overflown + writer.dropped;
    },
    flush: queue.flush,
    async close(timeoutMs = defaultCloseMs) {
      closed = true;
      const limit = setTimeout(writer.giveUp, timeoutMs);
      writer.hurry();
      await queue.flush();
      clearTimeout(limit);
    },
    list: (organizationId, request) =>
      store.withOrganization(organizationId, (em) => listRecords(em, organizationId, request)),
    stats: (organizationId, connectorId, since) =>
      store.withOrganization(organizationId, (em) => statsSince(em, organizationId, connectorId, since)),
  };
}

/** A provider that stumbles over a statement must not cost the other calls their place. */
function bearing(normalize: Normalize, log: Log | undefined): Normalize {
  return (provider, statement) => {
    try {
      return normalize(provider, statement);
    } catch (err) {
      log?.error({ err, provider }, "a statement is left out of the history: its values can't be told from the rest");
      return "";
    }
  };
}
