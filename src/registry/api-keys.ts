/** The API keys of each organization: made, listed, revoked. What a key may be given is the caller's to check. */
import type { EntityManager, FilterQuery } from "@mikro-orm/postgresql";
import type { Audit } from "../audit/audit.ts";
import { type Actor, service } from "../audit/event.ts";
import { Failure, invalidRequest } from "../failure.ts";
import { ApiKey, type ApiKeyRow } from "../store/entities/apiKey.ts";
import type { Store } from "../store/store.ts";
import { checkText } from "./text.ts";

/** A key as it is stored, without the hash of its secret. */
export type StoredKey = Omit<ApiKeyRow, "secretHash">;

export interface NewKey {
  readonly principal: string;
  readonly scopes: readonly string[];
  /** Default: all of the organization's. */
  readonly connectorIds?: readonly string[];
  /** Default: all of its connectors'. */
  readonly resources?: readonly string[];
  /** The agent that it always calls as. Default: none, so that its bearer may name one with each call. */
  readonly agent?: string;
  /** Default: it does not expire. */
  readonly expireTime?: Date | null;
}

export interface KeyListRequest {
  readonly pageSize: number;
  /** `next` of the page before. */
  readonly after: KeyPosition | undefined;
}

/** The last key of a page: its time of creation, in ISO 8601, and its id. */
export interface KeyPosition {
  readonly time: string;
  readonly id: string;
}

export interface KeyList {
  /** The latest first. */
  readonly keys: readonly StoredKey[];
  readonly next: KeyPosition | undefined;
}

/**
 * Every method is about one organization: another's key is `not_found`. A change and what the
 * audit log has of it, `by` whom, are there both or neither. Default: by the service.
 */
export interface ApiKeys {
  /** The token is nowhere to be had again. */
  create(organizationId: string, key: NewKey, by?: Actor): Promise<{ readonly key: StoredKey; readonly token: string }>;
  list(organizationId: string, request: KeyListRequest): Promise<KeyList>;
  /** One that is revoked already stays so. */
  revoke(organizationId: string, id: string, by?: Actor): Promise<void>;
  /** Keeps when keys were used, at most once a minute for each. */
  recordUse(organizationId: string, uses: readonly { readonly id: string; readonly time: Date }[]): Promise<void>;
}

export interface ApiKeysOptions {
  readonly store: Store;
  /** Makes a token and what is stored of it. */
  readonly mint: () => { readonly id: string; readonly token: string; readonly secretHash: Uint8Array };
  /** Hears of a key that is revoked here before its revoker does: this replica need not wait to be told. Default: nobody does. */
  readonly onRevoke?: (id: string) => void;
  /** Default: changes are not audited. */
  readonly audit?: Pick<Audit, "recordIn">;
}

export function createApiKeys({ store, mint, onRevoke = () => undefined, audit }: ApiKeysOptions): ApiKeys {
  return {
    async create(organizationId, request, by = service) {
      const { principal, scopes, connectorIds = [], resources = [], agent = "", expireTime = null } = request;
      checkText({ principal, resources });
      if (expireTime !== null && expireTime.getTime() <= Date.now()) {
        throw invalidRequest({ field: "expire_time", description: "must be in the future" });
      }
      const { id, token, secretHash } = mint();
      const key = await store.withOrganization(organizationId, async (em) => {
        const row = em.create(ApiKey, {
          ...{ id, organizationId, principal, scopes: [...scopes], resources: [...resources], agent, expireTime },
          connectorIds: connectorIds.map((each) => each.toLowerCase()),
          secretHash: Buffer.from(secretHash),
          createTime: new Date(),
          lastUseTime: null,
          revokeTime: null,
        });
        await em.flush();
        await audit?.recordIn(em, {
          ...{ organizationId, actor: by, event: "api_key.create" },
          details: {
            ...{ api_key: id, principal, scopes, connectors: row.connectorIds, resources },
            ...(agent === "" ? {} : { agent }),
          },
        });
        return withoutHash(row);
      });
      return { key, token };
    },

    list: (organizationId, request) =>
      store.withOrganization(organizationId, (em) => list(em, organizationId, request)),

    async revoke(organizationId, id, by = service) {
      const where = { organizationId, id: id.toLowerCase() };
      try {
        await store.withOrganization(organizationId, async (em) => {
          const revoked = await em.nativeUpdate(ApiKey, { ...where, revokeTime: null }, { revokeTime: new Date() });
          if (revoked === 0 && (await em.count(ApiKey, where)) === 0) throw noSuchKey();
          if (revoked === 0) return;
          const details = { api_key: where.id };
          await audit?.recordIn(em, { organizationId, actor: by, event: "api_key.revoke", details });
        });
      } finally {
        // What failed may have been done all the same.
        onRevoke(where.id);
      }
    },

    recordUse: (organizationId, uses) =>
      store.withOrganization(organizationId, async (em) => {
        await em.execute(usesStatement, [JSON.stringify(uses), organizationId]);
      }),
  };
}

/** Another replica may have told of the same minute, or of a later one. */
const usesStatement = `UPDATE api_key SET last_use_time = used.time
  FROM jsonb_to_recordset(?::jsonb) AS used (id uuid, time timestamptz)
  WHERE api_key.organization_id = ? AND api_key.id = used.id
    AND (last_use_time IS NULL OR last_use_time < used.time - interval '1 minute')`;

async function list(em: EntityManager, organizationId: string, { pageSize, after }: KeyListRequest): Promise<KeyList> {
  const found = await em.find(ApiKey, after === undefined ? { organizationId } : beyond(organizationId, after), {
    orderBy: [{ createTime: "desc" }, { id: "desc" }],
    limit: pageSize + 1,
  });
  const keys = found.slice(0, pageSize).map(withoutHash);
  const last = keys.at(-1);
  const more = found.length > pageSize && last !== undefined;
  return { keys, next: more ? { time: last.createTime.toISOString(), id: last.id } : undefined };
}

function beyond(organizationId: string, { time, id }: KeyPosition): FilterQuery<ApiKeyRow> {
  const createTime = new Date(time);
  return {
    organizationId,
    $or: [{ createTime: { $lt: createTime } }, { createTime, id: { $lt: id } }],
  } as FilterQuery<ApiKeyRow>;
}

function withoutHash({ secretHash: _, ...key }: ApiKeyRow): StoredKey {
  return key;
}

function noSuchKey(): Failure {
  return new Failure("not_found", "The organization has no such API key.", {
    where: "request",
    remedy: "ListApiKeys shows those that it has.",
  });
}
