/** The same asked of the tests' own transit engine and of a real one, so that what the others are tested with is true. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createDial } from "../../src/egress/dial.ts";
import { createFetch } from "../../src/egress/fetch.ts";
import { operatorPolicy } from "../../src/egress/policy.ts";
import { decodeSealed, encodeSealed } from "../../src/vault/sealed.ts";
import { type TransitKeys, transitKeys } from "../../src/vault/transit.ts";
import { createVault } from "../../src/vault/vault.ts";
import { namedEngine, ownEngine, type TransitEngine } from "../support/transit-engine.ts";

if (namedEngine === undefined) {
  console.warn("Left out: a real transit engine. TEST_VAULT_URL and TEST_VAULT_TOKEN name no Vault and no OpenBao.");
}

const context = { organizationId: "o", connectorId: "c", field: "credential", secretVersion: 1, endpoint: { port: 1 } };
const secret = Buffer.from("secret");
const fetchGuarded = createFetch(createDial(operatorPolicy));
const engines = [
  { name: "the tests' own engine", open: ownEngine },
  { name: "the engine that TEST_VAULT_URL names", open: namedEngine },
];

for (const { name, open } of engines) {
  describe.runIf(open !== undefined)(name, () => {
    let engine: TransitEngine;
    let directory: string;
    let keys: TransitKeys;

    beforeEach(async () => {
      engine = await (open as typeof ownEngine)();
      directory = await mkdtemp(path.join(os.tmpdir(), "connector-transit-"));
      const tokenFile = path.join(directory, "token");
      await writeFile(tokenFile, `${engine.token}\n`);
      const { address, mount, key } = engine;
      keys = transitKeys({ address, mount, key, tokenFile, fetch: fetchGuarded, keptMs: 1, pausesMs: [1, 1] });
    });

    afterEach(async () => {
      keys.close();
      await engine.stop();
      await rm(directory, { recursive: true });
    });

    /** Status, and the data or the errors. */
    const answerTo = async (operation: string, body?: object, { token = engine.token, key = engine.key } = {}) => {
      const response = await fetch(`${engine.address}/v1/${engine.mount}/${operation}/${key}`, {
        headers: token === "" ? {} : { "X-Vault-Token": token },
        ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
      });
      const { data, errors } = (await response.json()) as { data?: Record<string, unknown>; errors?: string[] };
      return { status: response.status, data, errors };
    };
    const plaintext = Buffer.alloc(32, 7).toString("base64");
    const bound = { associated_data: Buffer.from("here").toString("base64") };
    const ciphertext = async () => {
      const { data } = await answerTo("encrypt", { plaintext, ...bound });
      return String(data?.ciphertext);
    };
    const idOf = (version: number) => `transit/${engine.mount}/${engine.key}/v${version}`;

    test("wraps under its latest version what opens after a rotation, and is wrapped anew by it", async () => {
      const vault = createVault(keys);
      const sealed = await vault.seal(secret, context);
      expect(vault.keyIdOf(sealed)).toBe(idOf(1));
      await engine.rotate();
      expect(await vault.open(sealed, context)).toEqual(secret);
      const rewrapped = await vault.rewrap(sealed, context);
      expect([vault.keyIdOf(rewrapped), await vault.primaryKeyId()]).toEqual([idOf(2), idOf(2)]);
      expect(await vault.open(rewrapped, context)).toEqual(secret);
    });

    test("tells which versions are primary, decrypt-only and destroyed, and when those that are left were made", async () => {
      const sealed = await createVault(keys).seal(secret, context);
      await engine.rotate();
      await engine.rotate();
      await engine.decryptFrom(2);
      const made = expect.any(Date);
      expect(await keys.list()).toEqual([
        { id: idOf(1), state: "destroyed", createTime: undefined },
        { id: idOf(2), state: "decrypt-only", createTime: made },
        { id: idOf(3), state: "primary", createTime: made },
      ]);
      await expect(createVault(keys).open(sealed, context)).rejects.toMatchObject({ where: "credential" });
    });

    test("opens nothing elsewhere, under another version or with another bit", async () => {
      const vault = createVault(keys);
      const sealed = await vault.seal(secret, context);
      await engine.rotate();
      const parts = decodeSealed(sealed);
      const forged = [
        ...["v0", "v01", "v2", "v3", "v999999999"].map((version) => ({
          ...parts,
          keyId: idOf(1).replace(/v1$/, version),
        })),
        ...[0, 11, 12, 43, 44, 59].map((index) => ({
          ...parts,
          wrapped: parts.wrapped.with(index, parts.wrapped[index]! ^ 1),
        })),
        ...[0, 5, 20].map((size) => ({ ...parts, wrapped: parts.wrapped.subarray(0, size) })),
      ];
      for (const each of forged) {
        await expect(vault.open(encodeSealed(each), context)).rejects.toMatchObject({ where: "credential" });
      }
      await expect(vault.open(sealed, { ...context, secretVersion: 2 })).rejects.toMatchObject({ where: "credential" });
    });

    test("needs no more than the documented policy, and is refused all else by it", async () => {
      const forbidden = { kind: "internal", remedy: expect.stringContaining("VAULT_TOKEN_FILE") };
      const tokenFile = path.join(directory, "token");
      for (const wrong of [{ key: "other" }, { mount: `${engine.mount}-2` }]) {
        const { address, mount, key } = { ...engine, ...wrong };
        const others = transitKeys({ address, mount, key, tokenFile, fetch: fetchGuarded });
        await expect(others.list()).rejects.toMatchObject(forbidden);
        await expect(createVault(others).seal(secret, context)).rejects.toMatchObject(forbidden);
      }
      const sealed = await createVault(keys).seal(secret, context);
      await engine.revokeToken();
      await expect(keys.list()).rejects.toMatchObject(forbidden);
      await expect(createVault(keys).open(sealed, context)).rejects.toMatchObject(forbidden);
    });

    test("says that the key is deleted when it can be restored, where the engine knows that", async ({ skip }) => {
      const sealed = await createVault(keys).seal(secret, context);
      if (!(await engine.softDelete())) skip("this engine does not");
      const deleted = { where: "service", remedy: expect.stringContaining("soft-delete-restore") };
      await expect(keys.list()).rejects.toMatchObject(deleted);
      await expect(createVault(keys).seal(secret, context)).rejects.toMatchObject(deleted);
      await expect(createVault(keys).open(sealed, context)).rejects.toMatchObject(deleted);
    });

    test("says that there is no key", async () => {
      const sealed = await createVault(keys).seal(secret, context);
      await engine.replaceKey(undefined);
      const missing = { where: "service", remedy: expect.stringContaining("VAULT_TRANSIT_KEY") };
      await expect(keys.list()).rejects.toMatchObject(missing);
      await expect(createVault(keys).seal(secret, context)).rejects.toMatchObject(missing);
      await expect(createVault(keys).open(sealed, context)).rejects.toMatchObject(missing);
    });

    test("says that a key of another type does not do", async () => {
      await engine.replaceKey("rsa-2048");
      const unfit = { where: "service", remedy: expect.stringContaining("type=aes256-gcm96") };
      await expect(keys.list()).rejects.toMatchObject(unfit);
      await expect(createVault(keys).seal(secret, context)).rejects.toMatchObject(unfit);
    });

    test("answers with these statuses and words", async () => {
      const first = await ciphertext();
      const decrypting = (text: string, rest: object = bound) => answerTo("decrypt", { ciphertext: text, ...rest });
      const refused = (status: number, ...errors: string[]) => ({ status, errors });
      const denied = "1 error occurred:\n\t* permission denied\n\n";
      expect(await decrypting(first)).toEqual({ status: 200, data: { plaintext } });
      expect(await decrypting(first.replace(":v1:", ":v01:"))).toEqual({ status: 200, data: { plaintext } });
      expect(await decrypting(first.replace(":v1:", ":v0:"))).toEqual({ status: 200, data: { plaintext } });
      const failed = refused(400, "cipher: message authentication failed");
      expect([await decrypting(first, {}), await decrypting(`vault:v1:${plaintext}`)]).toEqual([failed, failed]);
      const tooNew = refused(400, "invalid ciphertext: version is too new");
      expect(await decrypting(first.replace(":v1:", ":v2:"))).toEqual(tooNew);
      expect(await decrypting("vault:v1:AAAA")).toEqual(refused(400, "invalid ciphertext length"));
      expect(await answerTo("keys", undefined, { key: "other" })).toEqual(refused(403, denied));
      expect(await answerTo("keys", undefined, { token: "hvs.another" })).toEqual(refused(403, "permission denied"));

      await engine.rotate();
      await engine.decryptFrom(2);
      const tooOld = refused(400, "ciphertext or signature version is disallowed by policy (too old)");
      expect(await decrypting(first)).toEqual(tooOld);
      expect(await answerTo("keys")).toMatchObject({
        status: 200,
        data: { type: "aes256-gcm96", derived: false, latest_version: 2, min_decryption_version: 2, name: engine.key },
      });
      const { data } = await answerTo("keys");
      expect(data?.keys).toEqual({ 2: expect.any(Number) });

      await engine.replaceKey("rsa-2048");
      const noAead = refused(400, "'[0].associated_data' provided for non-AEAD cipher suite rsa-2048");
      expect(await answerTo("encrypt", { plaintext, ...bound })).toEqual(noAead);
      await engine.replaceKey(undefined);
      expect(await answerTo("keys")).toEqual(refused(404));
      expect(await answerTo("encrypt", { plaintext, ...bound })).toEqual(refused(403, denied));
      expect(await decrypting(first)).toEqual(refused(400, "encryption key not found"));
    });
  });
}
