/** Where in a row's bytes each wanted value stands, and what it is. */

/** Missing, or null. */
export const kindNone = 0;
/** A text without escapes, between its quotes. */
export const kindText = 1;
/** A text with escapes, between its quotes. */
export const kindEscaped = 2;
export const kindInteger = 3;
/** A number with a fraction and no exponent. */
export const kindFraction = 4;
/** A number with an exponent. */
export const kindExponent = 5;
export const kindTrue = 6;
export const kindFalse = 7;
export const kindObject = 8;
export const kindArray = 9;

export interface Slots {
  readonly kinds: Uint8Array;
  readonly starts: Int32Array;
  readonly ends: Int32Array;
}

export const newSlots = (count: number): Slots => ({
  kinds: new Uint8Array(count),
  starts: new Int32Array(count),
  ends: new Int32Array(count),
});
