/**
 * The tokens that connectors' credentials are traded for. They are refreshed once, for all
 * callers of this replica by one promise that they share, and for all replicas by a lease in
 * the store; a replica that dies with it is overtaken when the lease has ended.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { EntityManager } from "@mikro-orm/postgresql";
import { orAborted } from "../../abort.ts";
import { Failure } from "../../failure.ts";
import type { Observe } from "../../observability/observation.ts";
import type { ObtainTokens, TokenSet, TokenStore } from "../../providers/contract/tokens.ts";
import type { Store } from "../../store/store.ts";
import { sealTokens } from "../../vault/tokens.ts";
import type { Vault } from "../../vault/vault.ts";
import { type Kept, marginOf } from "./kept.ts";
import { msUntil, openSet, type RefreshParts, refresh } from "./refresh.ts";
import { createTokenRows, type RefreshHealth, type TokenOwner, type TokenRow, type Wanting } from "./rows.ts";

export interface Tokens {
  /** Those of one connector, for as long as its session lasts; they leave the memory with it. */
  of(owner: TokenOwner): TokenStore;
  /**
   * Stores what a user has granted, in place of what is kept; no refresh that runs can undo it.
   *
   * @param first Runs before that in the same transaction of the organization, which it can end by failing
   * @throws Failure `not_found` when the connector has gone, `credential_rejected` when it has another credential
   */
  granted(owner: TokenOwner, set: TokenSet, first: (em: EntityManager) => Promise<void>): Promise<void>;
  /** Undefined for a connector that has none. */
  health(organizationId: string, connectorId: string): Promise<RefreshHealth | undefined>;
  /** Waits for the refreshes that run, for some seconds at most: what was got is to be stored. */
  close(): Promise<void>;
}

export interface TokensOptions {
  readonly store: Pick<Store, "withOrganization">;
  readonly vault: Vault;
  readonly observe: Observe;
  /** Milliseconds after which a replica that does not prolong its lease is overtaken. Default: 10,000. */
  readonly leaseMs?: number;
  /** Milliseconds that an authorization server may take. Default: 20,000. */
  readonly obtainMs?: number;
  /** Default: Math.random. */
  readonly random?: () => number;
}

/** Milliseconds in which a set that a refresh gave is not refused: another one would be no better. */
const newMs = 10_000;
/** Milliseconds in which a grant that was rejected is not asked for again, unless another one is stored. */
const rejectedForMs = 60_000;
/** For which storing is tried, and refreshes are waited for at the end. Milliseconds. */
const keepMs = 300_000;
const closeMs = 10_000;
/** Between two looks at another replica's refresh, and after failures in the background. Milliseconds. */
const look = { firstMs: 25, mostMs: 400 };
const background = { firstMs: 1_000, mostMs: 60_000 };
/** How often a refresh may end with another one's set being there, which is no better. */
const maxLost = 5;

/** Undoes a transaction: another set is there than the one that was to be replaced. */
const outdated = new Error("another set of tokens is there by now");

export function createTokens(options: TokensOptions): Tokens {
  const { store, vault, observe, leaseMs = 10_000, obtainMs = 20_000, random = Math.random } = options;
  const rows = createTokenRows(store);
  const parts: RefreshParts = { rows, vault, observe, leaseMs, obtainMs, keepMs, random };
  const running = new Set<Promise<unknown>>();
  const track = (flight: Promise<Kept>) => {
    running.add(flight);
    void flight.catch(() => {}).finally(() => running.delete(flight));
    return flight;
  };

  return {
    of: (owner) => storeOf(parts, owner, track),
    async granted(owner, set, first) {
      const { expireTime, ...stored } = set;
      for (let tries = 0; tries < maxLost; tries++) {
        const row = await rows.read(owner);
        if (row !== undefined && row.credentialVersion > owner.credentialVersion) throw superseded();
        const version = row?.version ?? 0;
        const sealed = await sealTokens(vault, { ...owner, version: version + 1 }, stored);
        const storing = store.withOrganization(owner.organizationId, async (em) => {
          await first(em);
          const isStored = await rows.grant(em, owner, version, { sealed, expiresInMs: msUntil(expireTime) });
          if (!isStored) throw outdated;
        });
        const isStored = await storing.then(
          () => true,
          (cause) => {
            if (cause === outdated) return false;
            throw cause;
          },
        );
        if (isStored) return;
      }
      throw contended();
    },
    health: rows.health,
    async close() {
      const limit = delay(closeMs, undefined, { ref: false });
      await Promise.race([Promise.allSettled(running), limit]);
    },
  };
}

