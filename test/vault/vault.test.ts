import { createHmac, createSecretKey } from "node:crypto";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { Failure } from "../../src/failure.ts";
import { encrypt } from "../../src/vault/aead.ts";
import { canonicalContext, type EncryptionContext } from "../../src/vault/context.ts";
import type { KeyProvider } from "../../src/vault/key-provider.ts";
import { localKeys } from "../../src/vault/keys.ts";
import { decodeSealed, encodeSealed } from "../../src/vault/sealed.ts";
import { createVault } from "../../src/vault/vault.ts";
import { scaled } from "../torture/scale.ts";

const forgeries = scaled({ test: 10_000, torture: 1_000_000 });

const kek = Buffer.from(Array.from({ length: 32 }, (_, index) => index)).toString("hex");
const otherKek = Buffer.alloc(32, 0x5a).fill(0x17, 0, 9).toString("hex");
const context: EncryptionContext = {
  organizationId: "org-1",
  connectorId: "c0ffee00-0000-4000-8000-000000000001",
  field: "credential",
  secretVersion: 1,
  endpoint: { provider: "postgresql", host: "db.example.com", port: 5432, tls: true, user: "readér" },
};
const password = Buffer.from('{"password":"hunter2"}');
const vault = createVault(localKeys(`k1:${kek}`));

/** Each draw gives bytes of the next value. */
function fixedRandom(...values: number[]): (size: number) => Uint8Array {
  return (size) => new Uint8Array(size).fill(values.shift() as number);
}

function vaultWith(...values: number[]) {
  const random = fixedRandom(...values);
  return createVault(localKeys(`k1:${kek}`, random), random);
}

async function refusal(opening: Promise<unknown>): Promise<Failure> {
  const failure = await opening.then(
    () => expect.unreachable("it opened"),
    (error: unknown) => error,
  );
  expect(failure).toBeInstanceOf(Failure);
  expect(failure).toMatchObject({ kind: "internal", where: "credential", message: expect.stringContaining("opened") });
  expect((failure as Failure).remedy).toContain("encryption key");
  return failure as Failure;
}

// Made by another implementation of the format, on Python's `cryptography`.
describe("test vectors of format 1", () => {
  const vectors = [
    {
      name: "a credential",
      random: [0x11, 0x22, 0x33, 0x44],
      context,
      plaintext: password,
      sealed:
        "01026b31003c444444444444444444444444f53ec755a53c86b54efef0690ea0b46098ccc5cf2518101e8d98215d61c20d2acc8d0efaa3822f7f5d0d904d9842ab37222222222222222222222222222222222222222222222222222222222222222212207bb2ab0c6d5094d31c28b5acbd43638d27de8e79757ead92c651093d909233333333333333333333333361e49d49d31148fb6262d9dfc00998d94611647c56b7a9c0a7ae47fa664f4f92aec047bafb63",
    },
    {
      name: "nothing, for no endpoint",
      random: [0x51, 0x52, 0x53, 0x54],
      context: { organizationId: "o", connectorId: "c", field: "f", secretVersion: 7, endpoint: {} },
      plaintext: Buffer.alloc(0),
      sealed:
        "01026b31003c5454545454545454545454542a85e6460c151bf7c84841f234f916611b38e7b5a39c2935120a7053376c0e55cb4619653bf6e98699f6191e3a02bf575252525252525252525252525252525252525252525252525252525252525252d482f6180e2245e02eb5126b8e46bb918afe71a9241dd2ccf285c9b336dedd1a5353535353535353535353536f41e6329410fb50fe594bde2f2d6a8a",
    },
  ];
  test.each(vectors)("$name", async ({ random, context, plaintext, sealed }) => {
    expect(Buffer.from(await vaultWith(...random).seal(plaintext, context)).toString("hex")).toBe(sealed);
    expect(Buffer.from(await vault.open(Buffer.from(sealed, "hex"), context))).toEqual(Buffer.from(plaintext));
    expect(vault.keyIdOf(Buffer.from(sealed, "hex"))).toBe("k1");
  });
});

