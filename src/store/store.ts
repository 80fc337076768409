/**
 * The service's own database. `withOrganization`, and `commit` for one statement, are the only
 * ways to an organization's rows.
 */
import type { EntityManager, MikroORM } from "@mikro-orm/postgresql";
import { Failure } from "../failure.ts";
import { type AuditStore, auditStore } from "./audit.ts";
import { type ChangeListener, type ChangesOptions, listenForChanges } from "./changes.ts";
import { checkUrl, connectionFailure, unavailable } from "./connection-failure.ts";
import { copyOut } from "./copy-out.ts";
import { databaseOf, migrate } from "./database.ts";
import { ApiKey, type ApiKeyRow } from "./entities/apiKey.ts";
import { apiKeySetting, applicationRole, keysRole, organizationSetting } from "./entities/tenancy.ts";
import { mindPool } from "./pool.ts";
import { refuseWayAround } from "./roles.ts";
import { refuseOldSchema } from "./schema.ts";
import { type SealedCredentials, sealedCredentials } from "./sealed-credentials.ts";

export interface StoreOptions {
  /** A PostgreSQL URL that names a database. */
  readonly url: string;
  /** The same database by a way that keeps a session together, to hear of changes. Default: `url`. */
  readonly listenUrl?: string | undefined;
  /** Whether the schema is brought up to date, or only seen to be. Default: it is brought. */
  readonly migrates?: boolean;
  /** Gets what the ORM and the pool have to say. Default: nobody does. */
  readonly log?: (message: string) => void;
  /** Connections at most, 2 or more. Default: 10. */
  readonly poolSize?: number;
}

/** A statement of SQL, with a question mark for each parameter. */
export interface Statement {
  readonly text: string;
  readonly parameters: readonly unknown[];
}

/**
 * Where the database can't be reached, is lost or does not answer, the methods throw a
 * Failure "service_unavailable", within some seconds.
 */
export interface Store {
  /**
   * Runs `work` in one transaction that sees and writes this organization's rows
   * only, whoever the database's user is. It commits when `work` succeeds, and is
   * undone when it fails. Nothing of it may be used afterwards.
   */
  withOrganization<Result>(organizationId: string, work: (em: EntityManager) => Promise<Result>): Promise<Result>;
  /** Runs one statement in a transaction like those of `withOrganization`, and commits it: all in one round trip. */
  commit(organizationId: string, statement: Statement): Promise<void>;
  /** Every organization's credentials, as they are sealed. */
  readonly sealedCredentials: SealedCredentials;
  /** Every organization's audit log, to look after. */
  readonly audit: AuditStore;
  /** The key of that id, of whatever organization: a caller's organization is known by its key. */
  findApiKey(id: string): Promise<ApiKeyRow | undefined>;
  /** Whether the organization has ever made a key, revoked ones included. */
  hasAnyApiKey(organizationId: string): Promise<boolean>;
  /** @throws Failure "internal" when the database does not answer in time */
  ping(timeoutMs: number): Promise<void>;
  /** Whether somebody has waited for the database for a while, and still waits. */
  isSlow(): boolean;
  /** Tells of every change of a connector, an API key or a grant from now on, until it or the store is closed. */
  listen(
    listener: Pick<ChangesOptions, "onChange" | "onApiKeyChange" | "onGrantChange" | "onAvailable">,
  ): ChangeListener;
  /** Closes the connections when their work is done, and waits for that no longer than some seconds. */
  close(): Promise<void>;
}

const closeTimeoutMs = 5_000;
/** A transaction that has lasted so long, in milliseconds, waits for the database. */
const slowMs = 200;
/** What the server keeps to by itself, in milliseconds: what it has not done by then, nobody waits for. */
const timeLimits = { statement_timeout: "5000", idle_in_transaction_session_timeout: "5000" };
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * Connects, and sees that the schema is up to date.
 * @throws Failure "configuration_rejected", without the password, when the database can't be used
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  const { url, listenUrl = url, migrates = true, log = () => undefined, poolSize = 10 } = options;
  for (const each of [url, listenUrl]) checkUrl(each);
  const orm = databaseOf({ url, poolSize, log });
  try {
    await orm.em.fork().execute("SELECT 1");
    await (migrates ? migrate(orm, (forWhat) => log(`The schema waits ${forWhat}.`)) : refuseOldSchema(orm));
    await asApplication(orm, {}, refuseWayAround);
    // Only now: a migration may take its time.
    mindPool(await orm.driver.getConnection().getNativeClient());
  } catch (cause) {
    await orm.close(true);
    throw cause instanceof Failure ? cause : connectionFailure(url, cause);
  }
  return storeOf(orm, listenUrl);
}

