/**
 * How a table is closed to other organizations.
 *
 * The policies bind whoever asks, the owner and a superuser too: `store.ts` reads and
 * writes as the application's role, and names the organization in the transaction.
 */
import type { PolicyDef } from "@mikro-orm/core";

/** The role that reads and writes; it owns nothing and can't log in. */
export const applicationRole = "connector_application";

/** Settings of the transaction that the policies look at. */
export const organizationSetting = "app.organization_id";
export const apiKeySetting = "app.api_key_id";

// After a transaction that set it, a setting is '' for its connection, not NULL.
const ownRows = `organization_id = NULLIF(current_setting('${organizationSetting}', true), '')`;

/** Rows are seen and written by their own organization, and by nobody when none is named. */
export const organizationPolicy = {
  name: "organization_isolation",
  using: ownRows,
  check: ownRows,
} as const satisfies PolicyDef;
