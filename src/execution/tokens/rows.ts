/**
 * What the store has of connectors' tokens: the sealed set, which its version counts, and the
 * lease of whoever refreshes it. All times are told by the database's clock, which is one for
 * all replicas, and given as milliseconds from now.
 *
 * The version is the fence: a set is stored behind the one that it was made from or not at
 * all, whoever has the lease by then. So of two who refreshed the same set, since the first
 * was taken for dead, the one whose answer was there first has stored the set that counts.
 */
import { ForeignKeyConstraintViolationException } from "@mikro-orm/core";
import type { EntityManager } from "@mikro-orm/postgresql";
import { Failure, type FailureKind } from "../../failure.ts";
import type { Store } from "../../store/store.ts";

/** Whose tokens. */
export interface TokenOwner {
  readonly organizationId: string;
  readonly connectorId: string;
  readonly credentialVersion: number;
  readonly provider: string;
  readonly endpoint: Readonly<Record<string, string | number | boolean>>;
}

export interface TokenRow {
  readonly credentialVersion: number;
  /** Counts the sets that were got with the credential; 0 when there is none. */
  readonly version: number;
  readonly sealed: Uint8Array | null;
  /** Milliseconds until the set expires; null when that is not known. */
  readonly expiresInMs: number | null;
  /** Milliseconds since it was got; null when there is none. */
  readonly ageMs: number | null;
  /** Why the last refresh failed; empty when it did not. */
  readonly reason: FailureKind | "";
  /** Milliseconds since then. */
  readonly failedAgoMs: number | null;
  /** Somebody has the lease, the one who asks perhaps. */
  readonly leased: boolean;
}

/** What is told of a connector's tokens. */
export interface RefreshHealth {
  readonly state: "ok" | "refreshing" | "failing" | "revoked";
  readonly expireTime: Date | undefined;
  /** When the set was got; undefined when there is none. */
  readonly refreshTime: Date | undefined;
  /** Failed refreshes since then. */
  readonly failures: number;
  readonly reason: FailureKind | undefined;
}

/** For whom a set will do. */
export interface Wanting {
  /** Sets up to this version are no good, whatever their time. */
  readonly above: number;
  /** Milliseconds that it must be good for. */
  readonly goodForMs: number;
  /** Milliseconds in which a grant that was rejected is not asked for again. */
  readonly rejectedForMs: number;
}

export interface TokenRows {
  read(owner: TokenOwner): Promise<TokenRow | undefined>;
  /**
   * Takes the lease, if nobody has it and there is no set that will do. Undefined: look again.
   *
   * @throws Failure `not_found` when there is no such connector any more
   */
  claim(owner: TokenOwner, holder: string, leaseMs: number, wanting: Wanting): Promise<TokenRow | undefined>;
  renew(owner: TokenOwner, holder: string, leaseMs: number): Promise<void>;
  /** Stores the set behind that of the version, and ends the holder's lease; false when another set is there by now. */
  keep(owner: TokenOwner, holder: string, version: number, set: SealedSet): Promise<boolean>;
  /**
   * Stores a set that was not refreshed but granted, whoever refreshes the one before: behind
   * that of the version, 0 for none; false when another set is there by now.
   *
   * @param em A transaction of the organization
   * @throws Failure `not_found` when there is no such connector any more
   */
  grant(em: EntityManager, owner: TokenOwner, version: number, set: SealedSet): Promise<boolean>;
  /** Notes why the refresh failed, and ends the lease; false when the lease or the set is another one's by now. */
  failed(owner: TokenOwner, holder: string, version: number, reason: FailureKind): Promise<boolean>;
  /** Ends the lease, if it is the holder's. */
  release(owner: TokenOwner, holder: string): Promise<void>;
  health(organizationId: string, connectorId: string): Promise<RefreshHealth | undefined>;
}

export interface SealedSet {
  readonly sealed: Uint8Array;
  /** Milliseconds until it expires; null when that is not known. */
  readonly expiresInMs: number | null;
}

