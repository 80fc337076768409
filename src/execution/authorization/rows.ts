/** Authorizations that are under way: each can be come back from once, and not for long. */
import type { EntityManager } from "@mikro-orm/postgresql";
import { Failure } from "../../failure.ts";
import type { Store } from "../../store/store.ts";
import { type AuthorizationState, stateHash } from "./state.ts";

export interface StoredAuthorization {
  readonly connectorId: string;
  /** The credential that the connector had when it was begun. */
  readonly credentialVersion: number;
  readonly principal: string;
  readonly returnUri: string;
}

/** How long a user may take. Milliseconds. */
const validMs = 10 * 60_000;
/** Under way at once for one connector. */
const most = 100;

/** Forgotten at once at most: more than are begun, so that none pile up. */
const forgottenAtOnce = 10;

/** Some that nobody else is about to forget. */
const forgetting = `
  DELETE FROM connector_authorization WHERE organization_id = ? AND state_hash IN (
    SELECT state_hash FROM connector_authorization
    WHERE organization_id = ? AND connector_id = ? AND expire_time < clock_timestamp()
    LIMIT ${forgottenAtOnce} FOR UPDATE SKIP LOCKED)`;

const counting = `
  SELECT count(*)::int AS count FROM connector_authorization
  WHERE organization_id = ? AND connector_id = ? AND expire_time >= clock_timestamp()`;

const inserting = `
  INSERT INTO connector_authorization (organization_id, state_hash, connector_id, credential_version, principal,
    return_uri, create_time, expire_time)
  VALUES (?, ?, ?, ?, ?, ?, clock_timestamp(), clock_timestamp() + ? * interval '1 millisecond')
  RETURNING extract(epoch FROM expire_time)::float8 * 1000 AS "expireMs"`;

const taking = `
  DELETE FROM connector_authorization WHERE organization_id = ? AND state_hash = ?
  RETURNING connector_id AS "connectorId", credential_version AS "credentialVersion", principal,
    return_uri AS "returnUri", expire_time < clock_timestamp() AS expired`;

/**
 * @param em A transaction of the organization
 * @returns Until when it is good
 * @throws Failure `rate_limited` when too many are under way
 */
export async function insertAuthorization(
  em: EntityManager,
  state: AuthorizationState,
  { connectorId, credentialVersion, principal, returnUri }: StoredAuthorization,
): Promise<Date> {
  const { organizationId } = state;
  // First what waits for a change of the connector, which would wait for rows that are forgotten.
  const row = [organizationId, stateHash(state), connectorId, credentialVersion, principal, returnUri, validMs];
  const [{ expireMs }] = await em.execute<[{ expireMs: number }]>(inserting, row);
  const [{ count }] = await em.execute<[{ count: number }]>(counting, [organizationId, connectorId]);
  if (count > most) throw tooMany();
  await em.execute(forgetting, [organizationId, organizationId, connectorId]);
  return new Date(expireMs);
}

/** Takes it away, so that nobody comes back with the same state again. Undefined when it is not there, or no more. */
export async function takeAuthorization(
  store: Pick<Store, "withOrganization">,
  state: AuthorizationState,
): Promise<(StoredAuthorization & { readonly expired: boolean }) | undefined> {
  const { organizationId } = state;
  const [taken] = await store.withOrganization(organizationId, (em) =>
    em.execute<(StoredAuthorization & { expired: boolean })[]>(taking, [organizationId, stateHash(state)]),
  );
  return taken;
}

const changing = `
  UPDATE connector SET version = version + 1, update_time = clock_timestamp(), credential_update_time = clock_timestamp()
  WHERE organization_id = ? AND id = ? AND credential_version = ? RETURNING version`;

/**
 * What is granted changes the connector as another credential does, and every replica hears of it.
 *
 * @param em A transaction of the organization
 * @throws Failure `conflict` when the connector has another credential by now, or is gone
 */
export async function changeConnector(
  em: EntityManager,
  { organizationId, connectorId }: Pick<AuthorizationState, "organizationId" | "connectorId">,
  credentialVersion: number,
): Promise<void> {
  const changed = await em.execute<unknown[]>(changing, [organizationId, connectorId, credentialVersion]);
  if (changed.length === 0) throw anotherCredential();
}

export function anotherCredential(): Failure {
  return new Failure("conflict", "The connector has another credential since the authorization began.", {
    where: "connector",
    remedy: "Begin again.",
  });
}

function tooMany(): Failure {
  return new Failure("rate_limited", `${most} authorizations of the connector are under way already.`, {
    where: "connector",
    remedy: "Have one of them completed, or wait until they have expired.",
    retryAfterMs: validMs,
  });
}