describe("sealing", () => {
  test("the same secret twice shares no data key, message id, nonce or ciphertext", async () => {
    const [a, b] = (await Promise.all([vault.seal(password, context), vault.seal(password, context)])).map(
      decodeSealed,
    );
    for (const part of ["wrapped", "messageId", "commitment", "nonce", "ciphertext"] as const) {
      expect(Buffer.from(a![part]).equals(b![part]), part).toBe(false);
    }
  });

  test("the data key is overwritten after sealing and after opening", async () => {
    const keys = localKeys(`k1:${kek}`);
    const seen: Uint8Array[] = [];
    const watching: KeyProvider = {
      ...keys,
      wrap: (dek, additionalData) => {
        seen.push(dek);
        return keys.wrap(dek, additionalData);
      },
      unwrap: async (keyId, wrapped, additionalData) => {
        const dek = await keys.unwrap(keyId, wrapped, additionalData);
        if (dek !== undefined) seen.push(dek);
        return dek;
      },
    };
    const watched = createVault(watching);
    await watched.open(await watched.seal(password, context), context);
    expect(seen).toHaveLength(2);
    expect(seen.every((dek) => dek.every((byte) => byte === 0))).toBe(true);
  });

  test("a context that leaves something open is refused", async () => {
    const incomplete = [
      { organizationId: "" },
      { connectorId: "" },
      { field: "" },
      { secretVersion: 0 },
      { secretVersion: 1.5 },
      { endpoint: { port: Number.NaN } },
      { endpoint: { host: undefined as unknown as string } },
    ];
    for (const part of incomplete) {
      await expect(vault.seal(password, { ...context, ...part })).rejects.toMatchObject({ kind: "internal" });
    }
  });
});

describe("a sealed value opens only where it was sealed", () => {
  const elsewhere: Record<string, Partial<EncryptionContext>> = {
    "another organization": { organizationId: "org-2" },
    "another connector": { connectorId: "c0ffee00-0000-4000-8000-000000000002" },
    "another field": { field: "token" },
    "another version": { secretVersion: 2 },
    "another host": { endpoint: { ...context.endpoint, host: "evil.example.com" } },
    "another port": { endpoint: { ...context.endpoint, port: 5433 } },
    "a port of another type": { endpoint: { ...context.endpoint, port: "5432" } },
    "no TLS": { endpoint: { ...context.endpoint, tls: false } },
    "one more part of the endpoint": { endpoint: { ...context.endpoint, database: "x" } },
    "parts that run together alike": { organizationId: "org-1c", connectorId: context.connectorId.slice(1) },
  };
  let sealed: Uint8Array;
  beforeAll(async () => {
    sealed = await vault.seal(password, context);
  });

  test.each(Object.entries(elsewhere))("not for %s", async (_, part) => {
    await refusal(vault.open(sealed, { ...context, ...part }));
  });

  test("whatever the order of the endpoint's keys", async () => {
    const endpoint = Object.fromEntries(Object.entries(context.endpoint).reverse());
    expect(await vault.open(sealed, { ...context, endpoint })).toEqual(password);
  });
});