const columns = `
  credential_version AS "credentialVersion", version, sealed_tokens AS sealed, reason,
  extract(epoch FROM expire_time - clock_timestamp())::float8 * 1000 AS "expiresInMs",
  extract(epoch FROM clock_timestamp() - refresh_time)::float8 * 1000 AS "ageMs",
  extract(epoch FROM clock_timestamp() - failure_time)::float8 * 1000 AS "failedAgoMs",
  coalesce(lease_time > clock_timestamp(), false) AS leased`;

const millisecondsFromNow = "clock_timestamp() + ? * interval '1 millisecond'";
const own = "organization_id = ? AND connector_id = ?";

const claiming = `
  INSERT INTO connector_token AS kept
    (organization_id, connector_id, credential_version, provider, endpoint, lease_holder, lease_time)
  VALUES (?, ?, ?, ?, ?::jsonb, ?, ${millisecondsFromNow})
  ON CONFLICT (organization_id, connector_id) DO UPDATE
    SET lease_holder = excluded.lease_holder, lease_time = excluded.lease_time
  WHERE kept.credential_version = excluded.credential_version
    AND (kept.lease_time IS NULL OR kept.lease_time < clock_timestamp())
    AND (kept.version <= ? OR kept.expire_time < ${millisecondsFromNow})
    AND (kept.reason <> 'credential_rejected' OR kept.failure_time < ${millisecondsFromNow})
  RETURNING ${columns}`;

const keeping = `
  UPDATE connector_token SET version = version + 1, sealed_tokens = ?, endpoint = ?::jsonb,
    expire_time = ${millisecondsFromNow}, refresh_time = clock_timestamp(),
    reason = '', failures = 0, failure_time = NULL,
    lease_holder = nullif(lease_holder, ?), lease_time = CASE WHEN lease_holder <> ? THEN lease_time END
  WHERE ${own} AND credential_version = ? AND version = ? RETURNING version`;

const granting = `
  INSERT INTO connector_token AS kept (organization_id, connector_id, credential_version, version, provider, endpoint,
    sealed_tokens, expire_time, refresh_time)
  VALUES (?, ?, ?, ?, ?, ?::jsonb, ?, ${millisecondsFromNow}, clock_timestamp())
  ON CONFLICT (organization_id, connector_id) DO UPDATE SET version = excluded.version, endpoint = excluded.endpoint,
    sealed_tokens = excluded.sealed_tokens, expire_time = excluded.expire_time, refresh_time = excluded.refresh_time,
    reason = '', failures = 0, failure_time = NULL, lease_holder = NULL, lease_time = NULL
  WHERE kept.credential_version = excluded.credential_version AND kept.version = ? RETURNING version`;

const failing = `
  UPDATE connector_token SET reason = ?, failures = failures + 1, failure_time = clock_timestamp(),
    lease_holder = NULL, lease_time = NULL
  WHERE ${own} AND credential_version = ? AND version = ? AND lease_holder = ? RETURNING version`;

const renewing = `UPDATE connector_token SET lease_time = ${millisecondsFromNow} WHERE ${own} AND lease_holder = ?`;
const releasing = `UPDATE connector_token SET lease_holder = NULL, lease_time = NULL WHERE ${own} AND lease_holder = ?`;

