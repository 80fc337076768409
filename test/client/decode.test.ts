import fc from "fast-check";
import { expect, test } from "vitest";
import { parseArray } from "../../src/client/decode/array.ts";
import { bigintAt, bytesAt, doubleAt } from "../../src/client/decode/scalar.ts";
import { BatchText } from "../../src/client/decode/text.ts";
import { dateOf, instantOf } from "../../src/client/time.ts";

/** A text in the middle of a batch. */
const whole = (text: string): [BatchText, number, number] => {
  const bytes = Buffer.from(`«${text}»`);
  return [new BatchText(bytes), 2, bytes.length - 2];
};

test("every double reads back from its shortest text to the bit", () => {
  fc.assert(
    fc.property(fc.double(), (value) => {
      expect(doubleAt(...whole(Object.is(value, -0) ? "-0" : String(value)))).toBe(value);
    }),
    { numRuns: 2_000 },
  );
});

test("every short decimal reads as Number reads it", () => {
  const digits = fc.stringMatching(/^-?[0-9]{1,9}\.[0-9]{1,9}$/);
  fc.assert(
    fc.property(digits, (text) => {
      expect(doubleAt(...whole(text))).toBe(Number(text));
    }),
    { numRuns: 2_000 },
  );
});

test("every 64-bit integer reads back", () => {
  fc.assert(
    fc.property(fc.bigInt(-(2n ** 63n), 2n ** 64n - 1n), fc.integer({ min: 0, max: 63 }), (value, shift) => {
      const smaller = value >> BigInt(shift);
      expect(bigintAt(...whole(smaller.toString()))).toBe(smaller);
    }),
  );
});

test("every run of bytes reads back from its hexadecimal text", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      const [{ bytes: batch }, start, end] = whole(`\\x${Buffer.from(bytes).toString("hex")}`);
      expect(bytesAt(batch, start, end)).toEqual(bytes);
    }),
  );
});

type Nested = (string | null | Nested)[];

/** The text as PostgreSQL writes it, with quotes around every element. */
const arrayText = (array: Nested): string => {
  const elements = array.map((element) => {
    if (element === null) return "NULL";
    return typeof element === "string" ? `"${element.replace(/["\\]/g, "\\$&")}"` : arrayText(element);
  });
  return `{${elements.join(",")}}`;
};

test("every array of strings reads back, whatever its elements hold", () => {
  const { nested } = fc.letrec<{ nested: Nested }>((tie) => ({
    nested: fc.oneof(
      fc.array(fc.option(fc.string({ unit: "grapheme" }))),
      fc.array(tie("nested"), { minLength: 1, maxLength: 3 }),
    ),
  }));
  fc.assert(
    fc.property(nested, (array) => {
      expect(parseArray(arrayText(array), ",", (text) => text)).toEqual(array);
    }),
  );
});

test.each(["", "{", "{1", '{"a', "{1;", "1,2"])("the malformed array %j is an error and not a guess", (text) => {
  expect(() => parseArray(text, ",", (element) => element)).toThrow(SyntaxError);
});

test("a timestamp is the same instant to the microsecond, a date is midnight UTC", () => {
  expect(dateOf("2026-11-22 13:45:00.123456+00").toISOString()).toBe("2026-11-22T13:45:00.123Z");
  expect(dateOf("2026-11-22").toISOString()).toBe("2026-11-22T00:00:00.000Z");
  expect(dateOf("0044-03-15 BC").toISOString()).toBe("-000043-03-15T00:00:00.000Z");
  expect(instantOf("2026-11-22 13:45:00.123456+00").toString()).toBe("2026-11-22T13:45:00.123456Z");
  expect(instantOf("1969-12-31 23:59:59.999999").epochNanoseconds).toBe(-1000n);
});

test("every instant of the years a Date knows reads back", () => {
  const instants = fc.integer({ min: Date.UTC(1, 0, 1), max: Date.UTC(9999, 11, 31) });
  fc.assert(
    fc.property(instants, (milliseconds) => {
      const iso = new Date(milliseconds).toISOString();
      expect(dateOf(`${iso.slice(0, 10)} ${iso.slice(11, 23)}+00`).getTime()).toBe(milliseconds);
    }),
  );
});

test.each(["infinity", "-infinity", "294276-12-31 23:59:59+00", "13:45:00", "0000-00-00", "2026-11-00 00:00:00+00"])(
  "%s is no Date",
  (text) => {
    expect(() => dateOf(text)).toThrow(RangeError);
  },
);
