/**
 * Who comes most often of very many, with room for a few of them only: each that is counted
 * here has come `count` times at most, and at least `count - error` times. Whoever has more
 * than a part of 1/room of all is certainly among them.
 *
 * Source: "Efficient Computation of Frequent and Top-k Elements in Data Streams" (Metwally,
 * Agrawal, El Abbadi, 2005): the algorithm is Space-Saving, its structure the Stream-Summary.
 */

export interface Hitter<Item> {
  readonly key: string;
  /** What came with it when it was first counted. */
  readonly item: Item;
  readonly count: number;
  /** What of the count may be another's, in whose place this one came. */
  readonly error: number;
}

export interface HeavyHitters<Item> {
  /** In constant time. */
  hit(key: string, item: Item): void;
  /** It is not counted any more. */
  forget(key: string): void;
  /** Those that are counted, the most frequent first. */
  ranked(): Hitter<Item>[];
  /** Takes all counts times a factor from 0 to 1, so that what is long ago counts less; what is below 1 then goes. */
  fade(factor: number): void;
}

interface Counter<Item> {
  readonly key: string;
  readonly item: Item;
  error: number;
  bucket: Bucket<Item>;
}

/** All that have come equally often; buckets are linked in ascending order. */
interface Bucket<Item> {
  readonly count: number;
  readonly counters: Set<Counter<Item>>;
  less: Bucket<Item> | undefined;
  more: Bucket<Item> | undefined;
}

/** @param room Keys that are counted at once */
export function createHeavyHitters<Item>(room: number): HeavyHitters<Item> {
  const counters = new Map<string, Counter<Item>>();
  let least: Bucket<Item> | undefined;

  /** The bucket of this count, which is the one after `less` or comes to stand there. */
  function bucketAfter(less: Bucket<Item> | undefined, count: number): Bucket<Item> {
    const more = less === undefined ? least : less.more;
    if (more?.count === count) return more;
    const bucket: Bucket<Item> = { count, counters: new Set(), less, more };
    if (less === undefined) least = bucket;
    else less.more = bucket;
    if (more !== undefined) more.less = bucket;
    return bucket;
  }

  function unlink({ less, more }: Bucket<Item>): void {
    if (less === undefined) least = more;
    else less.more = more;
    if (more !== undefined) more.less = less;
  }

  function put(counter: Counter<Item>, bucket: Bucket<Item>): void {
    counter.bucket = bucket;
    bucket.counters.add(counter);
  }

  function take(counter: Counter<Item>): void {
    const { bucket } = counter;
    bucket.counters.delete(counter);
    if (bucket.counters.size === 0) unlink(bucket);
  }

  function insert({ key, item, count, error }: Hitter<Item>, less: Bucket<Item> | undefined): void {
    const bucket = bucketAfter(less, count);
    const counter = { key, item, error, bucket };
    counters.set(key, counter);
    bucket.counters.add(counter);
  }

  function replaceLeast(key: string, item: Item): void {
    const [victim] = least?.counters ?? [];
    if (victim === undefined) return;
    counters.delete(victim.key);
    const { count } = victim.bucket;
    const newcomer: Counter<Item> = { key, item, error: count, bucket: victim.bucket };
    counters.set(key, newcomer);
    put(newcomer, bucketAfter(victim.bucket, count + 1));
    take(victim);
  }

  const hitterOf = ({ key, item, error, bucket: { count } }: Counter<Item>): Hitter<Item> => ({
    key,
    item,
    count,
    error,
  });
  const ranked = () => [...counters.values()].map(hitterOf).sort((a, b) => b.count - a.count);

  return {
    hit(key, item) {
      const known = counters.get(key);
      if (known !== undefined) {
        const { bucket } = known;
        const next = bucketAfter(bucket, bucket.count + 1);
        take(known);
        put(known, next);
      } else if (counters.size < room) insert({ key, item, count: 1, error: 0 }, undefined);
      else replaceLeast(key, item);
    },
    forget(key) {
      const known = counters.get(key);
      if (known === undefined) return;
      counters.delete(key);
      take(known);
    },
    ranked,
    fade(factor) {
      const before = ranked().reverse();
      counters.clear();
      least = undefined;
      let last: Bucket<Item> | undefined;
      for (const { key, item, count, error } of before) {
        const faded = Math.floor(count * factor);
        if (faded < 1) continue;
        const less = last?.count === faded ? last.less : last;
        insert({ key, item, count: faded, error: Math.min(faded, Math.ceil(error * factor)) }, less);
        last = counters.get(key)?.bucket;
      }
    },
  };
}
