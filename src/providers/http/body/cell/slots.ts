/** Where in a row's bytes each wanted value stands, and what it is. */

/** Missing, or null. */
export const kindNone = 0;
/** A text without escapes, between its quotes. */
export const kindText = 1;
/** A text with escapes, between its quotes. */
export const kindEscaped = 2;
/** A text that has no quotes of JSON around it. */
export const kindBare = 3;
/** The same, in which every quote is doubled, as in CSV. */
export const kindDoubled = 4;
export const kindInteger = 5;
/** A number with a fraction and no exponent. */
export const kindFraction = 6;
/** A number with an exponent. */
export const kindExponent = 7;
export const kindTrue = 8;
export const kindFalse = 9;
export const kindObject = 10;
export const kindArray = 11;

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
