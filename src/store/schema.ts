/** Whether the service's database has what this version of the service works on, and how it gets it. */
import { Migrator } from "@mikro-orm/migrations";
import type { MikroORM, Transaction } from "@mikro-orm/postgresql";
import { Failure } from "../failure.ts";
import { checkUrl, connectionFailure } from "./connection-failure.ts";
import { databaseOf, migrate } from "./database.ts";
import { ownerRole } from "./entities/tenancy.ts";

/**
 * Brings the schema of a database up to date, and does nothing else.
 *
 * @param url Of a PostgreSQL database, by whatever way
 * @param waits Is told what it waits for, each time that it does. Default: nobody is
 * @returns the names of the migrations that this has run, and no other at the same time
 * @throws Failure "configuration_rejected", without the password, when the database can't be used
 */
export function bringUpToDate(url: string, waits?: (forWhat: string) => void): Promise<string[]> {
  return onDatabase(url, (orm) => migrate(orm, waits));
}

/**
 * The names of the migrations that the database has not had.
 * @throws Failure "configuration_rejected", without the password, when the database can't be used
 */
export function missingMigrations(url: string): Promise<string[]> {
  return onDatabase(url, pendingMigrations);
}

async function onDatabase<Result>(url: string, work: (orm: MikroORM) => Promise<Result>): Promise<Result> {
  checkUrl(url);
  const orm = databaseOf({ url, poolSize: 2, log: () => undefined });
  try {
    return await work(orm);
  } catch (cause) {
    throw cause instanceof Failure ? cause : connectionFailure(url, cause);
  } finally {
    await orm.close(true);
  }
}

/**
 * For a service that is not to bring the schema up to date itself. What the database has had and this
 * version does not know is a later version's, which only adds to what earlier ones work on.
 *
 * @throws Failure "configuration_rejected" that says what is missing, and who runs it
 */
export async function refuseOldSchema(orm: MikroORM): Promise<void> {
  const pending = await pendingMigrations(orm);
  if (pending.length === 0) return;
  throw new Failure("configuration_rejected", `The database has not had the migrations ${pending.join(", ")}.`, {
    where: "service",
    remedy: "Run `npm run migrate` of this version first, or leave MIGRATE=off away.",
  });
}

/** The names of those that this version has and the database has not had, in their order. */
function pendingMigrations(orm: MikroORM): Promise<string[]> {
  return orm.em.fork().transactional(async (em) => {
    const [found] = await em.execute<[{ there: boolean }]>("SELECT to_regclass('migration') IS NOT NULL AS there");
    const reader = new MigrationReader(orm.em);
    if (!found.there) return reader.all();
    await em.execute(`SET LOCAL ROLE ${ownerRole}`);
    return reader.pending(em.getTransactionContext()!);
  });
}

/** Reads within a transaction, and makes nothing. */
class MigrationReader extends Migrator {
  protected override async init(): Promise<void> {}

  async all(): Promise<string[]> {
    return (await this.discoverMigrations()).map(({ name }) => name);
  }

  async pending(transaction: Transaction): Promise<string[]> {
    this.storage.setMasterMigration(transaction);
    return (await this.getPending()).map(({ name }) => name);
  }
}
