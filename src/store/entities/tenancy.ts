/**
 * How a table is closed to other organizations.
 *
 * The policies are for roles that own nothing and bypass nothing, and bind the owner, too,
 * who has none of them and so sees no row: `store.ts` reads and writes as the application's
 * role, whoever the database's user is, and names the organization in the transaction.
 */
import type { PolicyDef } from "@mikro-orm/core";

/** Owns every table, sequence and function of the service; only migrations run as it. */
export const ownerRole = "connector_owner";
/** Reads and writes the rows of one organization at a time. */
export const applicationRole = "connector_application";
/** Reads what happened, in all organizations, and writes nothing. */
export const auditRole = "connector_audit";
/** Wraps what is sealed anew, in all organizations, and does nothing else. */
export const keysRole = "connector_keys";

/** Settings of the transaction that the policies look at. */
export const organizationSetting = "app.organization_id";
export const apiKeySetting = "app.api_key_id";

// After a transaction that set it, a setting is '' for its connection, not NULL.
const ownRows = `organization_id = NULLIF(current_setting('${organizationSetting}', true), '')`;

/** Rows are seen and written by their own organization, and by nobody when none is named. */
export const organizationPolicy = {
  name: "organization_isolation",
  roles: [applicationRole],
  using: ownRows,
  check: ownRows,
} as const satisfies Readonly<PolicyDef>;

/** For tables that tell what happened. */
export const auditPolicy = {
  name: "audit_read",
  command: "select",
  roles: [auditRole],
  using: "true",
} as const satisfies Readonly<PolicyDef>;

/** For what is sealed in a column, which is wrapped anew when the encryption keys change; a row without it is not seen. */
export function keysPolicies(column: string): PolicyDef[] {
  const sealedRows = `${column} IS NOT NULL`;
  return [
    { name: "keys_read", command: "select", roles: [keysRole], using: sealedRows },
    { name: "keys_rewrap", command: "update", roles: [keysRole], using: sealedRows, check: sealedRows },
  ];
}
