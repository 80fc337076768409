/** Decimal numbers as texts: `-12.340`, `1e-7`. */

const form = /^([+-]?)(\d*)\.?(\d*)(?:e([+-]?\d+))?$/i;

/** The digits of a decimal number around its point, without those that say nothing. */
export interface Digits {
  readonly negative: boolean;
  /** Empty below 1. */
  readonly whole: string;
  readonly fraction: string;
}

/** @param text Its exponent must be one that so many digits can be written for. */
export function digitsOf(text: string): Digits {
  const [, sign = "", before = "", behind = "", exponent = "0"] = form.exec(text) ?? [];
  const point = before.length + Number(exponent);
  const digits = `${"0".repeat(Math.max(0, -point))}${before}${behind}`.padEnd(point, "0");
  const at = Math.max(0, point);
  return {
    negative: sign === "-",
    whole: digits.slice(0, at).replace(/^0+/, ""),
    fraction: digits.slice(at).replace(/0+$/, ""),
  };
}
