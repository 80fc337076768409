/** The ORM over one database: its entities, its migrations, its pool. */
import { Migrator } from "@mikro-orm/migrations";
import { MikroORM } from "@mikro-orm/postgresql";
import { ApiKey } from "./entities/apiKey.ts";
import { Connector } from "./entities/connector.ts";
import { QueryRecord } from "./entities/queryRecord.ts";
import { ConnectorsAndApiKeys } from "./migrations/20261122000000_connectors_and_api_keys.ts";
import { History } from "./migrations/20261122020000_history.ts";
import { ConnectorChanges } from "./migrations/20261122030000_connector_changes.ts";
import { StoreClient } from "./pool.ts";
import { StoreSocket } from "./socket.ts";

/** In the order in which they run; a migration that was released is never changed. */
const migrations = [ConnectorsAndApiKeys, History, ConnectorChanges];

/** Chosen at random, for this one use. */
const migrationLockKey = "4871203659937214806";
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
    entities: [Connector, ApiKey, QueryRecord],
    extensions: [Migrator],
    migrations: { migrationsList: migrations, snapshot: false, silent: true, tableName: "migration" },
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
 * The lock is a transaction's, so that it holds through a pooler too. The migrations
 * run on another connection of the pool, which must have two.
 */
export async function migrate(orm: MikroORM): Promise<void> {
  await orm.em.fork().transactional(async (em) => {
    // A long migration of another replica is no reason to give up.
    await em.execute(
      "SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0",
    );
    await em.execute(`SELECT pg_advisory_xact_lock(${migrationLockKey})`);
    await orm.migrator.up();
  });
}
