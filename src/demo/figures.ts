/** Numbers as people read them. */

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const oneDigit = new Intl.NumberFormat("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });

/** `135,233`; a dash for nothing. */
export function count(value: number | bigint | null | undefined): string {
  return value === null || value === undefined ? "–" : whole.format(value);
}

/** Millions of bytes: `12.3 MB`. */
export function megabytes(bytes: number | bigint): string {
  return `${oneDigit.format(Number(bytes) / 1e6)} MB`;
}

/** `8.4 ms` below a second, `1.2 s` from there on. */
export function time(milliseconds: number): string {
  return milliseconds < 1_000 ? `${oneDigit.format(milliseconds)} ms` : `${oneDigit.format(milliseconds / 1_000)} s`;
}

/** A duration of the contract in milliseconds; 0 when there is none. */
export function millisecondsOf(duration: { readonly seconds: bigint; readonly nanos: number } | undefined): number {
  return duration === undefined ? 0 : Number(duration.seconds) * 1_000 + duration.nanos / 1e6;
}
