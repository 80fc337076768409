/** A service with a connector to a database of any kind, by a user who may only read. */
import type { ConnectorClient } from "../../src/client/index.ts";
import { mysqlKind } from "../support/mysql-kind.ts";
import { postgresqlKind } from "../support/postgresql-kind.ts";
import { connectorTo, type TestService, testService } from "../support/service.ts";
import type { SourceClient, SourceKind } from "../support/source-kind.ts";
import { stopwatch } from "../support/stopwatch.ts";

/** For `describe.each`: `describe.each(kinds)("of $id", (kind) => …)`. */
export const kinds: readonly SourceKind[] = [postgresqlKind, mysqlKind];

/** A database with a user who may only read. */
export interface ReadDatabase {
  /** As that user. */
  readonly url: string;
  readonly user: string;
  /** Beside the service, as the database's administrator. */
  readonly admin: SourceClient;
  /** The user's connections, and those of them that are busy. */
  connections(): Promise<{ readonly open: number; readonly busy: number }>;
  drop(): Promise<void>;
}

/** @param fill statements that fill the database */
export async function databaseWithReader(kind: SourceKind, fill: string): Promise<ReadDatabase> {
  const database = await kind.freshDatabase();
  const admin = kind.client(database.url);
  await admin.run(fill);
  const user = `reader_${crypto.randomUUID().slice(-12)}`;
  await kind.createReader(admin, user);
  const url = new URL(database.url);
  Object.assign(url, { username: user, password: user });
  // Of who has never logged in MySQL asks the password itself, which is not sent without TLS.
  const first = kind.client(url.href);
  await first.run("SELECT 1");
  await first.close();
  return {
    ...{ url: url.href, user, admin },
    connections: () => kind.connections(admin, user),
    async drop() {
      await kind.dropReader(admin, user);
      await admin.close();
      await database.drop();
    },
  };
}

export interface ReaderSource extends Omit<ReadDatabase, "drop"> {
  readonly service: TestService;
  readonly client: ConnectorClient;
  readonly connectorId: string;
  stop(): Promise<void>;
}

/** @param environment the service's own */
export async function serviceWithReader(
  kind: SourceKind,
  fill: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<ReaderSource> {
  const [service, database] = await Promise.all([testService({ ...environment }), databaseWithReader(kind, fill)]);
  const { drop, ...rest } = database;
  const { id } = await service.client.createConnector(connectorTo(database.url));
  return {
    ...rest,
    ...{ service, client: service.client, connectorId: id },
    async stop() {
      await service.stop();
      await drop();
    },
  };
}

/** Milliseconds after which nobody waits any more for what should be at once. */
const limitMs = 30_000;

/**
 * Looks until as many of the user's connections are busy as expected. Gives the milliseconds
 * for which they were not; what looking takes is not counted.
 */
export async function untilBusy(source: Pick<ReadDatabase, "connections">, expected: number): Promise<number> {
  const took = stopwatch();
  for (let otherMs = 0; ; ) {
    const askedMs = took();
    const { busy } = await source.connections();
    if (busy === expected) return otherMs;
    otherMs = askedMs;
    if (otherMs > limitMs) throw new Error(`${busy} connections are busy and not ${expected}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