describe("opening", () => {
  test("goes on under an old key after another became primary", async () => {
    const sealed = await vault.seal(password, context);
    const rotated = createVault(localKeys(`k2:${otherKek},k1:${kek}`));
    expect(await rotated.open(sealed, context)).toEqual(password);
    expect(rotated.keyIdOf(await rotated.seal(password, context))).toBe("k2");
  });

  test("without the key says so to the log, and to the caller only that it can't be opened", async () => {
    const sealed = await vault.seal(password, context);
    const failure = await refusal(createVault(localKeys(`k2:${otherKek}`)).open(sealed, context));
    expect(failure.cause).toMatchObject({ message: "no key has the id k1" });
    expect(failure.message).not.toContain("k1");
    await refusal(createVault(localKeys(`k1:${otherKek}`)).open(sealed, context));
  });

  test("fails for a data key that only claims to be of another key", async () => {
    const both = createVault(localKeys(`k1:${kek},k2:${otherKek}`));
    const sealed = decodeSealed(await both.seal(password, context));
    await refusal(both.open(encodeSealed({ ...sealed, keyId: "k2" }), context));
  });

  test("checks the key commitment before it decrypts", async () => {
    const parts = decodeSealed(await vault.seal(password, context));
    const commitment = parts.commitment.with(31, parts.commitment[31]! ^ 1);
    const failure = await refusal(vault.open(encodeSealed({ ...parts, commitment }), context));
    expect(failure.cause).toMatchObject({ message: expect.stringContaining("commitment") });
  });

  test("refuses a ciphertext that verifies under a data key it was not committed to", async () => {
    // The forger knows both keys, and makes tag and wrapping right for the second.
    const dek = Buffer.alloc(32, 9);
    const parts = decodeSealed(await vault.seal(password, context));
    const canonical = canonicalContext(context);
    const { wrapped } = (await localKeys(`k1:${kek}`).wrap(dek, labelled("data key", canonical)))!;
    const forged = encrypt(encryptionKey(dek, parts.messageId), parts.nonce, password, labelled("secret", canonical));
    const failure = await refusal(vault.open(encodeSealed({ ...parts, wrapped, ciphertext: forged }), context));
    expect(failure.cause).toMatchObject({ message: expect.stringContaining("commitment") });
  });

  test("passes on what a key service says when it can't be reached", async () => {
    const away = new Failure("upstream_unreachable", "The key service can't be reached.");
    const sealed = await vault.seal(password, context);
    const keys: KeyProvider = { ...localKeys(`k1:${kek}`), unwrap: () => Promise.reject(away) };
    await expect(createVault(keys).open(sealed, context)).rejects.toBe(away);
  });

  test(
    `never opens any of ${forgeries} mutations, cuts, growths and swaps of rows and parts`,
    async () => {
      const rows: readonly Partial<EncryptionContext>[] = [
        ...[{}, {}, { secretVersion: 2 }, { organizationId: "org-2" }, { field: "token" }],
        ...[{ connectorId: "c0ffee00-0000-4000-8000-000000000002" }, { endpoint: { ...context.endpoint, host: "b" } }],
      ];
      const originals = await Promise.all(
        rows.map(async (row) => {
          const at = { ...context, ...row };
          return { at, sealed: await vault.seal(password, at) };
        }),
      );
      let refused = 0;
      await fc.assert(
        fc.asyncProperty(forgery(originals), async ({ bytes, at }) => {
          await refusal(vault.open(bytes, at));
          refused++;
        }),
        { numRuns: forgeries, endOnFailure: true },
      );
      expect(refused).toBe(forgeries);
      console.log(`forged envelopes: ${forgeries}, opened: ${forgeries - refused}`);
    },
    scaled({ test: 60_000, torture: 3_600_000 }),
  );

  test("any bytes at all end in the vault's own failure", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), async (bytes) => {
        await refusal(vault.open(bytes, context));
        try {
          vault.keyIdOf(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(Failure);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

interface Original {
  readonly at: EncryptionContext;
  readonly sealed: Uint8Array;
}

const parts = ["wrapped", "messageId", "commitment", "nonce", "ciphertext"] as const;

/** Bytes that were never sealed for the context beside them. */
function forgery(originals: readonly Original[]): fc.Arbitrary<{ bytes: Uint8Array; at: EncryptionContext }> {
  const size = originals[0]!.sealed.length;
  const one = fc.constantFrom(...originals);
  const pair = fc.shuffledSubarray([...originals], { minLength: 2, maxLength: 2 }) as fc.Arbitrary<
    [Original, Original]
  >;
  return fc.oneof(
    fc.tuple(one, fc.nat(size - 1), fc.integer({ min: 1, max: 255 })).map(([{ at, sealed }, index, mask]) => {
      return { at, bytes: sealed.with(index, sealed[index]! ^ mask) };
    }),
    fc.tuple(one, fc.nat(size - 1)).map(([{ at, sealed }, end]) => ({ at, bytes: sealed.subarray(0, end) })),
    fc.tuple(one, fc.uint8Array({ minLength: 1, maxLength: 40 })).map(([{ at, sealed }, more]) => {
      return { at, bytes: Buffer.concat([sealed, more]) };
    }),
    pair
      .filter(([a, b]) => JSON.stringify(a.at) !== JSON.stringify(b.at))
      .map(([{ at }, { sealed }]) => ({ at, bytes: sealed })),
    fc.tuple(pair, fc.subarray([...parts], { minLength: 1, maxLength: 4 })).map(([[a, b], swapped]) => {
      const other = decodeSealed(b.sealed);
      const own = decodeSealed(a.sealed);
      return { at: a.at, bytes: encodeSealed({ ...own, ...Object.fromEntries(swapped.map((p) => [p, other[p]])) }) };
    }),
  );
}

function labelled(label: string, canonical: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(`connector-vault/1 ${label}\0`), canonical]);
}

/** HKDF-SHA-512 for up to 64 bytes, written out. */
function encryptionKey(dek: Uint8Array, messageId: Uint8Array) {
  const prk = createHmac("sha512", messageId).update(dek).digest();
  const info = Buffer.from("connector-vault/1 encryption\x01");
  return createSecretKey(createHmac("sha512", prk).update(info).digest().subarray(0, 32));
}
