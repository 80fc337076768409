import fc from "fast-check";
import { expect, test } from "vitest";
import { doubleText } from "../../src/rows/double.ts";

test.each([
  [0, "0"],
  [-0, "-0"],
  [1.5, "1.5"],
  [0.0001, "0.0001"],
  [0.00001, "1e-05"],
  [999999999999999, "999999999999999"],
  [1e15, "1e+15"],
  [-1.7976931348623157e308, "-1.7976931348623157e+308"],
  [2.2250738585072014e-308, "2.2250738585072014e-308"],
  [Number.NEGATIVE_INFINITY, "-Infinity"],
  [Number.NaN, "NaN"],
])("%s is written as PostgreSQL does", (value, text) => {
  expect(doubleText(value)).toBe(text);
});

test("every number reads back the same", () => {
  fc.assert(fc.property(fc.double({ noNaN: true }), (value) => Object.is(Number(doubleText(value)), value)));
});
