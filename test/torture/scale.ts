/** How much of a thing is done: some in `npm test`, more by `npm run torture`. */

/** Whether `npm run torture` runs the tests. */
export const isTorture = process.env.TORTURE === "1";

export function scaled<T>(amount: { readonly test: T; readonly torture: T }): T {
  return isTorture ? amount.torture : amount.test;
}

/**
 * What random inputs are made from where another program is the judge: the same ones in
 * every `npm test`, so that it says something of our changes, and new ones by torture.
 */
export const seeded: { readonly seed?: number } = scaled({ test: { seed: 20_261_123 }, torture: {} });
