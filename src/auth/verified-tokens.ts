/**
 * Tokens that were found good, remembered by their SHA-256 and never by themselves.
 *
 * What failed is not remembered: a key that is made a moment later works at once, and
 * strangers can't fill the memory.
 */
import { hash } from "node:crypto";
import { LRUCache } from "lru-cache";
import { Failure } from "../failure.ts";
import type { Principal } from "./principal.ts";

export interface Verified {
  readonly principal: Principal;
  /** Milliseconds since 1970, or Infinity. */
  readonly expireTime: number;
  /** What the token is forgotten by. */
  readonly id?: string;
}

export interface VerifiedTokens {
  /** What is remembered of a token; its digest is of `digestOf`. */
  known(digest: string): Verified | undefined;
  /** Verifies the token, once for all who show it at the same time. Throws what that throws. */
  verify(token: string, digest: string): Promise<Verified>;
  /** Something changed: what is known under the id, and every check that runs, is worth nothing. */
  forget(id: string): void;
  /** The same for all. */
  clear(): void;
}

interface Kept {
  readonly verified: Verified;
  /** Milliseconds since 1970. */
  readonly until: number;
}

/** One that runs, and until when others may wait for it. */
interface Check {
  readonly verified: Promise<Verified>;
  /** Milliseconds since 1970. */
  readonly until: number;
}

const maxTokens = 10_000;

export function digestOf(token: string): string {
  return hash("sha256", token, "base64");
}

/** @param maxAgeMs How long what is verified now may be remembered, if it does not expire before. */
export function rememberTokens(verify: (token: string) => Promise<Verified>, maxAgeMs: () => number): VerifiedTokens {
  const digests = new Map<string, string>();
  const kept = new LRUCache<string, Kept>({
    max: maxTokens,
    dispose: ({ verified: { id } }, digest) => {
      if (id !== undefined && digests.get(id) === digest) digests.delete(id);
    },
  });
  // Many callers show one token: when it is not known any more, the store must not hear of it from each of them.
  const checks = new Map<string, Check>();
  /** Counts what was forgotten: a check that began before may have seen what was there before. */
  let forgotten = 0;

  async function verifyAndKeep(token: string, digest: string, until: number): Promise<Verified> {
    const before = forgotten;
    const verified = await verify(token);
    if (before === forgotten) {
      kept.set(digest, { verified, until: Math.min(verified.expireTime, until) });
      if (verified.id !== undefined) digests.set(verified.id, digest);
    }
    return verified;
  }

  function check(token: string, digest: string): Promise<Verified> {
    // Counted from before the check: a slow look-up must not lengthen a revoked key's life.
    const until = Date.now() + maxAgeMs();
    const begun = { until, verified: verifyAndKeep(token, digest, until) };
    checks.set(digest, begun);
    const end = () => checks.get(digest) === begun && checks.delete(digest);
    begun.verified.then(end, end);
    return begun.verified;
  }

  return {
    known(digest) {
      const found = kept.get(digest);
      return found !== undefined && found.until > Date.now() ? found.verified : undefined;
    },
    async verify(token, digest) {
      const running = checks.get(digest);
      if (running === undefined || running.until <= Date.now()) return check(token, digest);
      try {
        return await running.verified;
      } catch (error) {
        // The key may have been made since that look-up began.
        if (error instanceof Failure && error.kind === "unauthenticated") return check(token, digest);
        throw error;
      }
    },
    forget(id) {
      forgotten++;
      checks.clear();
      const digest = digests.get(id);
      if (digest !== undefined) kept.delete(digest);
    },
    clear() {
      forgotten++;
      checks.clear();
      kept.clear();
    },
  };
}
