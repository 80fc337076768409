/** The connectors of each organization: created, read, listed, changed, deleted. */
import { randomUUID } from "node:crypto";
import { type EntityManager, LockMode, UniqueConstraintViolationException } from "@mikro-orm/postgresql";
import type { Audit } from "../audit/audit.ts";
import { type Actor, service } from "../audit/event.ts";
import { Failure, invalidRequest } from "../failure.ts";
import type { Catalogue } from "../providers/catalogue.ts";
import type { Provider } from "../providers/contract.ts";
import { Connector, type ConnectorPolicy, type ConnectorRow } from "../store/entities/connector.ts";
import type { Store } from "../store/store.ts";
import { sealCredential } from "../vault/credential.ts";
import type { Vault } from "../vault/vault.ts";
import { checkConfig, checkConfigAndCredential, checkCredential, examine, type Json } from "./configuration.ts";
import { forgetGranted } from "./granted.ts";
import { createInUse } from "./in-use.ts";
import { type ConnectorList, type ListRequest, listConnectors } from "./list.ts";
import { checkText } from "./text.ts";

/** A connector as it is stored, for those who only read it. */
export type { ConnectorPolicy, ConnectorRow };

export interface NewConnector {
  readonly provider: string;
  readonly name: string;
  readonly displayName: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly config: Json;
  readonly credential: Json | undefined;
  readonly policy: ConnectorPolicy | null;
}

/** What is to change; what is absent stays. */
export interface ConnectorChange {
  readonly name?: string;
  readonly displayName?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** The whole configuration, or some fields of it, where undefined removes one. */
  readonly config?: { readonly fields: Json; readonly mode: "replace" | "merge" };
  readonly credential?: Json;
  readonly policy?: ConnectorPolicy | null;
  readonly disabled?: boolean;
}

/**
 * Every method is about one organization: another's connector is `not_found`. A change and
 * what the audit log has of it, `by` whom, are there both or neither. Default: by the service.
 */
export interface Registry {
  create(organizationId: string, connector: NewConnector, by?: Actor): Promise<ConnectorRow>;
  /** As it is in the store now. */
  get(organizationId: string, id: string): Promise<ConnectorRow>;
  /** For a call to its source: as the store had it at the last change that `changed` told of. Must not be changed. */
  use(organizationId: string, id: string): Promise<ConnectorRow>;
  list(organizationId: string, request: ListRequest): Promise<ConnectorList>;
  /** @param version The one that the caller read; undefined to change whatever is there. */
  update(
    organizationId: string,
    id: string,
    change: ConnectorChange,
    version: number | undefined,
    by?: Actor,
  ): Promise<ConnectorRow>;
  remove(organizationId: string, id: string, version: number | undefined, by?: Actor): Promise<void>;
  /** The connector was changed or deleted, here or elsewhere. */
  changed(organizationId: string, id: string): void;
  /** Whether `changed` is called for every change. Until it is, every use reads the store. */
  available(changes: boolean): void;
}

export interface RegistryOptions {
  readonly store: Store;
  readonly vault: Vault;
  readonly catalogue: Catalogue;
  /** Default: changes are not audited. */
  readonly audit?: Pick<Audit, "recordIn">;
}

export function createRegistry({ store, vault, catalogue, audit }: RegistryOptions): Registry {
  const told: Told = async (em, event, actor, { organizationId, id: connectorId, provider, name }, changed) => {
    const details = { provider, name, ...(changed === undefined ? {} : { changed }) };
    await audit?.recordIn(em, { organizationId, actor, event, connectorId, details });
  };

  const get: Registry["get"] = (organizationId, id) =>
    store.withOrganization(organizationId, async (em) => row(await found(em, organizationId, id)));
  const inUse = createInUse(get);

  /** This replica need not wait to hear of its own change; one that failed may have been made all the same. */
  async function changing<T>(organizationId: string, id: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } finally {
      inUse.forget(organizationId, id);
    }
  }

  return {
    async create(organizationId, request, by = service) {
      const { displayName, labels } = request;
      checkText({ display_name: displayName, labels, config: request.config });
      const provider = catalogue.get(request.provider);
      const { config, credential } = checkConfigAndCredential(provider, request.config, request.credential);
      await examine(provider, config, organizationId, "config");
      const id = randomUUID();
      const endpoint = provider.endpoint(config);
      const place = { organizationId, connectorId: id, version: 1, provider: provider.id, endpoint };
      const sealed = credential === undefined ? null : await sealCredential(vault, place, credential);
      return store.withOrganization(organizationId, async (em) => {
        const { provider, name, policy } = request;
        const now = new Date();
        const connector = em.create(Connector, {
          ...{ id, organizationId, provider, name, displayName, labels: { ...labels }, config, policy },
          disabled: false,
          sealedCredential: sealed,
          credentialVersion: sealed === null ? 0 : 1,
          credentialUpdateTime: sealed === null ? null : now,
          createTime: now,
          updateTime: now,
        });
        await saved(em, name);
        await told(em, "connector.create", by, connector);
        return row(connector);
      });
    },

    get,
    use: inUse.use,
    changed: inUse.forget,
    available: inUse.trust,

    list: (organizationId, request) =>
      store.withOrganization(organizationId, async (em) => {
        const { connectors, next } = await listConnectors(em, organizationId, request);
        return { connectors: connectors.map(row), next };
      }),

    async update(organizationId, id, change, version, by = service) {
      checkText({
        "connector.display_name": change.displayName,
        "connector.labels": change.labels,
        "connector.config": change.config?.fields,
      });
      if (change.config !== undefined) {
        // Before the connector is locked: this may take a while.
        const { provider, config } = await get(organizationId, id);
        const given = configOf(config, change.config);
        await examine(catalogue.get(provider), given, organizationId, "connector.config");
      }
      const update = async (em: EntityManager) => {
        const connector = await foundForChange(em, organizationId, id, version);
        const { name, displayName, labels, policy, disabled } = change;
        if (name !== undefined) connector.name = name;
        if (displayName !== undefined) connector.displayName = displayName;
        if (labels !== undefined) connector.labels = { ...labels };
        if (policy !== undefined) connector.policy = policy;
        if (disabled !== undefined) connector.disabled = disabled;
        const isAnother = await reconfigure(connector, change, catalogue.get(connector.provider), vault);
        if (isAnother) await forgetGranted(em, organizationId, connector.id);
        await saved(em, connector.name);
        await told(em, "connector.update", by, connector, Object.keys(change));
        return row(connector);
      };
      return changing(organizationId, id, () => store.withOrganization(organizationId, update));
    },

    remove(organizationId, id, version, by = service) {
      const remove = async (em: EntityManager) => {
        const connector = await foundForChange(em, organizationId, id, version);
        em.remove(connector);
        await em.flush();
        await told(em, "connector.delete", by, connector);
      };
      return changing(organizationId, id, () => store.withOrganization(organizationId, remove));
    },
  };
}

