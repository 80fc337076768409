/**
 * Credentials, the tokens that were got with them, and the answers that are kept for idempotency
 * keys, as they are sealed, of all organizations: for whoever looks after the encryption keys.
 * They are read and written by a role of their own, which sees what each is bound to and can
 * change nothing but the sealed bytes.
 */
import type { EntityManager } from "@mikro-orm/postgresql";

interface Sealed {
  readonly organizationId: string;
  readonly connectorId: string;
  readonly sealed: Uint8Array;
}

/** A sealed credential and what it is bound to. */
export interface SealedCredential extends Sealed {
  readonly kind: "credential";
  readonly provider: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** Counts the credentials that the connector has had; 1 is the first. */
  readonly version: number;
}

/** A sealed set of tokens and what it is bound to. */
export interface SealedTokens extends Sealed {
  readonly kind: "tokens";
  readonly provider: string;
  readonly endpoint: Readonly<Record<string, string | number | boolean>>;
  /** Of the credential that they were got with. */
  readonly credentialVersion: number;
  /** Counts the sets that were got with it; 1 is the first. */
  readonly version: number;
}

/** The beginning of a sealed answer, which is its data key and the size of that; many may have the same one. */
export interface SealedAnswer extends Sealed {
  readonly kind: "answer";
  readonly method: string;
  /** The caller's idempotency key. */
  readonly key: string;
}

export type SealedSecret = SealedCredential | SealedTokens | SealedAnswer;

/** How much a key wraps. */
export interface KeyCounts {
  /** And sets of tokens. */
  readonly credentials: number;
  /** That are kept for idempotency keys, and may still be asked for. */
  readonly answers: number;
}

/** The same secret, wrapped anew. */
export interface Rewrapped {
  readonly before: SealedSecret;
  readonly sealed: Uint8Array;
}

