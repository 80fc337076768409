/**
 * A number of double precision as PostgreSQL writes it: the shortest text that reads back
 * the same, with an exponent of two digits or more below 1e-4 and from 1e15 on.
 */
export function doubleText(value: number): string {
  const size = Math.abs(value);
  if (Object.is(value, -0)) return "-0";
  if (size === 0 || !Number.isFinite(value) || (size >= 1e-4 && size < 1e15)) return String(value);
  // JavaScript's exponents may have one digit.
  return value.toExponential().replace(/e([+-])(\d)$/, "e$10$2");
}
