/** The audit log, and what is told to it from where no caller is known. */
import type { KeyObject } from "node:crypto";
import { type Audit, createAudit } from "../audit/audit.ts";
import { service } from "../audit/event.ts";
import type { Config } from "../config.ts";
import type { Log } from "../observability/log.ts";
import type { Observe } from "../observability/observation.ts";
import type { Store } from "../store/store.ts";
import type { EncryptionContext } from "../vault/context.ts";
import { tokensField } from "../vault/tokens.ts";
import type { Vault } from "../vault/vault.ts";
import { auditKey } from "./audit-key.ts";
import { observedAudit } from "./observed.ts";

interface Foundations {
  readonly config: Pick<Config, "audit">;
  readonly log: Log;
  readonly store: Store;
  readonly signingKey: KeyObject;
  readonly observe: Observe;
}

/** What goes on in the background fails again and again while the store is away: it is said once in so many milliseconds. */
const quietMs = 60_000;

/** @param starting Gets what must end before the store does: what was told is written, linked and signed. */
export function openAudit(foundations: Foundations, starting: AsyncDisposableStack): Audit {
  const { config, log, store, signingKey, observe } = foundations;
  const { retentionMonths: keepMonths, checkpointFile } = config.audit;
  let saidMs = Number.NEGATIVE_INFINITY;
  const onProblem = (err: unknown) => {
    if (performance.now() - saidMs < quietMs) return;
    saidMs = performance.now();
    log.warn({ err }, "the audit log can't be looked after: its chain and its outcomes wait");
  };
  const key = auditKey(config, signingKey);
  const audit = createAudit({ store, key, keepMonths, checkpointFile, onProblem });
  starting.defer(() => audit.close());
  return observedAudit(audit, observe);
}

/** The same vault, which gives no credential away unless that is written down. */
export function auditOpenings(vault: Vault, audit: Pick<Audit, "record">): Vault {
  return {
    ...vault,
    async open(sealed, context) {
      const opening = openingOf(context);
      if (opening === undefined) return vault.open(sealed, context);
      const { organizationId, connectorId } = context;
      const details = { ...opening, key: vault.keyIdOf(sealed) };
      const event = { event: "credential.open", organizationId, actor: service, connectorId, details } as const;
      const opened = await vault.open(sealed, context).catch(async (cause: unknown) => {
        await audit.record(event, { outcome: "failed", reason: "internal" }).catch(() => {});
        throw cause;
      });
      try {
        await audit.record(event, { outcome: "succeeded" });
      } catch (cause) {
        opened.fill(0);
        throw cause;
      }
      return opened;
    },
  };
}

/** What it seals besides are answers, and no credentials. */
function openingOf({ field, secretVersion, endpoint }: EncryptionContext) {
  if (field === "credential") return { version: secretVersion };
  return field === tokensField ? { version: Number(endpoint.credential_version), tokens: secretVersion } : undefined;
}
