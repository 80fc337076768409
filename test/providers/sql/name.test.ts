import fc from "fast-check";
import { expect, test } from "vitest";
import { didYouMean, nearest } from "../../../src/providers/query/nearest.ts";
import { formatName, parseName } from "../../../src/providers/sql/name.ts";

test("a full name reads back as its parts, whatever they hold", () => {
  const part = fc.oneof(
    fc.string({ minLength: 1 }),
    fc.string({ unit: fc.constantFrom(".", '"', "a", " "), minLength: 1 }),
  );
  fc.assert(
    fc.property(part, part, (namespace, localName) => {
      expect(parseName(formatName(namespace, localName))).toEqual({ namespace, localName });
    }),
  );
});

test("a name without a dot has no namespace", () => {
  expect(parseName("Cities of Europe")).toEqual({ namespace: undefined, localName: "Cities of Europe" });
  expect(parseName('"a.b"')).toEqual({ namespace: undefined, localName: "a.b" });
});

test.each(["", ".", "a.", ".a", "a..b", "a.b.c", '"', '""', '"a', 'a"b', '"a"b', 'a."b'])("%j is no name", (text) => {
  expect(parseName(text)).toBeUndefined();
});

test("the nearest names come first, and those that are far don't come", () => {
  const names = ["city", "cities", "Citizens", "country", "c"];
  expect(nearest("citys", names)).toEqual(["city", "cities"]);
  expect(nearest("CITY", names)).toEqual(["city"]);
  expect(nearest("orders", names)).toEqual([]);
  expect(didYouMean(["a", "b", "c"])).toBe(" Did you mean `a`, `b` or `c`?");
  expect(didYouMean([])).toBe("");
});
