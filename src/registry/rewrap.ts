/**
 * Wraps the data key of every credential, of the tokens that were got with it, and of the answers
 * that are kept for idempotency keys, under the primary key, while the service serves. What is
 * left to do is what is not under it yet: so it can be cut off at any moment, and begun again.
 */
import { setTimeout as delay } from "node:timers/promises";
import { Failure } from "../failure.ts";
import type { Catalogue } from "../providers/catalogue.ts";
import type { Rewrapped, SealedCredential, SealedCredentials, SealedSecret } from "../store/sealed-credentials.ts";
import { rewrapCredential } from "../vault/credential.ts";
import { anyVersion, rewrapAnswerKey } from "../vault/kept-answer.ts";
import { rewrapTokens } from "../vault/tokens.ts";
import type { Vault } from "../vault/vault.ts";

export interface RewrapOptions {
  readonly credentials: SealedCredentials;
  readonly vault: Vault;
  readonly catalogue: Catalogue;
  /** Secrets that are read and stored at once. Default: 100. */
  readonly batch?: number;
  /** Hears of every batch, and before the first one. */
  onProgress(progress: RewrapProgress): void;
}

export interface RewrapProgress {
  /** The key they are wrapped under. */
  readonly keyId: string;
  readonly rewrapped: number;
  readonly failed: number;
  /** As it was at the beginning, less what has been done; at the end, what others held all the time. */
  readonly remaining: number;
}

export interface RewrapSummary extends RewrapProgress {
  /** Those that could not be unwrapped, each with the reason. */
  readonly failures: readonly RewrapFailure[];
}

export interface RewrapFailure {
  readonly kind: SealedSecret["kind"];
  readonly organizationId: string;
  readonly connectorId: string;
  readonly reason: unknown;
}

/** Asked of a key service at once. */
const atOnce = 8;
/** Changes that came between reading and storing are found by the next pass. */
const maxPasses = 10;
/** Milliseconds before the next pass: who holds a row has let it go by then. */
const pauseMs = 50;

/** @throws Failure when the store or the key service can't be reached; what has been stored stays */
export async function rewrapAll({ batch = 100, onProgress, ...rooms }: RewrapOptions): Promise<RewrapSummary> {
  const keyId = await rooms.vault.primaryKeyId();
  const total = await countNotUnder(keyId, rooms.credentials);
  const failures = new Map<string, RewrapFailure>();
  let rewrapped = 0;
  const progress = (): RewrapProgress => {
    const failed = failures.size;
    return { keyId, rewrapped, failed, remaining: Math.max(0, total - rewrapped - failed) };
  };
  onProgress(progress());

  let missed = 0;
  for (let pass = 0; pass < maxPasses; pass++) {
    if (pass > 0) await delay(pauseMs);
    missed = 0;
    let after: SealedSecret | undefined;
    for (;;) {
      const found = await rooms.credentials.notUnder(keyId, after, batch);
      after = found.at(-1);
      if (after === undefined) break;
      const done = await rewrapBatch(found, rooms, failures);
      const stored = done.length === 0 ? 0 : await rooms.credentials.replace(done);
      rewrapped += stored;
      missed += done.length - stored;
      onProgress(progress());
    }
    if (missed === 0) break;
  }
  return { ...progress(), remaining: missed, failures: [...failures.values()] };
}

async function countNotUnder(keyId: string, credentials: SealedCredentials): Promise<number> {
  const counts = [...(await credentials.counts())];
  const others = counts.filter(([id]) => id !== keyId);
  return others.reduce((sum, [, { credentials, answers }]) => sum + credentials + answers, 0);
}

async function rewrapBatch(
  found: readonly SealedSecret[],
  { vault, catalogue }: Pick<RewrapOptions, "vault" | "catalogue">,
  failures: Map<string, RewrapFailure>,
): Promise<Rewrapped[]> {
  const rest = [...found];
  const done: Rewrapped[] = [];
  // Many answers have one data key.
  const asked = new Map<string, Promise<Uint8Array>>();
  const anew = (before: SealedSecret) => {
    if (before.kind !== "answer") return wrappedAnew(before, vault, catalogue);
    const name = `${before.organizationId} ${before.connectorId} ${Buffer.from(before.sealed).toString("base64")}`;
    const wrapped = asked.get(name) ?? wrappedAnew(before, vault, catalogue);
    asked.set(name, wrapped);
    return wrapped;
  };
  const work = async () => {
    for (let before = rest.shift(); before !== undefined; before = rest.shift()) {
      try {
        done.push({ before, sealed: await anew(before) });
      } catch (reason) {
        if (concernsAll(reason)) {
          rest.length = 0;
          throw reason;
        }
        const { kind, organizationId, connectorId } = before;
        failures.set(nameOf(before), { kind, organizationId, connectorId, reason });
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return done;
}

function nameOf(secret: SealedSecret): string {
  const { kind, organizationId, connectorId } = secret;
  return JSON.stringify([kind, organizationId, kind === "answer" ? [secret.method, secret.key] : connectorId]);
}

async function wrappedAnew(before: SealedSecret, vault: Vault, catalogue: Catalogue): Promise<Uint8Array> {
  if (before.kind === "answer") return rewrapAnswerKey(vault, { ...before, version: anyVersion }, before.sealed);
  if (before.kind === "tokens") return rewrapTokens(vault, before, before.sealed);
  return rewrapCredential(vault, placeOf(before, catalogue), before.sealed);
}

function placeOf(
  { organizationId, connectorId, provider: id, config, version }: SealedCredential,
  catalogue: Catalogue,
) {
  const provider = catalogue.get(id);
  const endpoint = provider.endpoint(provider.config.parse(config));
  return { organizationId, connectorId, version, provider: id, endpoint };
}

/** One credential that can't be unwrapped leaves the others; a key service that refuses leaves none. */
function concernsAll(reason: unknown): boolean {
  return reason instanceof Failure && reason.where === "service";
}
