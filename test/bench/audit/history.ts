/**
 * What the history adds to a query: the CPU of this process for its record, from when it is
 * told until it is stored, over that of telling nobody.
 */
import { createHistory } from "../../../src/execution/history/history.ts";
import type { CallEnded, Observe } from "../../../src/observability/observation.ts";
import { loadCatalogue } from "../../../src/providers/catalogue.ts";
import type { Store } from "../../../src/store/store.ts";
import { callEnded } from "../../observability/observations.ts";

const callsPerTurn = 5_000;
/** What compiles the code is no cost of a call. */
const warmUpTurns = 8;

/** How the calls of a turn are told of. */
export const historyCases = {
  untold: "nobody hears of a query",
  query: "a query is recorded",
  native: "a native statement is recorded, its values left out",
} as const;
export type HistoryCase = keyof typeof historyCases;

export interface HistoryTurns {
  /** Microseconds of CPU for each call. */
  turn(name: HistoryCase): Promise<number>;
  /** @throws Error when a record is missing */
  close(): Promise<void>;
}

export async function openHistory(store: Store): Promise<HistoryTurns> {
  const catalogue = await loadCatalogue();
  const normalize = (provider: string, statement: string) => catalogue.get(provider).normalize?.(statement) ?? "";
  const history = createHistory({ store, normalize });
  let told = 0;

  async function turn(name: HistoryCase): Promise<number> {
    const observe: Observe = name === "untold" ? () => {} : history.observe;
    const callOf = name === "native" ? nativeCall : plainCall;
    const before = process.cpuUsage();
    for (let i = 0; i < callsPerTurn; i++) {
      observe(callOf(i));
      // As calls end: one after the other, and what is due meanwhile is done.
      if (i % 100 === 99) await new Promise(setImmediate);
    }
    if (name !== "untold") await history.flush();
    const { user, system } = process.cpuUsage(before);
    if (name !== "untold") told += callsPerTurn;
    return (user + system) / callsPerTurn;
  }

  for (let warm = 0; warm < warmUpTurns; warm++) {
    for (const name of Object.keys(historyCases)) await turn(name as HistoryCase);
  }
  return {
    turn,
    async close() {
      await history.close();
      const stored = await store.withOrganization(plainCall(0).subject.organizationId, async (em) => {
        const [row] = await em.execute<{ count: number }[]>("SELECT count(*)::int AS count FROM query_record");
        return row?.count;
      });
      if (stored !== told || history.dropped > 0) throw new Error(`Of ${told} calls ${stored} are in the history.`);
    },
  };
}

const plainCall = (i: number): CallEnded =>
  callEnded({ startTime: new Date(), resource: "public.orders", rows: i % 100, bytes: 3_000 });

/** Each has other values. */
const nativeCall = (i: number): CallEnded =>
  callEnded({
    ...{ startTime: new Date(), resource: "", rows: i % 100, bytes: 3_000 },
    statement: `SELECT o.id, o.total, c.name FROM orders AS o JOIN customer AS c ON c.id = o.customer_id
      WHERE o.placed > '2026-01-${(i % 28) + 1}' AND c.country IN ('DE', 'FR', 'IT') AND o.total > ${i}.50 ORDER BY o.placed LIMIT 50`,
  });
