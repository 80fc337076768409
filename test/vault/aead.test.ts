import { createSecretKey, Decipheriv } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { decrypt, encrypt } from "../../src/vault/aead.ts";

interface Vector {
  readonly tcId: number;
  readonly key: string;
  readonly iv: string;
  readonly aad: string;
  readonly msg: string;
  readonly ct: string;
  readonly tag: string;
  readonly result: "valid" | "invalid" | "acceptable";
}

interface Corpus {
  readonly numberOfTests: number;
  readonly testGroups: readonly {
    readonly ivSize: number;
    readonly keySize: number;
    readonly tagSize: number;
    readonly tests: readonly Vector[];
  }[];
}

const corpus = new URL("../../../shared/corpora/wycheproof/aes_gcm_test.json", import.meta.url);
const hex = (text: string) => Buffer.from(text, "hex");
const key = createSecretKey(Buffer.alloc(32, 7));
const nonce = Buffer.alloc(12, 1);

describe("Wycheproof's AES-GCM vectors", () => {
  test("316 of 316 open when they are valid and of our sizes, and are refused otherwise", (context) => {
    if (!existsSync(corpus)) context.skip(`the corpus is not at ${corpus.pathname}`);
    const { numberOfTests, testGroups } = JSON.parse(readFileSync(corpus, "utf8")) as Corpus;
    const counts = { opened: 0, refused: 0, unsupported: 0 };
    for (const { ivSize, keySize, tagSize, tests } of testGroups) {
      const supported = ivSize === 96 && keySize === 256 && tagSize === 128;
      for (const vector of tests) {
        if (supported && vector.result === "valid") {
          expectOpens(vector);
          counts.opened++;
        } else {
          expectRefused(vector);
          counts[supported ? "refused" : "unsupported"]++;
        }
      }
    }
    expect(counts.opened).toBeGreaterThan(0);
    expect(counts.refused).toBeGreaterThan(0);
    expect(counts.opened + counts.refused + counts.unsupported).toBe(numberOfTests);
    expect(numberOfTests).toBe(316);
    const { opened, refused, unsupported } = counts;
    console.log(
      `Wycheproof AES-GCM: ${opened + refused + unsupported}/${numberOfTests} (${opened} opened, ${refused} refused, ${unsupported} of sizes that are refused)`,
    );
  });
});

function expectOpens({ tcId, key, iv, aad, msg, ct, tag }: Vector): void {
  const secretKey = createSecretKey(hex(key));
  expect(Buffer.from(decrypt(secretKey, hex(iv), hex(ct + tag), hex(aad))).toString("hex"), `vector ${tcId}`).toBe(msg);
  expect(Buffer.from(encrypt(secretKey, hex(iv), hex(msg), hex(aad))).toString("hex"), `vector ${tcId}`).toBe(ct + tag);
}

function expectRefused({ tcId, key, iv, aad, ct, tag }: Vector): void {
  expect(() => decrypt(createSecretKey(hex(key)), hex(iv), hex(ct + tag), hex(aad)), `vector ${tcId}`).toThrow();
}

test("a tag cut to any shorter length is refused", () => {
  const sealed = encrypt(key, nonce, Buffer.from("text"), Buffer.alloc(0));
  for (let cut = 1; cut <= sealed.length; cut++) {
    expect(() => decrypt(key, nonce, sealed.subarray(0, sealed.length - cut), Buffer.alloc(0))).toThrow();
  }
});

test("of a text whose tag does not verify nothing is given, and what was decrypted before is overwritten", () => {
  const sealed = Buffer.from(encrypt(key, nonce, Buffer.from("text"), Buffer.alloc(0)));
  sealed.writeUInt8(sealed.readUInt8(sealed.length - 1) ^ 1, sealed.length - 1);
  const update = vi.spyOn(Decipheriv.prototype, "update");
  onTestFinished(() => update.mockRestore());
  expect(() => decrypt(key, nonce, sealed, Buffer.alloc(0))).toThrow("does not verify");
  expect(update.mock.results.map(({ value }) => value)).toEqual([Buffer.alloc(4)]);
});

test("encrypting refuses a key of 128 bits and a nonce of 128 bits", () => {
  const short = createSecretKey(Buffer.alloc(16, 7));
  expect(() => encrypt(short, nonce, Buffer.alloc(1), Buffer.alloc(0))).toThrow("32 bytes");
  expect(() => encrypt(key, Buffer.alloc(16), Buffer.alloc(1), Buffer.alloc(0))).toThrow("12 bytes");
});
