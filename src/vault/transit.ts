/**
 * Keys that a transit engine holds and never shows: HashiCorp Vault's or OpenBao's.
 *
 * A key's id is `transit/<mount>/<key>/v<version>`. A wrapped data key is what follows
 * `vault:v<version>:` in the engine's ciphertext, decoded from base64: one value, where the
 * text has several spellings.
 */
import { createHash } from "node:crypto";
import { LRUCache } from "lru-cache";
import { z } from "zod";
import { Failure } from "../failure.ts";
import type { KeyInfo, KeyProvider, KeyState } from "./key-provider.ts";
import { deletedKey, type TransitAddress, type TransitFetch, transitClient } from "./transit-client.ts";

export interface TransitOptions extends TransitAddress {
  readonly fetch: TransitFetch;
  /** Milliseconds that a data key is kept after it was unwrapped. Default: 300,000. */
  readonly keptMs?: number;
  /** Milliseconds before each request that follows one which failed for now. Default: 5 s in all. */
  readonly pausesMs?: readonly number[];
}

export interface TransitKeys extends KeyProvider {
  /** Overwrites what is kept. */
  close(): void;
}

/**
 * Data keys kept at most. A session that closes when it rests opens again soon, and must not
 * fail since the engine blinks; nor does a data key tell more than the open session holds.
 */
const maxKept = 1_000;
const keptMsByDefault = 300_000;

/** Those whose ciphertext binds additional data. */
const aeadTypes = new Set(["aes128-gcm96", "aes256-gcm96", "chacha20-poly1305", "xchacha20-poly1305"]);

const encrypted = z.object({ ciphertext: z.string() });
const decrypted = z.object({ plaintext: z.base64() });
const described = z.object({
  type: z.string(),
  derived: z.boolean().default(false),
  soft_deleted: z.boolean().default(false),
  latest_version: z.int(),
  min_decryption_version: z.int(),
  /** Seconds since 1970 at which each version was made, of those that decrypt. */
  keys: z.record(z.string(), z.unknown()),
});

/** Every method fails as `TransitClient.ask` does. */
export function transitKeys({ fetch, keptMs = keptMsByDefault, pausesMs, ...address }: TransitOptions): TransitKeys {
  const client = transitClient(address, fetch, pausesMs);
  const prefix = `transit/${address.mount}/${address.key}/v`;
  const kept = new LRUCache<string, Uint8Array>({
    ...{ max: maxKept, ttl: keptMs, ttlAutopurge: true },
    dispose: (dek) => dek.fill(0),
  });

  return {
    async list() {
      const key = parsed(described, await client.ask("keys"));
      if (!aeadTypes.has(key.type) || key.derived) throw unfit(key.type);
      if (key.soft_deleted) throw deletedKey();
      return Array.from({ length: key.latest_version }, (_, index): KeyInfo => {
        const version = index + 1;
        const made = key.keys[version];
        return {
          id: `${prefix}${version}`,
          state: stateOf(version, key.latest_version, key.min_decryption_version),
          createTime: typeof made === "number" ? new Date(made * 1_000) : undefined,
        };
      });
    },
    async wrap(dek, additionalData) {
      const body = { plaintext: base64(dek), associated_data: base64(additionalData) };
      const { ciphertext } = parsed(encrypted, await asking(client.ask("encrypt", body)));
      const [, version, wrapped = ""] = /^vault:v([1-9]\d{0,8}):([A-Za-z0-9+/]+=*)$/.exec(ciphertext) ?? [];
      if (version === undefined) throw strange();
      return { keyId: `${prefix}${version}`, wrapped: Buffer.from(wrapped, "base64") };
    },
    async unwrap(keyId, wrapped, additionalData) {
      const version = keyId.startsWith(prefix) ? keyId.slice(prefix.length) : "";
      if (!/^[1-9]\d{0,8}$/.test(version)) return undefined;
      const name = nameOf(keyId, wrapped, additionalData);
      const known = kept.get(name);
      if (known !== undefined) return Uint8Array.from(known);
      const body = { ciphertext: `vault:v${version}:${base64(wrapped)}`, associated_data: base64(additionalData) };
      const { plaintext } = parsed(decrypted, await client.ask("decrypt", body));
      const dek = Buffer.from(plaintext, "base64");
      kept.set(name, Uint8Array.from(dek));
      return dek;
    },
    close: () => kept.clear(),
  };
}

function stateOf(version: number, latest: number, least: number): KeyState {
  if (version === latest) return "primary";
  return version >= least ? "decrypt-only" : "destroyed";
}

/** Wrapping is refused only for the kind of key that it is. */
async function asking(answer: Promise<unknown>): Promise<unknown> {
  try {
    return await answer;
  } catch (cause) {
    throw cause instanceof Failure ? cause : unfit("of another type", cause);
  }
}

function parsed<T>(schema: z.ZodType<T>, answer: unknown): T {
  const { data } = schema.safeParse(answer);
  if (data === undefined) throw strange();
  return data;
}

/** Stands for all that the data key depends on; of no help in finding any of it. */
function nameOf(keyId: string, wrapped: Uint8Array, additionalData: Uint8Array): string {
  const sizes = `${keyId.length}/${wrapped.length}\0`;
  return createHash("sha256").update(sizes).update(keyId).update(wrapped).update(additionalData).digest("base64");
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64");
}

function unfit(type: string, cause?: unknown): Failure {
  return new Failure("internal", `The key service's key (${type}) can't bind data keys to their place.`, {
    where: "service",
    remedy:
      "Operators: name a key by VAULT_TRANSIT_KEY that is of an AEAD type and not derived: `vault write -f MOUNT/keys/KEY type=aes256-gcm96`.",
    cause,
  });
}

function strange(): Failure {
  return new Failure("internal", "The key service has answered what no transit engine answers.", {
    where: "service",
    remedy: "Operators: see that VAULT_ADDR is that of a HashiCorp Vault or an OpenBao.",
  });
}
