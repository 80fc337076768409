/**
 * What a connector is known by wherever something is kept of it: never without its
 * organization. An id holds no slash, so that no two connectors share a key.
 */
export function keyOf(organizationId: string, connectorId: string): string {
  return `${organizationId}/${connectorId}`;
}
