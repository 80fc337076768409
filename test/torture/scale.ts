/** How much of a thing is done: some in `npm test`, more by `npm run torture`. */

/** Whether `npm run torture` runs the tests. */
export const isTorture = process.env.TORTURE === "1";

export function scaled<T>(amount: { readonly test: T; readonly torture: T }): T {
  return isTorture ? amount.torture : amount.test;
}
