/** Events to tell the audit log of, and what a test needs to look at what became of them. */
import { createSecretKey, type KeyObject } from "node:crypto";
import { type Audit, type AuditOptions, createAudit } from "../../src/audit/audit.ts";
import type { Checkpoint } from "../../src/audit/checkpoint.ts";
import type { Actor, AuditEvent } from "../../src/audit/event.ts";
import { auditKeys } from "../../src/audit/keys.ts";
import { type ChainVerified, verifyChain } from "../../src/audit/verification.ts";
import type { Store } from "../../src/store/store.ts";

export const auditKey: KeyObject = createSecretKey(Buffer.from(`${"6a".repeat(31)}03`, "hex"));
export const connectorId = "0195a3f0-0000-7000-8000-00000000c0de";

export const actor: Actor = {
  ...{ principal: "nightly report", authentication: "api_key", agent: "mira" },
  ...{ requestId: "3f9f2d1c-9d3b-4d0a-8f0a-0b6a1c6a2f11", clientAddress: "203.0.113.7" },
};

/** An action on a customer's data. */
export function action(resource = "public.orders", organizationId = "acme"): AuditEvent {
  return {
    ...{ organizationId, actor, connectorId, resource },
    event: "action.update",
    details: { request_hash: "ab".repeat(32), dry_run: false },
  };
}

/** Nothing is done in the background but what a test waits for: it tends the log itself. */
export function auditOf(store: Store, options: Partial<AuditOptions> = {}): Audit {
  return createAudit({ store, key: auditKey, onProblem: (cause) => Promise.reject(cause), ...options });
}

export function verified(store: Store, organizationId = "acme", kept: readonly Checkpoint[] = []) {
  const keys = auditKeys(auditKey);
  const publicKeys = new Map([[keys.id, keys.public]]);
  return verifyChain(organizationId, { store: store.audit, publicKeys, kept, onProgress: () => {} });
}

/** What is wrong with the chain: the place and the sentence. */
export async function breakOf(store: Store, kept: readonly Checkpoint[] = []): Promise<ChainVerified["broken"]> {
  return (await verified(store, "acme", kept)).broken;
}