export function createTokenRows(store: Pick<Store, "withOrganization">): TokenRows {
  const execute = <Row>({ organizationId }: Pick<TokenOwner, "organizationId">, sql: string, values: unknown[]) =>
    store.withOrganization(organizationId, (em) => em.execute<Row[]>(sql, values));

  return {
    async read(owner) {
      const { organizationId, connectorId, credentialVersion } = owner;
      const sql = `SELECT ${columns} FROM connector_token WHERE ${own}`;
      const [row] = await execute<TokenRow>(owner, sql, [organizationId, connectorId]);
      if (row === undefined || row.credentialVersion >= credentialVersion) return row;
      // Got with a credential that the connector has no more.
      await store.withOrganization(organizationId, (em) => forget(em, owner));
      return undefined;
    },
    async claim(owner, holder, leaseMs, { above, goodForMs, rejectedForMs }) {
      const { organizationId, connectorId, credentialVersion, provider, endpoint } = owner;
      const values = [organizationId, connectorId, credentialVersion, provider, JSON.stringify(endpoint), holder];
      const claimed = execute<TokenRow>(owner, claiming, [...values, leaseMs, above, goodForMs, -rejectedForMs]);
      const [row] = await claimed.catch(refuseOrphan);
      return row;
    },
    async renew(owner, holder, leaseMs) {
      await execute(owner, renewing, [leaseMs, owner.organizationId, owner.connectorId, holder]);
    },
    async keep(owner, holder, version, { sealed, expiresInMs }) {
      const { organizationId, connectorId, credentialVersion, endpoint } = owner;
      const set = [Buffer.from(sealed), JSON.stringify(endpoint), expiresInMs, holder, holder];
      const kept = await execute(owner, keeping, [...set, organizationId, connectorId, credentialVersion, version]);
      return kept.length > 0;
    },
    async grant(em, owner, version, { sealed, expiresInMs }) {
      const { organizationId, connectorId, credentialVersion, provider, endpoint } = owner;
      const about = [organizationId, connectorId, credentialVersion, version + 1, provider, JSON.stringify(endpoint)];
      const values = [...about, Buffer.from(sealed), expiresInMs, version];
      return (await em.execute<unknown[]>(granting, values).catch(refuseOrphan)).length > 0;
    },
    async failed(owner, holder, version, reason) {
      const { organizationId, connectorId, credentialVersion } = owner;
      const noted = await execute(owner, failing, [
        ...[reason, organizationId, connectorId, credentialVersion, version, holder],
      ]);
      return noted.length > 0;
    },
    async release(owner, holder) {
      await execute(owner, releasing, [owner.organizationId, owner.connectorId, holder]);
    },
    async health(organizationId, connectorId) {
      const [row] = await execute<HealthRow>({ organizationId }, readingHealth, [organizationId, connectorId]);
      return row === undefined ? undefined : healthOf(row);
    },
  };
}

/** Only of a credential that came before. */
async function forget(em: EntityManager, owner: TokenOwner): Promise<void> {
  const { organizationId, connectorId, credentialVersion } = owner;
  await em.execute(`DELETE FROM connector_token WHERE ${own} AND credential_version < ?`, [
    ...[organizationId, connectorId, credentialVersion],
  ]);
}

function refuseOrphan(cause: unknown): never {
  if (!(cause instanceof ForeignKeyConstraintViolationException)) throw cause;
  throw new Failure("not_found", "There is no such connector.", { where: "connector", cause });
}

/** Its times are milliseconds since 1970. */
interface HealthRow {
  readonly expireMs: number | null;
  readonly refreshMs: number | null;
  readonly failures: number;
  readonly reason: FailureKind | "";
  readonly leased: boolean;
}

const readingHealth = `
  SELECT extract(epoch FROM expire_time)::float8 * 1000 AS "expireMs",
    extract(epoch FROM refresh_time)::float8 * 1000 AS "refreshMs", failures, reason,
    coalesce(lease_time > clock_timestamp(), false) AS leased
  FROM connector_token WHERE ${own}`;

function healthOf({ expireMs, refreshMs, failures, reason, leased }: HealthRow): RefreshHealth {
  const dateOf = (ms: number | null) => (ms === null ? undefined : new Date(ms));
  const times = { expireTime: dateOf(expireMs), refreshTime: dateOf(refreshMs) };
  const rested = reason === "" ? "ok" : reason === "credential_rejected" ? "revoked" : "failing";
  return { ...times, failures, state: leased ? "refreshing" : rested, reason: reason === "" ? undefined : reason };
}