function storeOf(parts: RefreshParts, owner: TokenOwner, track: (flight: Promise<Kept>) => Promise<Kept>): TokenStore {
  let kept: Kept | undefined;
  /** Sets up to this version are refused by the source. */
  let refused = 0;
  let flight: Promise<Kept> | undefined;
  /** Refreshes in the background that have failed since the last one that did not, and until when none is begun. */
  let behind = { failures: 0, until: 0 };

  const isGood = ({ tokens, goodUntil }: Kept) => tokens.version > refused && performance.now() < goodUntil;

  function fly(obtain: ObtainTokens, above: number, traceparent: string | undefined): Promise<Kept> {
    flight ??= track(
      newer(parts, owner, { obtain, above, traceparent })
        .then((found) => {
          kept = found;
          behind = { failures: 0, until: 0 };
          return found;
        })
        .finally(() => {
          flight = undefined;
        }),
    );
    return flight;
  }

  function ahead(obtain: ObtainTokens, { tokens }: Kept, traceparent: string | undefined): void {
    if (flight !== undefined || performance.now() < behind.until) return;
    fly(obtain, tokens.version, traceparent).catch(() => {
      const failures = behind.failures + 1;
      const waitMs = Math.min(background.firstMs * 2 ** failures, background.mostMs);
      behind = { failures, until: performance.now() + waitMs * (0.5 + parts.random() / 2) };
    });
  }

  return {
    async get(obtain, signal, traceparent) {
      signal.throwIfAborted();
      if (kept !== undefined && isGood(kept)) {
        if (performance.now() >= kept.soonFrom) ahead(obtain, kept, traceparent);
        return kept.tokens;
      }
      return (await orAborted(fly(obtain, refused, traceparent), signal)).tokens;
    },
    refused({ version }) {
      if (kept !== undefined && kept.tokens.version === version) {
        if (performance.now() - kept.since < newMs) return false;
        refused = Math.max(refused, version);
      }
      return true;
    },
  };
}

interface Flight {
  readonly obtain: ObtainTokens;
  readonly above: number;
  readonly traceparent: string | undefined;
}

/** A set that will do, of a version above that one: another replica's, or what `obtain` gives. */
async function newer(parts: RefreshParts, owner: TokenOwner, { obtain, above, traceparent }: Flight): Promise<Kept> {
  const { rows, leaseMs } = parts;
  let lost = 0;
  for (let waitMs = look.firstMs; lost < maxLost; ) {
    const row = await rows.read(owner);
    if (row !== undefined && row.credentialVersion > owner.credentialVersion) throw superseded();
    const wanting: Wanting = { above, goodForMs: marginOf(lifeOf(row)), rejectedForMs };
    if (row !== undefined && willDo(row, wanting)) return openSet(parts, owner, row);
    if (row?.leased !== true) {
      if (row !== undefined && wasRejected(row)) throw rejected();
      const holder = randomUUID();
      const claimed = await rows.claim(owner, holder, leaseMs, wanting);
      if (claimed !== undefined) {
        const found = await refresh(parts, { owner, holder, row: claimed, traceparent }, obtain);
        if (found !== undefined) return found;
        lost++;
      }
    }
    await delay(waitMs * (0.5 + parts.random() / 2));
    waitMs = Math.min(waitMs * 1.6, look.mostMs);
  }
  throw contended();
}

function lifeOf(row: TokenRow | undefined): number {
  return (row?.expiresInMs ?? 0) + (row?.ageMs ?? 0);
}

function willDo(row: TokenRow, { above, goodForMs }: Wanting): row is TokenRow & { readonly sealed: Uint8Array } {
  if (row.sealed === null || row.version <= above) return false;
  return row.expiresInMs === null || row.expiresInMs > goodForMs;
}

function wasRejected({ reason, failedAgoMs }: TokenRow): boolean {
  return reason === "credential_rejected" && failedAgoMs !== null && failedAgoMs < rejectedForMs;
}

/** As it was refused before: nobody asks for it again at once. */
function rejected(): Failure {
  return new Failure(
    "credential_rejected",
    "The connector gets no tokens: nobody has granted it any, or its grant or credential was rejected.",
    { where: "credential", remedy: "Authorize the connector (again), or give it another credential.", final: true },
  );
}

function superseded(): Failure {
  return new Failure("credential_rejected", "The connector was given another credential while the call ran.", {
    where: "credential",
    remedy: "Call again.",
    final: true,
  });
}

function contended(): Failure {
  return new Failure("upstream_unavailable", "The connector's tokens are refreshed again and again by others.", {
    where: "credential",
    remedy: "Try again in a while.",
  });
}
