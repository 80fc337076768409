import fc from "fast-check";
import { expect, test } from "vitest";
import { Failure } from "../../src/failure.ts";
import { primaryKeyId } from "../../src/vault/key-provider.ts";
import { localKeys } from "../../src/vault/keys.ts";

const a = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const b = "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff000102030405060708090a0b0c0d0e0f";

const primaryOf = (spec: string) => primaryKeyId(localKeys(spec));

test("the first of several keys is primary, and the others only unwrap", async () => {
  expect(await primaryOf(`2026-11:${a},2025-11:${b}`)).toBe("2026-11");
  expect(await primaryOf(` x : ${a} ,\n y : ${b.toUpperCase()}\n`)).toBe("x");
  expect(await localKeys(`x:${a},y:${b}`).list()).toEqual([
    { id: "x", state: "primary", createTime: undefined },
    { id: "y", state: "decrypt-only", createTime: undefined },
  ]);
});

test("a single key has an id made of its hash, in whatever case it is written", async () => {
  expect(await primaryOf(a)).toBe("key-32770edf109e03cf");
  expect(await primaryOf(`${a.toUpperCase()}\n`)).toBe("key-32770edf109e03cf");
  expect(await primaryOf(b)).not.toBe("key-32770edf109e03cf");
});

const wrong = {
  "no key is given": " ",
  "the key is not of 64 hex digits": a.slice(1),
  "the key repeats one byte: it is no key": "0".repeat(64),
  "key 2 has no id in front of it": `x:${a},${b}`,
  "key 2 is not of 64 hex digits": `x:${a},y:${b}0`,
  "the id of key 1 is not of 1 to 63": `${a}:x`,
  "key 2 has the id of a key before it": `x:${a},x:${b}`,
  "key 2 is a key that came before it": `x:${a},y:${a.toUpperCase()}`,
};

test.each(Object.entries(wrong))("%s", (message, spec) => {
  const failure = refusal(spec);
  expect(failure.message).toContain(message);
  expect(failure.remedy).toContain("openssl rand -hex 32");
  expect(JSON.stringify([failure.message, failure.remedy])).not.toMatch(/[0-9a-f]{16}/i);
});

test("any text is a key or a failure", async () => {
  const piece = fc.oneof(fc.string(), fc.constantFrom(a, b, ":", ",", "x", " ", "x:"));
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 8 }), async (pieces) => {
      try {
        expect(await primaryOf(pieces.join(""))).toMatch(/^[A-Za-z0-9._-]{1,63}$/);
      } catch (error) {
        expect(error).toBeInstanceOf(Failure);
      }
    }),
    { numRuns: 2_000 },
  );
});

function refusal(spec: string): Failure {
  try {
    localKeys(spec);
  } catch (error) {
    expect(error).toBeInstanceOf(Failure);
    return error as Failure;
  }
  return expect.unreachable("the keys were accepted");
}