function storeOf(orm: MikroORM, listenUrl: string): Store {
  /** When each transaction that runs began, the oldest first. */
  const running = new Set<{ readonly since: number }>();
  const timed = async <Result>(transaction: Promise<Result>): Promise<Result> => {
    const entry = { since: performance.now() };
    running.add(entry);
    try {
      return await transaction;
    } finally {
      running.delete(entry);
    }
  };
  const transact = <Result>(settings: Settings, work: Work<Result>) => timed(asApplication(orm, settings, work));
  const withOrganization: Store["withOrganization"] = (organizationId, work) =>
    transact({ [organizationSetting]: organizationId }, work);
  // A frozen database would take one connection more with every ping.
  let pinging: Promise<unknown> | undefined;
  const listeners = new Set<ChangeListener>();

  return {
    withOrganization,
    commit: (organizationId, statement) =>
      timed(commitAsApplication(orm, { [organizationSetting]: organizationId }, statement)),
    sealedCredentials: sealedCredentials((work) => transact({ role: keysRole }, work)),
    audit: auditStore(transact, async (settings, query, onRow) => {
      try {
        await copyOut(await orm.driver.getConnection().getNativeClient(), settings, query, onRow);
      } catch (cause) {
        throw unavailable(cause, false) ?? cause;
      }
    }),
    async findApiKey(id) {
      if (!uuid.test(id)) return undefined;
      const found = await transact({ [apiKeySetting]: id }, (em) => em.findOne(ApiKey, { id }));
      return found === null ? undefined : { ...found };
    },
    async hasAnyApiKey(organizationId) {
      return withOrganization(organizationId, async (em) => (await em.count(ApiKey, { organizationId })) > 0);
    },
    async ping(timeoutMs) {
      pinging ??= orm.em
        .fork()
        .execute("SELECT 1")
        .finally(() => {
          pinging = undefined;
        });
      await within(pinging, timeoutMs).catch((cause: unknown) => {
        throw new Failure("internal", "The service's database does not answer.", {
          where: "service",
          remedy: "See that the database runs and that this host reaches it.",
          cause,
        });
      });
    },
    isSlow() {
      const [oldest] = running;
      return oldest !== undefined && performance.now() - oldest.since > slowMs;
    },
    listen(listener) {
      const notify = (channel: string) => orm.em.fork().execute("SELECT pg_notify(?, '')", [channel]);
      const changes = listenForChanges({ ...listener, url: listenUrl, notify });
      listeners.add(changes);
      return changes;
    },
    async close() {
      await Promise.all([...listeners].map((listener) => listener.close()));
      await within(orm.close(true), closeTimeoutMs).catch(() => undefined);
    },
  };
}

type Settings = Readonly<Record<string, string>>;
type Work<Result> = (em: EntityManager) => Promise<Result>;

/**
 * One transaction under the application's role, or the one that is named, so that row-level security binds
 * also when the database's user owns the tables or is a superuser. Role, settings and
 * time limits end with the transaction, as a pooler needs.
 */
async function asApplication<Result>(orm: MikroORM, settings: Settings, work: Work<Result>): Promise<Result> {
  // The role is a setting like the others: all are set in one round trip.
  const em = orm.em.fork({ session: { variables: { role: applicationRole, ...timeLimits, ...settings } } });
  let asked = false;
  try {
    return await em.transactional(async (transaction) => {
      const result = await work(transaction as EntityManager);
      asked = true;
      return result;
    });
  } catch (cause) {
    throw unavailable(cause, asked) ?? cause;
  }
}

/**
 * The same for one statement. The server takes statements that come as one text for one
 * transaction, which it commits behind the last of them or undoes as a whole.
 *
 * @see https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-FLOW-MULTI-STATEMENT
 */
async function commitAsApplication(orm: MikroORM, settings: Settings, { text, parameters }: Statement): Promise<void> {
  const all = Object.entries({ role: applicationRole, ...timeLimits, ...settings });
  const setting = `SELECT ${all.map(() => "set_config(?, ?, true)").join(", ")}`;
  try {
    await orm.em.fork().execute(`${setting}; ${text}`, [...all.flat(), ...parameters]);
  } catch (cause) {
    throw unavailable(cause, true) ?? cause;
  }
}

async function within<Result>(promise: Promise<Result>, timeoutMs: number): Promise<Result> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
