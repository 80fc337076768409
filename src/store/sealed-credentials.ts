/**
 * Credentials, and the tokens that were got with them, as they are sealed, of all
 * organizations: for whoever looks after the encryption keys. They are read and written by a
 * role of their own, which sees what each is bound to and can change nothing but the sealed
 * bytes.
 */
import type { EntityManager } from "@mikro-orm/postgresql";

interface Sealed {
  readonly organizationId: string;
  readonly connectorId: string;
  readonly provider: string;
  readonly sealed: Uint8Array;
}

/** A sealed credential and what it is bound to. */
export interface SealedCredential extends Sealed {
  readonly kind: "credential";
  readonly config: Readonly<Record<string, unknown>>;
  /** Counts the credentials that the connector has had; 1 is the first. */
  readonly version: number;
}

/** A sealed set of tokens and what it is bound to. */
export interface SealedTokens extends Sealed {
  readonly kind: "tokens";
  readonly endpoint: Readonly<Record<string, string | number | boolean>>;
  /** Of the credential that they were got with. */
  readonly credentialVersion: number;
  /** Counts the sets that were got with it; 1 is the first. */
  readonly version: number;
}

export type SealedSecret = SealedCredential | SealedTokens;

/** The same secret, wrapped anew. */
export interface Rewrapped {
  readonly before: SealedSecret;
  readonly sealed: Uint8Array;
}

export interface SealedCredentials {
  /** How many secrets each key wraps, by the key's id. Reads the indexes of all of them. */
  counts(): Promise<ReadonlyMap<string, number>>;
  /** The ids of the keys that wrap any, found in as many steps as there are ids. */
  keyIds(): Promise<readonly string[]>;
  /**
   * Secrets under other keys than this one, behind the one given: credentials, then tokens,
   * both in the order of organization and connector. None when there are no more.
   */
  notUnder(keyId: string, after: SealedSecret | undefined, limit: number): Promise<readonly SealedSecret[]>;
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
  const rowsOf = (em: EntityManager, { notUnder }: Table, keyId: string, after: Sealed | undefined, limit: number) =>
    em.execute<SealedSecret[]>(notUnder, [
      ...[keyId, after?.organizationId ?? "", after?.connectorId ?? firstId],
      limit,
    ]);
  return {
    counts: () =>
      transact(async (em) => {
        const rows = await em.execute<{ id: string; count: string }[]>(countStatement);
        return new Map(rows.map(({ id, count }) => [id, Number(count)]));
      }),
    keyIds: () =>
      transact(async (em) => {
        const found: { id: string }[] = [];
        for (const { keyIds } of Object.values(tables)) found.push(...(await em.execute<{ id: string }[]>(keyIds)));
        return [...new Set(found.map(({ id }) => id))];
      }),
    notUnder: (keyId, after, limit) =>
      transact(async (em) => {
        if (after?.kind === "tokens") return rowsOf(em, tables.tokens, keyId, after, limit);
        const credentials = await rowsOf(em, tables.credential, keyId, after, limit);
        return credentials.length > 0 ? credentials : rowsOf(em, tables.tokens, keyId, undefined, limit);
      }),
    replace: (rewrapped) =>
      transact(async (em) => {
        let stored = 0;
        for (const [kind, { replace }] of Object.entries(tables)) {
          const rows = rewrapped.filter(({ before }) => before.kind === kind).map(rowOf);
          if (rows.length > 0) stored += (await em.execute<unknown[]>(replace, [JSON.stringify(rows)])).length;
        }
        return stored;
      }),
  };
}

function rowOf({ before, sealed }: Rewrapped) {
  const { organizationId: organization_id, connectorId: id } = before;
  return { organization_id, id, before: hex(before.sealed), sealed: hex(sealed) };
}

/** Before every other. */
const firstId = "00000000-0000-0000-0000-000000000000";

interface Table {
  readonly keyIds: string;
  readonly notUnder: string;
  readonly replace: string;
}

const tables: Readonly<Record<SealedSecret["kind"], Table>> = {
  credential: {
    keyIds: keyIdsStatement("connector", "credential_key_id"),
    notUnder: `
      SELECT 'credential' AS kind, organization_id AS "organizationId", id AS "connectorId", provider, config,
        credential_version AS version, sealed_credential AS sealed
      FROM connector
      WHERE credential_key_id <> ? AND (organization_id, id) > (?, ?::uuid)
      ORDER BY organization_id, id LIMIT ?`,
    replace: replaceStatement("connector", "id", "sealed_credential"),
  },
  tokens: {
    keyIds: keyIdsStatement("connector_token", "token_key_id"),
    notUnder: `
      SELECT 'tokens' AS kind, organization_id AS "organizationId", connector_id AS "connectorId", provider, endpoint,
        credential_version AS "credentialVersion", version, sealed_tokens AS sealed
      FROM connector_token
      WHERE token_key_id <> ? AND (organization_id, connector_id) > (?, ?::uuid)
      ORDER BY organization_id, connector_id LIMIT ?`,
    replace: replaceStatement("connector_token", "connector_id", "sealed_tokens"),
  },
};

const countStatement = `
  SELECT id, sum(count) AS count FROM (
    SELECT credential_key_id AS id, count(*) AS count FROM connector
    WHERE credential_key_id IS NOT NULL GROUP BY credential_key_id
    UNION ALL
    SELECT token_key_id, count(*) FROM connector_token WHERE token_key_id IS NOT NULL GROUP BY token_key_id
  ) AS counted GROUP BY id`;

/** Leaps in the index from each id to the next one, however many secrets lie between. */
function keyIdsStatement(table: string, keyId: string): string {
  return `
    WITH RECURSIVE found (id) AS (
      (SELECT ${keyId} FROM ${table} ORDER BY ${keyId} LIMIT 1)
      UNION ALL
      SELECT (SELECT ${keyId} FROM ${table} WHERE ${keyId} > found.id ORDER BY ${keyId} LIMIT 1)
      FROM found WHERE found.id IS NOT NULL
    )
    SELECT id FROM found WHERE id IS NOT NULL`;
}

function replaceStatement(table: string, id: string, sealed: string): string {
  return `
    UPDATE ${table} SET ${sealed} = decode(given.sealed, 'hex')
    FROM json_to_recordset(?::json) AS given (organization_id text, id uuid, before text, sealed text)
    WHERE ${table}.organization_id = given.organization_id AND ${table}.${id} = given.id
      AND ${table}.${sealed} = decode(given.before, 'hex')
    RETURNING ${table}.${id}`;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
