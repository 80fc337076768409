/** What agents may do with an organization's connectors: granted, taken back, listed, and looked up for their calls. */
import type { EntityManager } from "@mikro-orm/postgresql";
import type { Audit } from "../audit/audit.ts";
import { type Actor, service } from "../audit/event.ts";
import { invalidRequest } from "../failure.ts";
import type { Store } from "../store/store.ts";
import { checkTerms } from "./grant/check.ts";
import type { Grant, Terms } from "./grant/grant.ts";
import { decodeTerms, encodeTerms } from "./grant/stored.ts";
import { createKept } from "./kept.ts";
import { noSuchConnector } from "./registry.ts";

export interface NewGrant extends Terms {
  readonly agent: string;
  readonly connectorId: string;
  /** Null for never. */
  readonly expireTime: Date | null;
}

/** Whose grant it is, and on what. */
export interface GrantKey {
  readonly organizationId: string;
  readonly agent: string;
  readonly connectorId: string;
}

export interface GrantListRequest {
  readonly agent: string;
  readonly pageSize: number;
  /** `next` of the page before: a connector's id. */
  readonly after: string | undefined;
}

export interface GrantList {
  /** By connector; those that have expired among them. */
  readonly grants: readonly Grant[];
  readonly next: string | undefined;
}

/**
 * Every method is about one organization. A change and what the audit log has of it, `by` whom,
 * are there both or neither. Default: by the service.
 */
export interface Grants {
  /**
   * Makes the agent's grant on a connector, or replaces it.
   *
   * @param isFullName Whether a resource's name says all of where it stands
   * @throws Failure `invalid_request` that names every part that can't be kept to; `not_found` without the connector
   */
  grant(organizationId: string, grant: NewGrant, isFullName: (resource: string) => boolean, by?: Actor): Promise<Grant>;
  /** One that is not there stays away. */
  revoke(key: GrantKey, by?: Actor): Promise<void>;
  list(organizationId: string, request: GrantListRequest): Promise<GrantList>;
  /** The connectors that the agent has a grant on which has not expired. */
  connectorIds(organizationId: string, agent: string): Promise<readonly string[]>;
  /** For a call, and for what runs: as the store had it at the last change that `changed` told of, expired or not. Must not be changed. */
  use(key: GrantKey): Promise<Grant | undefined>;
  /** The grant was made, replaced or taken back, here or elsewhere. */
  changed(key: GrantKey): void;
  /** Whether `changed` is called for every change. Until it is, every use reads the store. */
  available(changes: boolean): void;
}

export interface GrantsOptions {
  readonly store: Store;
  /** Hears of a grant that was changed here, before its changer does: this replica need not wait to be told. Default: nobody does. */
  readonly onChange?: (key: GrantKey) => void;
  /** Default: changes are not audited. */
  readonly audit?: Pick<Audit, "recordIn" | "hashOf">;
}

/** Grants at most that are kept in memory. */
const maxKept = 10_000;

