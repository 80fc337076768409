/**
 * Credentials as they are sealed, of all organizations: for whoever looks after the
 * encryption keys. They are read and written by a role of their own, which sees what a
 * credential is bound to and can change nothing but the sealed bytes.
 */
import type { EntityManager } from "@mikro-orm/postgresql";

/** A sealed credential and what it is bound to. */
export interface SealedCredential {
  readonly organizationId: string;
  readonly connectorId: string;
  readonly provider: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** Counts the credentials that the connector has had; 1 is the first. */
  readonly version: number;
  readonly sealed: Uint8Array;
}

/** The same credential, wrapped anew. */
export interface Rewrapped {
  readonly before: SealedCredential;
  readonly sealed: Uint8Array;
}

export interface SealedCredentials {
  /** How many credentials each key wraps, by the key's id. Reads the index of all of them. */
  counts(): Promise<ReadonlyMap<string, number>>;
  /** The ids of the keys that wrap any, found in as many steps as there are ids. */
  keyIds(): Promise<readonly string[]>;
  /** Credentials under other keys than this one, in the order of organization and connector, behind the one given. */
  notUnder(keyId: string, after: SealedCredential | undefined, limit: number): Promise<readonly SealedCredential[]>;
  /**
   * Stores those that are still what they were: one that was changed or deleted meanwhile
   * stays as it is. Neither version nor update time of a connector changes.
   * @returns how many were stored
   */
  replace(rewrapped: readonly Rewrapped[]): Promise<number>;
}

/** Runs its work in one transaction of the role that may. */
type Transact = <Result>(work: (em: EntityManager) => Promise<Result>) => Promise<Result>;

export function sealedCredentials(transact: Transact): SealedCredentials {
  return {
    counts: () =>
      transact(async (em) => {
        const rows = await em.execute<{ id: string; count: string }[]>(countStatement);
        return new Map(rows.map(({ id, count }) => [id, Number(count)]));
      }),
    keyIds: () => transact(async (em) => (await em.execute<{ id: string }[]>(keyIdsStatement)).map(({ id }) => id)),
    notUnder: (keyId, after, limit) =>
      transact(async (em) => {
        const from = [after?.organizationId ?? "", after?.connectorId ?? firstId];
        return em.execute<SealedCredential[]>(notUnderStatement, [keyId, ...from, limit]);
      }),
    replace: (rewrapped) =>
      transact(async (em) => {
        const rows = rewrapped.map(({ before, sealed }) => ({
          ...{ organization_id: before.organizationId, id: before.connectorId },
          ...{ before: hex(before.sealed), sealed: hex(sealed) },
        }));
        return (await em.execute<unknown[]>(replaceStatement, [JSON.stringify(rows)])).length;
      }),
  };
}

/** Before every other. */
const firstId = "00000000-0000-0000-0000-000000000000";

const countStatement = `
  SELECT credential_key_id AS id, count(*) AS count FROM connector
  WHERE credential_key_id IS NOT NULL GROUP BY credential_key_id`;

/** Leaps in the index from each id to the next one, however many credentials lie between. */
const keyIdsStatement = `
  WITH RECURSIVE found (id) AS (
    (SELECT credential_key_id FROM connector ORDER BY credential_key_id LIMIT 1)
    UNION ALL
    SELECT (SELECT credential_key_id FROM connector WHERE credential_key_id > found.id
            ORDER BY credential_key_id LIMIT 1)
    FROM found WHERE found.id IS NOT NULL
  )
  SELECT id FROM found WHERE id IS NOT NULL`;

const notUnderStatement = `
  SELECT organization_id AS "organizationId", id AS "connectorId", provider, config,
    credential_version AS version, sealed_credential AS sealed
  FROM connector
  WHERE credential_key_id <> ? AND (organization_id, id) > (?, ?::uuid)
  ORDER BY organization_id, id LIMIT ?`;

const replaceStatement = `
  UPDATE connector SET sealed_credential = decode(given.sealed, 'hex')
  FROM json_to_recordset(?::json) AS given (organization_id text, id uuid, before text, sealed text)
  WHERE connector.organization_id = given.organization_id AND connector.id = given.id
    AND connector.sealed_credential = decode(given.before, 'hex')
  RETURNING connector.id`;

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
