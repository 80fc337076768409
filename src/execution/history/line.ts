/** A line of limited length: when it is full, the oldest makes room for the newest. */
export interface Line<T> {
  readonly size: number;
  /** False when something older had to go. */
  add(item: T): boolean;
  /** The oldest, no more than `most`, which leave the line. */
  take(most: number): T[];
}

/** Adding costs the same whether the line is full or not. */
export function createLine<T>(capacity: number): Line<T> {
  const slots: (T | undefined)[] = [];
  let first = 0;
  let size = 0;
  return {
    get size() {
      return size;
    },
    add(item) {
      slots[(first + size) % capacity] = item;
      if (size < capacity) {
        size++;
        return true;
      }
      first = (first + 1) % capacity;
      return false;
    },
    take(most) {
      const taken: T[] = [];
      for (; size > 0 && taken.length < most; size--) {
        taken.push(slots[first] as T);
        // What was taken is kept alive by nobody.
        slots[first] = undefined;
        first = (first + 1) % capacity;
      }
      return taken;
    },
  };
}
