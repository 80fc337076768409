/** The byte layout, by vectors for anybody and by a second implementation. */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { canonicalContext } from "../../src/vault/context.ts";
import { localKeys } from "../../src/vault/keys.ts";
import { createVault } from "../../src/vault/vault.ts";
import { type Bound, canonicalOf, open, seal } from "./second-implementation.ts";

interface Vectors {
  readonly format: number;
  readonly keys: Readonly<Record<string, string>>;
  readonly vectors: readonly {
    readonly name: string;
    readonly key_id: string;
    readonly random: readonly [string, string, string, string];
    readonly context: Bound;
    readonly canonical: string;
    readonly plaintext: string;
    readonly sealed: string;
  }[];
}

const { keys, vectors } = JSON.parse(readFileSync(new URL("vectors.json", import.meta.url), "utf8")) as Vectors;
const bytes = (hex: string) => Buffer.from(hex, "hex");
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const drawn = ([dek, messageId, nonce, wrappingNonce]: readonly string[]) => ({
  ...{ dek: bytes(dek ?? ""), messageId: bytes(messageId ?? "") },
  ...{ nonce: bytes(nonce ?? ""), wrappingNonce: bytes(wrappingNonce ?? "") },
});

/** A vault that draws these bytes, one after the other. */
function vaultOf(keyId: string, draws: readonly string[] = []) {
  const left = draws.map(bytes);
  const random = (size: number) => {
    const next = left.shift() ?? randomBytes(size);
    expect(next).toHaveLength(size);
    return next;
  };
  return createVault(localKeys(`${keyId}:${keys[keyId]}`, random), random);
}

test.each(vectors)("the service and a second implementation seal and open alike: $name", async (vector) => {
  const { key_id: keyId, random, context, plaintext, sealed } = vector;
  expect(hex(canonicalContext(context))).toBe(vector.canonical);
  expect(hex(canonicalOf(context))).toBe(vector.canonical);

  expect(hex(await vaultOf(keyId, random).seal(bytes(plaintext), context))).toBe(sealed);
  expect(hex(seal(keyId, bytes(keys[keyId] ?? ""), drawn(random), bytes(plaintext), context))).toBe(sealed);

  expect(hex(await vaultOf(keyId).open(bytes(sealed), context))).toBe(plaintext);
  expect(hex(open(keys, bytes(sealed), context))).toBe(plaintext);
});

test("what one of them seals with bytes of chance, the other opens, and only there", async () => {
  for (const { key_id: keyId, context, plaintext } of vectors) {
    const vault = vaultOf(keyId);
    const draws = [32, 32, 12, 12].map((size) => hex(randomBytes(size)));
    const theirs = seal(keyId, bytes(keys[keyId] ?? ""), drawn(draws), bytes(plaintext), context);
    const ours = Buffer.from(await vault.seal(bytes(plaintext), context));
    expect(hex(await vault.open(theirs, context))).toBe(plaintext);
    expect(hex(open(keys, ours, context))).toBe(plaintext);

    const elsewhere = { ...context, organizationId: `${context.organizationId}2` };
    await expect(vault.open(theirs, elsewhere)).rejects.toMatchObject({ kind: "internal" });
    expect(() => open(keys, ours, elsewhere)).toThrow();
  }
});

test("what was wrapped anew opens in a second implementation, and nothing but the wrapping has changed", async () => {
  const [{ context, plaintext, sealed } = expect.unreachable()] = vectors;
  const rotated = createVault(
    localKeys(
      Object.entries(keys)
        .reverse()
        .map((pair) => pair.join(":"))
        .join(","),
    ),
  );
  const rewrapped = Buffer.from(await rotated.rewrap(bytes(sealed), context));
  expect(rotated.keyIdOf(rewrapped)).toBe(await rotated.primaryKeyId());
  expect(rotated.keyIdOf(rewrapped)).not.toBe(rotated.keyIdOf(bytes(sealed)));
  expect(hex(open(keys, rewrapped, context))).toBe(plaintext);
  const secretBytes = 32 + 32 + 12 + plaintext.length / 2 + 16;
  expect(hex(rewrapped.subarray(-secretBytes))).toBe(sealed.slice(-2 * secretBytes));
  await expect(rotated.rewrap(bytes(sealed), { ...context, secretVersion: 2 })).rejects.toMatchObject({
    kind: "internal",
  });
});
