/** The ORM over one database: its entities, its migrations, its pool. */
import { setTimeout as delay } from "node:timers/promises";
import { Migrator } from "@mikro-orm/migrations";
import { type EntityManager, MikroORM } from "@mikro-orm/postgresql";
import { Failure } from "../failure.ts";
import { ApiKey } from "./entities/apiKey.ts";
import { Connector } from "./entities/connector.ts";
import { IdempotencyKey } from "./entities/idempotencyKey.ts";
import { QueryRecord } from "./entities/queryRecord.ts";
import { ownerRole } from "./entities/tenancy.ts";
import { ConnectorsAndApiKeys } from "./migrations/20261122000000_connectors_and_api_keys.ts";
import { History } from "./migrations/20261122020000_history.ts";
import { ConnectorChanges } from "./migrations/20261122030000_connector_changes.ts";
import { EncryptionKeys } from "./migrations/20261122040000_encryption_keys.ts";
import { Roles } from "./migrations/20261122050000_roles.ts";
import { ApiKeyChanges } from "./migrations/20261122060000_api_key_changes.ts";
import { Audit } from "./migrations/20261123000000_audit.ts";
import { Idempotency } from "./migrations/20261123010000_idempotency.ts";
import { CallRollups } from "./migrations/20261123020000_call_rollups.ts";
import { AuditTaskOrder } from "./migrations/20261123030000_audit_task_order.ts";
import { ConnectorTokens } from "./migrations/20261123040000_connector_tokens.ts";
import { AgentGrants } from "./migrations/20261123050000_agent_grants.ts";
import { AuditLinking } from "./migrations/20261123060000_audit_linking.ts";
import { IdempotencyClaims } from "./migrations/20261123070000_idempotency_claims.ts";
import { AuditAppending } from "./migrations/20261123080000_audit_appending.ts";
import { KeptAnswerKeys } from "./migrations/20261123090000_kept_answer_keys.ts";
import { StoreClient } from "./pool.ts";
import { provideRoles } from "./roles.ts";
import { StoreSocket } from "./socket.ts";

/** In the order in which they run; a migration that was released is never changed. */
const migrations = [
  ConnectorsAndApiKeys,
  History,
  ConnectorChanges,
  EncryptionKeys,
  Roles,
  ApiKeyChanges,
  Audit,
  Idempotency,
  CallRollups,
  AuditTaskOrder,
  ConnectorTokens,
  AgentGrants,
  AuditLinking,
  IdempotencyClaims,
  AuditAppending,
  KeptAnswerKeys,
];

/** Chosen at random, for this one use. */
export const migrationLockKey = "4871203659937214806";
/**
 * Who waits to change a table holds up all who come behind: a migration that has waited so long lets them by, and is
 * tried again. Milliseconds.
 */
const tableLock = { waitMs: 1_000, pauseMs: 1_000, tries: 60 };
const connectTimeoutMs = 5_000;

export interface DatabaseOptions {
  readonly url: string;
  /** Connections at most. */
  readonly poolSize: number;
  readonly log: (message: string) => void;
}

/** Connects when it is first used. */
export function databaseOf({ url, poolSize, log }: DatabaseOptions): MikroORM {
  return new MikroORM({
    entities: [Connector, ApiKey, QueryRecord, IdempotencyKey],
    migrations: { migrationsList: migrations, snapshot: false, silent: true, tableName: "migration" },
    // What has no entities is never loaded to be changed: the audit log, whose months come and go, counts, tokens, grants.
    schemaGenerator: {
      skipTables: [
        /^audit_/,
        "call_rollup",
        "connector_token",
        "connector_authorization",
        "connector_grant",
        "grant_usage",
      ],
    },
    clientUrl: url,
    // The driver reads the whole URL, TLS mode and all, where the ORM reads but a part of it.
    driverOptions: {
      connectionString: url,
      connectionTimeoutMillis: connectTimeoutMs,
      keepAlive: true,
      Client: StoreClient,
      stream: () => new StoreSocket(),
      application_name: "connector-service",
    },
    pool: { min: 0, max: poolSize },
    colors: false,
    logger: log,
  });
}

/**
 * Brings the schema up to date. Of several replicas that start at once one does it,
 * and the others wait for it.
 *
 * All of it is one transaction on one connection: the lock is the transaction's, so that it
 * holds through a pooler too, and replicas that wait for it keep no connection from it that
 * it needs.
 * @param waits Is told what it waits for, each time that it does. Default: nobody is
 * @returns the names of the migrations that it has run itself
 * @throws Failure "configuration_rejected" when the user lacks what the service's roles need, or others hold a table
 */
export async function migrate(orm: MikroORM, waits: (forWhat: string) => void = () => undefined): Promise<string[]> {
  for (let left = tableLock.tries; ; left--) {
    try {
      return await migrateAtOnce(orm, waits);
    } catch (cause) {
      if (!isHeld(cause)) throw cause;
      if (left === 1) throw held(cause);
      waits(`for tables of the service that others hold (${left - 1} more tries)`);
      await delay(tableLock.pauseMs);
    }
  }
}

/** Whether somebody held what a migration has to change: lock_not_available. */
function isHeld(cause: unknown): boolean {
  return cause instanceof Error && (("code" in cause && cause.code === "55P03") || isHeld(cause.cause));
}

function held(cause: unknown): Failure {
  return new Failure("configuration_rejected", "The schema could not be changed: others hold its tables.", {
    where: "service",
    remedy: "End transactions on the service's database that have run for minutes, as a backup's may, and try again.",
    cause,
  });
}

async function migrateAtOnce(orm: MikroORM, waits: (forWhat: string) => void): Promise<string[]> {
  return orm.em.fork().transactional(async (em) => {
    // A long migration of another replica is no reason to give up.
    await em.execute(
      "SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0",
    );
    const [lock] = await em.execute<[{ had: boolean }]>(`SELECT pg_try_advisory_xact_lock(${migrationLockKey}) AS had`);
    if (!lock.had) {
      waits("for another that brings the schema up to date");
      await em.execute(`SELECT pg_advisory_xact_lock(${migrationLockKey})`);
    }
    await em.execute(`SET LOCAL lock_timeout = ${tableLock.waitMs}`);
    await provideRoles(em as EntityManager);
    const migrator = new TransactionMigrator(orm.em);
    const transaction = em.getTransactionContext()!;
    const owned = await em.execute(
      "SELECT FROM pg_tables WHERE schemaname = current_schema() AND tablename = 'migration' AND tableowner = ?",
      [ownerRole],
    );
    const first = owned.length > 0 ? [] : await migrator.up({ to: Roles.migrationName, transaction });
    // The owner has no policy and sees no row: a migration that changes rows has to lift FORCE meanwhile, or fails.
    await em.execute(`SET LOCAL ROLE ${ownerRole}; SET LOCAL row_security = off`);
    return [...first, ...(await migrator.up({ transaction }))].map(({ name }) => name);
  });
}

/**
 * Keeps to the transaction that it is given. The ORM's own looks for the database beforehand, by
 * a name that may be only a pooler's, and makes its table, all on another connection.
 */
class TransactionMigrator extends Migrator {
  protected override async init(): Promise<void> {}
}
