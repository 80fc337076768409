/**
 * Which of very many have series of their own: as many as there are seats, the busiest of
 * late. What the others do counts for all of them together.
 *
 * No series ever goes backwards. Seats change hands when they are read, and not between: who
 * loses one is read that once more, so that nothing of what it did is lost, and who gets one
 * is read at once, before it has done anything on it. What was counted stays where it was
 * counted. Who gets a seat again goes on with the figures that it had, unless so many had one
 * meanwhile that they are forgotten.
 */
import { LRUCache } from "lru-cache";
import { createHeavyHitters } from "./heavy-hitters.ts";

export interface Seats<Item, Figures> {
  /** Counts that it has come once more; gives its own figures, undefined while it has no seat. */
  hit(key: string, item: Item): Figures | undefined;
  /** Its own figures; undefined while it has no seat. */
  find(key: string): Figures | undefined;
  /** Gives the seats to whom they are due, then all figures that are to be read. */
  read(): readonly Figures[];
}

export interface SeatsOptions<Item, Figures> {
  /** How many there are: 0 or more. */
  readonly seats: number;
  /** Figures for who gets a seat for the first time. */
  make(item: Item): Figures;
  /** Milliseconds on any clock. Default: `performance.now`. */
  readonly now?: () => number;
}

/** For each seat, how many are counted that could come to have it, and how many that had it are remembered. */
const candidates = 8;
const remembered = 8;
/** How much busier than who has a seat somebody must be to get it: those who are alike must not take turns. */
const lead = { times: 1.5, more: 10 };
/** The part of the seats that changes hands at once: both who had and who gets them are read then. */
const moving = 1 / 5;
/** Milliseconds after which what was counted counts half, and between two times that it is made less. */
const halfLifeMs = 5 * 60_000;
const fadeMs = 30_000;

interface Seat<Figures> {
  readonly key: string;
  readonly figures: Figures;
  /** How often it has come, of late. */
  count: number;
}

export function createSeats<Item, Figures extends object>(options: SeatsOptions<Item, Figures>): Seats<Item, Figures> {
  const { seats, make, now = () => performance.now() } = options;
  const taken = new Map<string, Seat<Figures>>();
  /** Of those without a seat. */
  const hitters = createHeavyHitters<Item>(seats * candidates);
  const formerly = new LRUCache<string, Figures>({ max: Math.max(1, seats * remembered) });

  function sit(key: string, item: Item, count: number): Figures {
    const figures = formerly.get(key) ?? make(item);
    formerly.delete(key);
    hitters.forget(key);
    taken.set(key, { key, figures, count });
    return figures;
  }

  function standUp({ key, figures }: Seat<Figures>): Figures {
    taken.delete(key);
    formerly.set(key, figures);
    return figures;
  }

  /** Gives seats to busier ones; the figures of those who had them. */
  function move(): Figures[] {
    const idlest = [...taken.values()].sort((a, b) => a.count - b.count);
    const left: Figures[] = [];
    const most = Math.max(1, Math.floor(seats * moving));
    for (const [i, { key, item, count, error }] of hitters.ranked().slice(0, most).entries()) {
      const loser = idlest[i];
      // By what is certain: the rest of the count may be another's.
      if (loser === undefined || count - error <= loser.count * lead.times + lead.more) break;
      left.push(standUp(loser));
      sit(key, item, count - error);
    }
    return left;
  }

  const fade = every(fadeMs, now, (passedMs) => {
    const factor = 0.5 ** (passedMs / halfLifeMs);
    hitters.fade(factor);
    for (const seat of taken.values()) seat.count *= factor;
  });

  return {
    hit(key, item) {
      const seat = taken.get(key);
      if (seat !== undefined) {
        seat.count++;
        return seat.figures;
      }
      if (taken.size < seats) return sit(key, item, 1);
      if (seats > 0) hitters.hit(key, item);
      return undefined;
    },
    find: (key) => taken.get(key)?.figures,
    read() {
      fade();
      const left = move();
      return [...left, ...[...taken.values()].map(({ figures }) => figures)];
    },
  };
}

/** Does it when it is asked to, but not more often than this; it is told how long ago it was. */
function every(ms: number, now: () => number, work: (passedMs: number) => void): () => void {
  let since = now();
  return () => {
    const passedMs = now() - since;
    if (passedMs < ms) return;
    since += passedMs;
    work(passedMs);
  };
}
