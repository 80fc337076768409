/** Authorizations in a browser, and what the audit log has of their ends. */
import type { KeyObject } from "node:crypto";
import type { Audit } from "../audit/audit.ts";
import type { AuditEvent } from "../audit/event.ts";
import { deriveKey } from "../auth/signing-key.ts";
import type { Config } from "../config.ts";
import type { Egress } from "../egress/egress.ts";
import {
  type AuthorizationEnded,
  type Authorizations,
  createAuthorizations,
} from "../execution/authorization/authorizations.ts";
import type { Execution } from "../execution/execution.ts";
import type { Tokens } from "../execution/tokens/tokens.ts";
import type { Catalogue } from "../providers/catalogue.ts";
import type { Registry } from "../registry/registry.ts";
import type { Store } from "../store/store.ts";
import type { Vault } from "../vault/vault.ts";

interface Foundations {
  readonly config: Pick<Config, "authorization">;
  readonly store: Store;
  readonly vault: Vault;
  readonly catalogue: Catalogue;
  readonly egress: Egress;
  readonly signingKey: KeyObject;
  readonly audit: Audit;
  readonly registry: Registry;
  readonly execution: Execution;
  readonly tokens: Tokens;
}

export function openAuthorizations(foundations: Foundations): Authorizations {
  const { config, egress, signingKey, audit, registry, execution } = foundations;
  return createAuthorizations({
    ...foundations,
    ...config.authorization,
    ...{ dialFor: egress.dialFor, trust: egress.trust, connectorOf: registry.get },
    key: deriveKey(signingKey, "connector/1 authorization"),
    granted: (em, ended) => audit.recordIn(em, endOf(ended)),
    failed: (ended, reason) => audit.record(endOf(ended), { outcome: "failed", reason }).catch(() => {}),
    forget(organizationId, connectorId) {
      registry.changed(organizationId, connectorId);
      execution.forget(organizationId, connectorId);
    },
  });
}

/** Who began it has done it, as far as anybody can know. */
function endOf({ organizationId, connectorId, principal, authentication, provider }: AuthorizationEnded): AuditEvent {
  const actor = { principal, authentication };
  return { event: "authorization.complete", organizationId, actor, connectorId, details: { provider } };
}
