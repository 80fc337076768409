/** A service with a connector to a database that the test has filled. */
import pg from "pg";
import type { ConnectorClient } from "../../src/client/index.ts";
import { type FreshDatabase, freshDatabase } from "../support/postgres.ts";
import { connectorTo, type TestService, testService } from "../support/service.ts";
import { stopwatch } from "../support/stopwatch.ts";

/** Cells as PostgreSQL writes them. */
export type TextRow = readonly (string | null)[];

export interface Source {
  readonly service: TestService;
  readonly client: ConnectorClient;
  readonly connectorId: string;
  /** The source's database, as its superuser. */
  readonly url: string;
  /** Runs statements there, beside the service; gives the last one's rows as text. */
  run(text: string, parameters?: readonly (string | null)[]): Promise<readonly TextRow[]>;
  stop(): Promise<void>;
}

/**
 * @param statements what fills the database
 * @param environment the service's own
 * @param asUser makes the user as whom the connector reads; by default the superuser
 */
export async function serviceWithSource(
  statements: string,
  environment: Readonly<Record<string, string>> = {},
  asUser: (database: FreshDatabase) => Promise<string> = async ({ url }) => url,
): Promise<Source> {
  const [service, database] = await Promise.all([testService({ ...environment }), freshDatabase()]);
  const own = new pg.Client({ connectionString: database.url, application_name: "the test" });
  await own.connect();
  await own.query(statements);
  const connector = await service.client.createConnector(connectorTo(await asUser(database)));
  return {
    service,
    client: service.client,
    connectorId: connector.id,
    url: database.url,
    run: (text, parameters) => rowsOf(own, text, parameters),
    async stop() {
      await own.end();
      await service.stop();
      await database.drop();
    },
  };
}

/** Runs statements and gives the last one's rows, no cell made into a JavaScript value. */
export async function rowsOf(
  client: pg.Client,
  text: string,
  parameters?: readonly (string | null)[],
): Promise<readonly TextRow[]> {
  const types = { getTypeParser: () => (cell: string) => cell };
  const query = { text, rowMode: "array", types, ...(parameters && { values: [...parameters] }) };
  const result = await client.query(query as unknown as pg.QueryArrayConfig);
  return ([result].flat().at(-1)?.rows ?? []) as TextRow[];
}

/** Milliseconds after which nobody waits any more for what should be at once. */
const limitMs = 30_000;

/**
 * Asks until the statement's only cell is this, or fails after some time with what it was.
 * Gives the milliseconds for which it was another one. What asking takes is not counted.
 */
export async function until(source: Pick<Source, "run">, text: string, expected: string): Promise<number> {
  const took = stopwatch();
  for (let otherMs = 0; ; ) {
    const askedMs = took();
    const cell = (await source.run(text))[0]?.[0];
    if (cell === expected) return otherMs;
    otherMs = askedMs;
    if (otherMs > limitMs) throw new Error(`${text} is still ${cell} and not ${expected}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