export interface SealedCredentials {
  /** How much each key wraps, by the key's id. Reads the indexes of credentials and tokens, and every answer's head. */
  counts(): Promise<ReadonlyMap<string, KeyCounts>>;
  /** The ids of the keys that wrap credentials or tokens, found in as many steps as there are ids. */
  keyIds(): Promise<readonly string[]>;
  /**
   * Secrets under other keys than this one, behind the one given: credentials, then tokens,
   * both in the order of organization and connector, then answers, in that of their keys. None
   * when there are no more.
   */
  notUnder(keyId: string, after: SealedSecret | undefined, limit: number): Promise<readonly SealedSecret[]>;
  /**
   * Stores those that are still what they were: one that was changed or deleted meanwhile
   * stays as it is, and so does an answer that somebody holds. Neither version nor update time of a connector changes.
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
        await em.execute(patiently);
        const rows = await em.execute<{ id: string; credentials: string; answers: string }[]>(countStatement);
        return new Map(
          rows.map(({ id, credentials, answers }) => {
            return [id, { credentials: Number(credentials), answers: Number(answers) }];
          }),
        );
      }),
    keyIds: () =>
      transact(async (em) => {
        const found: { id: string }[] = [];
        for (const statement of keyIdStatements) found.push(...(await em.execute<{ id: string }[]>(statement)));
        return [...new Set(found.map(({ id }) => id))];
      }),
    notUnder: (keyId, after, limit) =>
      transact(async (em) => {
        await em.execute(patiently);
        for (const kind of kinds.slice(after === undefined ? 0 : kinds.indexOf(after.kind))) {
          const behind = placeIn(kind, after?.kind === kind ? after : undefined);
          const found = await em.execute<SealedSecret[]>(tables[kind].notUnder, [keyId, ...behind, limit]);
          if (found.length > 0) return found;
        }
        return [];
      }),
    replace: (rewrapped) =>
      transact(async (em) => {
        let stored = 0;
        for (const kind of kinds) {
          const rows = rewrapped.filter(({ before }) => before.kind === kind).map(rowOf);
          if (rows.length === 0) continue;
          stored += (await em.execute<unknown[]>(tables[kind].replace, [JSON.stringify(rows)])).length;
        }
        return stored;
      }),
  };
}

function rowOf({ before, sealed }: Rewrapped) {
  const { organizationId: organization_id, connectorId: id } = before;
  const answer = before.kind === "answer" ? { method: before.method, key: before.key } : {};
  return { organization_id, id, ...answer, before: hex(before.sealed), sealed: hex(sealed) };
}

/** What the table is in the order of; before every other when none is given. */
function placeIn(kind: SealedSecret["kind"], after: SealedSecret | undefined): string[] {
  if (after?.kind === "answer") return [after.organizationId, after.method, after.key];
  if (kind === "answer") return ["", "", ""];
  return [after?.organizationId ?? "", after?.connectorId ?? "00000000-0000-0000-0000-000000000000"];
}

/** Answers have no index by their keys' ids: in a large table a statement takes more than the service may wait. */
const patiently = "SET LOCAL statement_timeout = '10min'";
/** A data key, and its size in two bytes, with which a sealed answer begins. */
const answerHead = `substring(sealed_answer FROM 1 FOR 2
  + 256 * get_byte(substring(sealed_answer FROM 1 FOR 2), 0) + get_byte(substring(sealed_answer FROM 1 FOR 2), 1))`;
/** Of all of it only this much is read. */
const answerKeyId = `encode(
  substring(sealed_answer FROM 5 FOR get_byte(substring(sealed_answer FROM 1 FOR 4), 3)), 'escape') COLLATE "C"`;
/** Older ones are only waiting to be deleted. They are for a day; an hour more, for clocks that differ. */
const stillAskedFor = "sealed_answer IS NOT NULL AND create_time > now() - interval '25 hours'";

interface Table {
  readonly notUnder: string;
  readonly replace: string;
}

const tables: Readonly<Record<SealedSecret["kind"], Table>> = {
  credential: {
    notUnder: `
      SELECT 'credential' AS kind, organization_id AS "organizationId", id AS "connectorId", provider, config,
        credential_version AS version, sealed_credential AS sealed
      FROM connector
      WHERE credential_key_id <> ? AND (organization_id, id) > (?, ?::uuid)
      ORDER BY organization_id, id LIMIT ?`,
    replace: replaceStatement("connector", "id", "sealed_credential"),
  },
  tokens: {
    notUnder: `
      SELECT 'tokens' AS kind, organization_id AS "organizationId", connector_id AS "connectorId", provider, endpoint,
        credential_version AS "credentialVersion", version, sealed_tokens AS sealed
      FROM connector_token
      WHERE token_key_id <> ? AND (organization_id, connector_id) > (?, ?::uuid)
      ORDER BY organization_id, connector_id LIMIT ?`,
    replace: replaceStatement("connector_token", "connector_id", "sealed_tokens"),
  },
  answer: {
    notUnder: `
      SELECT 'answer' AS kind, organization_id AS "organizationId", connector_id AS "connectorId", method, key,
        ${answerHead} AS sealed
      FROM idempotency_key
      WHERE ${stillAskedFor} AND ${answerKeyId} <> ? AND (organization_id, method, key) > (?, ?, ?)
      ORDER BY organization_id, method, key LIMIT ?`,
    // Who holds an answer may be about to delete others that are held here: none is waited for.
    replace: `
      WITH free AS (
        SELECT organization_id, method, key, octet_length(given.before) / 2 AS size, given.sealed AS head
        FROM idempotency_key JOIN json_to_recordset(?::json)
          AS given (organization_id text, method text, key text, before text, sealed text)
          USING (organization_id, method, key)
        WHERE ${answerHead} = decode(given.before, 'hex')
        FOR UPDATE OF idempotency_key SKIP LOCKED
      )
      UPDATE idempotency_key AS kept
      SET sealed_answer = decode(free.head, 'hex') || substring(kept.sealed_answer FROM free.size + 1)
      FROM free
      WHERE (kept.organization_id, kept.method, kept.key) = (free.organization_id, free.method, free.key)
      RETURNING kept.key`,
  },
};
const kinds = Object.keys(tables) as SealedSecret["kind"][];

const countStatement = `
  SELECT id, sum(credentials) AS credentials, sum(answers) AS answers FROM (
    SELECT credential_key_id AS id, count(*) AS credentials, 0 AS answers FROM connector
    WHERE credential_key_id IS NOT NULL GROUP BY credential_key_id
    UNION ALL
    SELECT token_key_id, count(*), 0 FROM connector_token WHERE token_key_id IS NOT NULL GROUP BY token_key_id
    UNION ALL
    SELECT ${answerKeyId}, 0, count(*) FROM idempotency_key WHERE ${stillAskedFor} GROUP BY 1
  ) AS counted GROUP BY id`;

const keyIdStatements = [
  keyIdsStatement("connector", "credential_key_id"),
  keyIdsStatement("connector_token", "token_key_id"),
];

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
