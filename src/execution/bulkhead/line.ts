/**
 * A line that anybody leaves, from wherever they stand, in constant time. A Set's first
 * member is not found so when many have left before it.
 */
export interface Line<T> {
  first: Standing<T> | undefined;
  last: Standing<T> | undefined;
}

/** A member's place in its line. */
export interface Standing<T> {
  readonly member: T;
  before: Standing<T> | undefined;
  after: Standing<T> | undefined;
}

/** Puts a member at the end. */
export function join<T>(line: Line<T>, member: T): Standing<T> {
  const standing: Standing<T> = { member, before: line.last, after: undefined };
  if (line.last === undefined) line.first = standing;
  else line.last.after = standing;
  line.last = standing;
  return standing;
}

/** The standing must be one of this line, and is none any more. */
export function leave<T>(line: Line<T>, { before, after }: Standing<T>): void {
  if (before === undefined) line.first = after;
  else before.after = after;
  if (after === undefined) line.last = before;
  else after.before = before;
}
