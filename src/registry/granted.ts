/** What was got with a connector's credential, which is of no use with another one. */
import type { EntityManager } from "@mikro-orm/postgresql";

/** @param em A transaction of the organization: tokens, and authorizations that are under way, go with what it changes */
export async function forgetGranted(em: EntityManager, organizationId: string, connectorId: string): Promise<void> {
  for (const table of ["connector_token", "connector_authorization"]) {
    await em.execute(`DELETE FROM ${table} WHERE organization_id = ? AND connector_id = ?`, [
      ...[organizationId, connectorId],
    ]);
  }
}
