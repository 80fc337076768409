import { expect, test } from "vitest";
import { deriveKey, parseSigningKey } from "../../src/auth/signing-key.ts";

const hex = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

test("a signing key is 64 hex digits, in either case and with a newline behind", () => {
  expect(parseSigningKey(`${hex.toUpperCase()}\n`).export().toString("hex")).toBe(hex);
});

test.each([
  ["it is empty", " "],
  ["not of 64 hex digits, but of 63", hex.slice(1)],
  ["not of 64 hex digits, but of 64", `x${hex.slice(1)}`],
  ["it repeats one byte", "ab".repeat(32)],
])("%s: refused, without showing it", (message, text) => {
  const refused = expect.objectContaining({
    kind: "internal",
    message: expect.stringContaining(message),
    remedy: expect.stringContaining("openssl rand -hex 32"),
  });
  expect(() => parseSigningKey(text)).toThrow(refused);
  expect(() => parseSigningKey(text)).not.toThrow(/[0-9a-f]{8}/i);
});

test("keys of two labels differ, and a label's key is always the same", () => {
  const signingKey = parseSigningKey(hex);
  const [a, again, b] = ["a", "a", "b"].map((label) => deriveKey(signingKey, label));
  expect(a!.equals(again!)).toBe(true);
  expect(a!.equals(b!)).toBe(false);
  expect(a!.symmetricKeySize).toBe(32);
});
