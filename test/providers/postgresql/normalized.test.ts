import fc from "fast-check";
import { expect, test } from "vitest";
import { normalized } from "../../../src/providers/postgresql/normalized.ts";

test.each([
  ["select * from t where a = 1 and b = $1", "select * from t where a = ? and b = $1"],
  ["SELECT 'it''s', E'a\\'b', U&'d\\0061t', x'1F', $tag$ a 'b' $tag$, $$c$$", "SELECT ?, ?, ?, ?, ?, ?"],
  ["select 1.5e-3, .5, 0xFF, 1_000, a1, t2.c3", "select ?, ?, ?, ?, a1, t2.c3"],
  [`select "a 'b' ""c""", "x1" from "S".t`, `select "a 'b' ""c""", "x1" from "S".t`],
  ["select a -- secret 42\n, b /* of /* 7 */ them */ from t", "select a , b from t"],
  ["select * from t where id in (1, 2,\n 3) or id in ($1, $2)", "select * from t where id in (?, …) or id in ($1, $2)"],
  ["  select\n\t1  ", "select ?"],
  ["select 'never ends", ""],
  ["select /* never ends", ""],
  ["select $a$ never ends $b$", ""],
])("%s is kept as %s", (text, expected) => {
  expect(normalized(text)).toBe(expected);
});

test("no literal of a statement is kept, whatever stands around it", () => {
  const quoted = fc.string().map((text) => `'${`s3cret ${text}`.replaceAll("'", "''")}'`);
  const dollars = fc.stringMatching(/^[a-z]{0,5}$/).map((tag) => `$${tag}$s3cret$${tag}$`);
  const number = fc.constantFrom("733210", "733210.5", "7.33210e5", ".733210");
  const comment = fc.constantFrom("/* s3cret */", "-- s3cret\n", "/* /* s3cret */ 733210 */");
  const piece = fc.oneof(
    quoted,
    dollars,
    number,
    comment,
    fc.constantFrom("select", "a1", '"b"', ",", "(", ")", "=", "::text", "$1"),
  );
  fc.assert(
    fc.property(fc.array(piece, { minLength: 1, maxLength: 20 }), (pieces) => {
      const kept = normalized(pieces.join(" "));
      expect(kept).not.toMatch(/s3cret|33210/);
    }),
    { numRuns: 2_000 },
  );
});

test("a long statement is cut, in time that grows with its length", () => {
  expect(normalized(`select ${"a, ".repeat(300_000)}b`).length).toBeLessThanOrEqual(2_000);
  expect(normalized(`select ${"/*".repeat(300_000)}`)).toBe("");
});
