/** One PostgreSQL and one MariaDB for the whole run; each test makes databases of its own in them. */
import { rm } from "node:fs/promises";
import pg from "pg";
import type { TestProject } from "vitest/node";
import { type Embedded, startEmbedded } from "../../src/store/embedded.ts";
import { openStore } from "../../src/store/store.ts";
import { plantSeed, seededDirectory } from "./cluster-seed.ts";
import { encryptionKey, signingKey } from "./keys.ts";
import { ownMariadb } from "./mariadb-server.ts";
import { openOutputs } from "./outputs.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** The superuser's URL of the run's PostgreSQL. */
    postgresUrl: string;
    /** The name of a database of the run's PostgreSQL that has the store's schema, and nobody may connect to. */
    storeTemplate: string;
    /** The administrator's URL of the run's MariaDB, or of another server of MySQL's kind. */
    mariadbUrl: string;
  }
}

interface Server {
  readonly url: string;
  stop(): Promise<void>;
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const seed = await plantSeed();
  const [postgres, mariadb, outputs] = await Promise.all([startPostgres(seed), startMariadb(), openOutputs()]);
  project.provide("clusterSeed", seed);
  project.provide("postgresUrl", postgres.url);
  project.provide("storeTemplate", storeTemplate);
  project.provide("mariadbUrl", mariadb.url);
  project.provide("outputsDirectory", outputs.directory);
  return async () => {
    await Promise.all([postgres.stop(), mariadb.stop(), rm(seed, { recursive: true, force: true })]);
    const passwords = [postgres, mariadb].map(({ url }) => decodeURIComponent(new URL(url).password));
    const { secrets, ...searched } = await outputs.search([...passwords, signingKey, encryptionKey]);
    await outputs.remove();
    const sizes = Object.entries(searched).map(([kind, bytes]) => `${kind} ${Math.ceil(bytes / 1_000)} kB`);
    console.log(`none of ${secrets} credentials stands in what the services put out: ${sizes.join(", ")}`);
  };
}

async function startPostgres(seed: string): Promise<Server> {
  const directory = await seededDirectory(seed);
  const embedded = await startEmbedded({ directory });
  await makeTemplate(embedded);
  return {
    url: embedded.databaseUrl("postgres"),
    async stop() {
      await embedded.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

const storeTemplate = "store_template";

async function makeTemplate(server: Embedded): Promise<void> {
  const store = await openStore({ url: await server.createDatabase(storeTemplate), poolSize: 2 });
  await store.close();
  const client = new pg.Client({ connectionString: server.databaseUrl("postgres") });
  await client.connect();
  // A database that somebody is connected to can't be copied.
  await client.query(`ALTER DATABASE ${storeTemplate} ALLOW_CONNECTIONS false`);
  await client.end();
}

async function startMariadb(): Promise<Server> {
  const url = process.env.TEST_MYSQL_URL;
  return url === undefined ? ownMariadb() : { url, stop: async () => {} };
}