/** Tells the audit log of a change, in the change's transaction. */
type Told = (
  em: EntityManager,
  event: "connector.create" | "connector.update" | "connector.delete",
  by: Actor,
  connector: ConnectorRow,
  changed?: readonly string[],
) => Promise<void>;

/**
 * A credential is sealed for the place it is sent to: another place needs it again.
 * @returns Whether the credential is another one, or what was got without one was for another place
 */
async function reconfigure(
  connector: ConnectorRow,
  change: ConnectorChange,
  provider: Provider,
  vault: Vault,
): Promise<boolean> {
  const before = provider.endpoint(provider.config.parse(connector.config));
  if (change.config !== undefined) {
    const config = configOf(connector.config, change.config);
    connector.config = withoutUndefined(checkConfig(provider, config, "connector.config"));
  }
  const endpoint = provider.endpoint(connector.config);
  if (change.credential !== undefined) {
    const credential = checkCredential(provider, connector.config, change.credential, "connector.credential");
    const version = connector.credentialVersion + 1;
    const { organizationId, id: connectorId } = connector;
    const place = { organizationId, connectorId, version, provider: provider.id, endpoint };
    connector.sealedCredential = Buffer.from(await sealCredential(vault, place, credential));
    connector.credentialVersion = version;
    connector.credentialUpdateTime = new Date();
    return true;
  }
  const changed = Object.keys({ ...before, ...endpoint }).filter((key) => before[key] !== endpoint[key]);
  if (changed.length > 0 && connector.sealedCredential !== null) {
    throw invalidRequest({
      field: "connector.credential",
      description: `must be given again: ${changed.join(", ")} changed, and a stored credential is only sent to the place it was given for`,
    });
  }
  return changed.length > 0;
}

/** What the configuration comes to, unchecked. */
function configOf(before: Json, { fields, mode }: NonNullable<ConnectorChange["config"]>): Json {
  return mode === "replace" ? fields : { ...before, ...fields };
}

function withoutUndefined(config: Json): Record<string, unknown> {
  return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined));
}

async function found(
  em: EntityManager,
  organizationId: string,
  id: string,
  lock: { readonly lockMode?: LockMode } = {},
): Promise<ConnectorRow> {
  const connector = await em.findOne(
    Connector,
    { id: id.toLowerCase(), organizationId },
    { populate: ["sealedCredential"], ...lock },
  );
  if (connector === null) throw noSuchConnector();
  return connector;
}

/** Changes of one connector wait for each other: what is looked at here stays until the transaction ends. */
async function foundForChange(
  em: EntityManager,
  organizationId: string,
  id: string,
  version: number | undefined,
): Promise<ConnectorRow> {
  const connector = await found(em, organizationId, id, { lockMode: LockMode.PESSIMISTIC_WRITE });
  if (version !== undefined && version !== connector.version) throw conflict();
  return connector;
}

async function saved(em: EntityManager, name: string): Promise<void> {
  try {
    await em.flush();
  } catch (error) {
    if (error instanceof UniqueConstraintViolationException) {
      throw new Failure("already_exists", `The organization has a connector named "${name}" already.`, {
        where: "connector",
        remedy: "Choose another name, or update that connector.",
        fields: [{ field: "name", description: "is taken" }],
        cause: error,
      });
    }
    throw error;
  }
}

/**
 * The same for one that never was, one that is gone and one that the caller may not know of.
 * @param cause what no caller is told
 */
export function noSuchConnector(cause?: Failure): Failure {
  return new Failure("not_found", "There is no such connector.", {
    where: "connector",
    remedy: "ListConnectors shows those that the caller can reach.",
    cause,
  });
}

function conflict(): Failure {
  return new Failure("conflict", "The connector has changed since it was read.", {
    where: "connector",
    remedy: "Read it again, and apply the change to what it is now.",
  });
}

/** A plain copy: nothing outside this room holds a managed entity. */
function row(connector: ConnectorRow): ConnectorRow {
  return { ...connector };
}