export function createGrants({ store, onChange = () => undefined, audit }: GrantsOptions): Grants {
  const kept = createKept<Grant | undefined>(maxKept);

  /** What failed may have been done all the same. */
  async function changing<T>(key: GrantKey, work: (em: EntityManager) => Promise<T>): Promise<T> {
    try {
      return await store.withOrganization(key.organizationId, work);
    } finally {
      kept.forget(textOf(key));
      onChange(key);
    }
  }

  return {
    async grant(organizationId, request, isFullName, by = service) {
      const { expireTime, ...given } = request;
      const grant = { ...given, connectorId: request.connectorId.toLowerCase() };
      checkTerms(grant, isFullName);
      if (expireTime !== null && expireTime.getTime() <= Date.now()) {
        throw invalidRequest({ field: "expire_time", description: "must be in the future" });
      }
      const { agent, connectorId, permissions, actions, resources } = grant;
      return changing({ organizationId, agent, connectorId }, async (em) => {
        const terms = encodeTerms(grant);
        const parameters = [organizationId, agent, terms, expireTime, new Date(), organizationId, connectorId];
        const [row] = await em.execute<StoredGrant[]>(granting, parameters);
        if (row === undefined) throw noSuchConnector();
        const details = {
          ...{ granted: agent, permissions, actions, resources: resources.map(({ resource }) => resource) },
          ...(audit === undefined ? {} : { terms_hash: audit.hashOf(terms) }),
          ...(expireTime === null ? {} : { expires: expireTime.toISOString() }),
        };
        await audit?.recordIn(em, { organizationId, actor: by, event: "grant.create", connectorId, details });
        return grantOf(organizationId, row);
      });
    },

    async revoke({ organizationId, agent, connectorId: id }, by = service) {
      const connectorId = id.toLowerCase();
      await changing({ organizationId, agent, connectorId }, async (em) => {
        const revoked = await em.execute<unknown[]>(revoking, [organizationId, agent, connectorId]);
        if (revoked.length === 0) return;
        const event = { organizationId, actor: by, event: "grant.revoke", connectorId } as const;
        await audit?.recordIn(em, { ...event, details: { granted: agent } });
      });
    },

    list: (organizationId, { agent, pageSize, after = null }) =>
      store.withOrganization(organizationId, async (em) => {
        const rows = await em.execute<StoredGrant[]>(listing, [organizationId, agent, after, after, pageSize + 1]);
        const grants = rows.slice(0, pageSize).map((row) => grantOf(organizationId, row));
        return { grants, next: rows.length > pageSize ? grants.at(-1)?.connectorId : undefined };
      }),

    connectorIds: (organizationId, agent) =>
      store.withOrganization(organizationId, async (em) => {
        const rows = await em.execute<{ connectorId: string }[]>(reachable, [organizationId, agent]);
        return rows.map(({ connectorId }) => connectorId);
      }),

    use: (key) =>
      kept.get(textOf(key), () =>
        store.withOrganization(key.organizationId, async (em) => {
          const { organizationId, agent, connectorId } = key;
          const [row] = await em.execute<StoredGrant[]>(finding, [organizationId, agent, connectorId.toLowerCase()]);
          return row && grantOf(organizationId, row);
        }),
      ),
    changed: (key) => kept.forget(textOf(key)),
    available: kept.trust,
  };
}

interface StoredGrant {
  readonly agent: string;
  readonly connectorId: string;
  readonly terms: unknown;
  readonly version: string;
  /** Milliseconds since 1970, both. */
  readonly expireMs: string | null;
  readonly createMs: string;
}

const msOf = (column: string) => `(date_part('epoch', ${column}) * 1000)::bigint::text`;
const columns = `agent, connector_id AS "connectorId", terms,
  md5(concat_ws('/', terms, ${msOf("expire_time")})) AS version,
  ${msOf("expire_time")} AS "expireMs", ${msOf("create_time")} AS "createMs"`;

/** Of a connector that is the organization's; none else gives a row. When the first one was given stays. */
const granting = `
  INSERT INTO connector_grant (organization_id, agent, connector_id, terms, expire_time, create_time)
  SELECT ?, ?, id, ?::jsonb, ?::timestamptz(3), ?::timestamptz(3) FROM connector WHERE organization_id = ? AND id = ?
  ON CONFLICT (organization_id, agent, connector_id)
    DO UPDATE SET terms = excluded.terms, expire_time = excluded.expire_time
  RETURNING ${columns}`;

const revoking =
  "DELETE FROM connector_grant WHERE organization_id = ? AND agent = ? AND connector_id = ? RETURNING connector_id";

const listing = `
  SELECT ${columns} FROM connector_grant
  WHERE organization_id = ? AND agent = ? AND (?::uuid IS NULL OR connector_id > ?::uuid)
  ORDER BY connector_id LIMIT ?`;

const reachable = `
  SELECT connector_id AS "connectorId" FROM connector_grant
  WHERE organization_id = ? AND agent = ? AND (expire_time IS NULL OR expire_time > now())`;

const finding = `SELECT ${columns} FROM connector_grant WHERE organization_id = ? AND agent = ? AND connector_id = ?`;

function grantOf(organizationId: string, row: StoredGrant): Grant {
  const { agent, connectorId, version, terms, expireMs, createMs } = row;
  return {
    ...decodeTerms(terms),
    ...{ organizationId, agent, connectorId, version },
    expireTime: expireMs === null ? null : new Date(Number(expireMs)),
    createTime: new Date(Number(createMs)),
  };
}

function textOf({ organizationId, agent, connectorId }: GrantKey): string {
  return JSON.stringify([organizationId, agent, connectorId.toLowerCase()]);
}
