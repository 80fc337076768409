/** The data keys that kept answers are sealed under go with the encryption key that wraps them. */
import { setTimeout as delay } from "node:timers/promises";
import { expect, test, vi } from "vitest";
import { createAnswerSealer, rewrapAnswerKey } from "../../src/vault/kept-answer.ts";
import type { KeyProvider } from "../../src/vault/key-provider.ts";
import { localKeys } from "../../src/vault/keys.ts";
import { createVault } from "../../src/vault/vault.ts";
import { encryptionKey, signingKey } from "../support/keys.ts";
import { patience } from "../support/patience.ts";

const [old, other] = [`old:${encryptionKey}`, `new:${signingKey}`];
const place = { organizationId: "acme", connectorId: "c", version: 1, digest: "d", epoch: "e", format: 1 };
const answer = Buffer.from("answer");

/** Of a service that goes on while `current` changes. */
function sealing(first: KeyProvider) {
  const held = { current: first };
  const vault = createVault({
    list: () => held.current.list(),
    wrap: (dek, data) => held.current.wrap(dek, data),
    unwrap: (id, wrapped, data) => held.current.unwrap(id, wrapped, data),
  });
  const sealer = createAnswerSealer(vault);
  return {
    held,
    keyIdOfNext: async () => vault.keyIdOf((await sealer.seal(place, answer)).subarray(2)),
  };
}

test("answers are sealed under a key that was promoted within moments, though their data key is young", async () => {
  const { held, keyIdOfNext } = sealing(localKeys(`${old},${other}`));
  expect(await keyIdOfNext()).toBe("old");
  held.current = localKeys(`${other},${old}`);
  await vi.waitUntil(async () => (await keyIdOfNext()) === "new", patience);
});

test("answers are sealed under the data key at hand while the key service does not say which key is primary", async () => {
  const { held, keyIdOfNext } = sealing(localKeys(old));
  expect(await keyIdOfNext()).toBe("old");
  const away = { wrap: expect.fail, unwrap: expect.fail };
  for (const list of [() => new Promise<never>(() => {}), () => Promise.reject(new Error("away"))]) {
    held.current = { ...away, list };
    // Longer than what was said before is taken for true.
    for (let times = 0; times < 6; times++) {
      await delay(200);
      expect(await keyIdOfNext()).toBe("old");
    }
  }
});

test("an answer whose data key is wrapped anew opens under the new key alone, and is the same", async () => {
  const sealed = await createAnswerSealer(createVault(localKeys(old))).seal(place, answer);
  const size = 2 + Buffer.from(sealed).readUInt16BE();
  const head = await rewrapAnswerKey(createVault(localKeys(`${other},${old}`)), place, sealed.subarray(0, size));
  const rewrapped = Buffer.concat([head, sealed.subarray(size)]);
  const under = (keys: string) => createAnswerSealer(createVault(localKeys(keys)));
  expect(Buffer.from(await under(other).open(place, rewrapped))).toEqual(answer);
  await expect(under(old).open(place, rewrapped)).rejects.toMatchObject({ kind: "internal" });
  await expect(under(other).open({ ...place, digest: "another" }, rewrapped)).rejects.toThrow();
});
