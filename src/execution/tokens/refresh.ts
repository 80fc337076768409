/**
 * One refresh, by whoever has the lease: what the authorization server gives is stored before
 * anybody uses it, and who was overtaken meanwhile takes what the other one has stored.
 */
import { setTimeout as delay } from "node:timers/promises";
import { Failure, type FailureKind } from "../../failure.ts";
import type { Observe, Subject, TokenRefreshed } from "../../observability/observation.ts";
import { spanUnder } from "../../observability/span.ts";
import type { KeptTokens, ObtainTokens, TokenSet } from "../../providers/contract/tokens.ts";
import { openTokens, sealTokens } from "../../vault/tokens.ts";
import type { Vault } from "../../vault/vault.ts";
import { type Kept, keptOf, type StoredTokens } from "./kept.ts";
import type { TokenOwner, TokenRow, TokenRows } from "./rows.ts";

export interface RefreshParts {
  readonly rows: TokenRows;
  readonly vault: Vault;
  readonly observe: Observe;
  readonly leaseMs: number;
  /** Milliseconds that the authorization server may take. */
  readonly obtainMs: number;
  /** Milliseconds for which storing is tried of what the server has given. */
  readonly keepMs: number;
  readonly random: () => number;
}

/** A refresh that is begun: the row is as it was when the lease was taken. */
export interface Leased {
  readonly owner: TokenOwner;
  readonly holder: string;
  readonly row: TokenRow;
  /** What it is a part of: the call that asked for it first. */
  readonly traceparent?: string | undefined;
}

/** Of the lease; so often it is prolonged while the server is waited for. */
const renewals = 4;
/** Milliseconds between two tries to store. */
const pause = { firstMs: 50, mostMs: 2_000 };

/** @throws Failure `internal` when the set was sealed for another place */
export async function openSet(
  { vault, random }: Pick<RefreshParts, "vault" | "random">,
  owner: TokenOwner,
  row: TokenRow & { readonly sealed: Uint8Array },
): Promise<Kept> {
  const opened = await openTokens(vault, { ...owner, version: row.version }, row.sealed);
  return keptOf(opened.reveal() as StoredTokens, row, random);
}

/**
 * @returns The new set; undefined when another one was stored meanwhile, or the lease was taken over
 * @throws Failure as `obtain` does, which is noted then
 */
export async function refresh(parts: RefreshParts, leased: Leased, obtain: ObtainTokens): Promise<Kept | undefined> {
  const { rows } = parts;
  const { owner, holder, row } = leased;
  const tell = tellingOf(parts, leased);
  using _ = prolonged(parts, leased);
  let before: KeptTokens | undefined;
  let set: TokenSet;
  try {
    before = await beforeOf(parts, owner, row);
    set = await obtained(obtain, before, parts.obtainMs);
  } catch (error) {
    const reason: FailureKind = error instanceof Failure ? error.kind : "internal";
    // It is told apart here: who was overtaken may be refused since the other one was not.
    if (!(await rows.failed(owner, holder, row.version, reason))) {
      tell("lost_race");
      return undefined;
    }
    tell(reason === "credential_rejected" ? "rejected" : "failed");
    throw reason === "credential_rejected" ? final(error as Failure) : error;
  }
  const kept = await keep(parts, leased, continued(before, set));
  tell(kept === undefined ? "lost_race" : "refreshed");
  return kept;
}

/** Tells what comes of a refresh that begins now. */
function tellingOf({ observe }: RefreshParts, { owner, traceparent }: Leased) {
  const { organizationId, connectorId, provider } = owner;
  const subject: Subject = { organizationId, connectorId, provider };
  const startMs = performance.now();
  const span = traceparent === undefined ? undefined : spanUnder(traceparent);
  return (outcome: TokenRefreshed["outcome"]) =>
    observe({ kind: "token_refreshed", subject, outcome, ms: performance.now() - startMs, span });
}

async function beforeOf(parts: RefreshParts, owner: TokenOwner, row: TokenRow): Promise<KeptTokens | undefined> {
  const { sealed } = row;
  return sealed === null ? undefined : (await openSet(parts, owner, { ...row, sealed })).tokens;
}

/** What a server does not say again is as it was. */
export function continued(before: KeptTokens | undefined, set: TokenSet): TokenSet {
  return {
    ...set,
    refreshToken: set.refreshToken ?? before?.refreshToken,
    facts: { ...before?.facts, ...set.facts },
  };
}

async function obtained(obtain: ObtainTokens, before: KeptTokens | undefined, limitMs: number): Promise<TokenSet> {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(tooSlow(limitMs)), limitMs);
  try {
    return await obtain(before, controller.signal);
  } finally {
    clearTimeout(timer);
  }
}

/** The lease lasts while the server is waited for, and ends soon after a replica's death. */
function prolonged({ rows, leaseMs }: RefreshParts, { owner, holder }: Leased): Disposable {
  const renew = () => {
    // Who can't renew it may be overtaken: the fence is there for that.
    rows.renew(owner, holder, leaseMs).catch(() => {});
  };
  const timer = setInterval(renew, leaseMs / renewals).unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/**
 * Stores the set, and tries so for minutes: with a token that rotates it is the only one
 * that is good. Undefined when another set is there already.
 *
 * @throws Failure when the store does not take it for so long
 */
async function keep(parts: RefreshParts, { owner, holder, row }: Leased, set: TokenSet): Promise<Kept | undefined> {
  const { rows, vault, keepMs, random } = parts;
  const { expireTime, ...stored } = set;
  const giveUp = performance.now() + keepMs;
  const version = row.version + 1;
  for (let waitMs = pause.firstMs; ; waitMs = Math.min(waitMs * 2, pause.mostMs)) {
    try {
      const sealed = await sealTokens(vault, { ...owner, version }, stored);
      const expiresInMs = msUntil(expireTime);
      const kept = await rows.keep(owner, holder, row.version, { sealed, expiresInMs });
      return kept ? keptOf(stored, { version, expiresInMs, ageMs: 0 }, random) : undefined;
    } catch (cause) {
      if (performance.now() + waitMs > giveUp) throw cause;
      await delay(waitMs * (0.5 + random() / 2));
    }
  }
}

export function msUntil(time: Date | undefined): number | null {
  return time === undefined ? null : time.getTime() - Date.now();
}

/** Another attempt would be refused, too; and it says nothing of the source's health. */
function final(failure: Failure): Failure {
  if (failure.final) return failure;
  const { kind, message, cause } = failure;
  return new Failure(kind, message, { ...failure, cause, final: true } as ConstructorParameters<typeof Failure>[2]);
}

function tooSlow(limitMs: number): Failure {
  return new Failure(
    "upstream_unavailable",
    `The source's authorization server did not answer within ${limitMs / 1_000} s.`,
    { where: "upstream", remedy: "Try again; the tokens that are kept stay what they are." },
  );
}
