/** One PostgreSQL and one MariaDB for the whole run; each test makes databases of its own in them. */
import { rm } from "node:fs/promises";
import pg from "pg";
import type { TestProject } from "vitest/node";
import { startEmbedded } from "../../src/store/embedded.ts";
import { enterableDirectory } from "./directory.ts";
import { encryptionKey, signingKey } from "./keys.ts";
import { ownMariadb } from "./mariadb-server.ts";
import { openOutputs } from "./outputs.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** The superuser's URL of the run's PostgreSQL. */
    postgresUrl: string;
    /** The administrator's URL of the run's MariaDB, or of another server of MySQL's kind. */
    mariadbUrl: string;
  }
}

interface Server {
  readonly url: string;
  stop(): Promise<void>;
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const [postgres, mariadb, outputs] = await Promise.all([startPostgres(), startMariadb(), openOutputs()]);
  project.provide("postgresUrl", postgres.url);
  project.provide("mariadbUrl", mariadb.url);
  project.provide("outputsDirectory", outputs.directory);
  return async () => {
    await Promise.all([postgres.stop(), mariadb.stop()]);
    const passwords = [postgres, mariadb].map(({ url }) => decodeURIComponent(new URL(url).password));
    const searched = await outputs.search([...passwords, signingKey, encryptionKey]);
    await outputs.remove();
    const sizes = Object.entries(searched).map(([kind, bytes]) => `${kind} ${Math.ceil(bytes / 1_000)} kB`);
    console.log(`no credential stands in what the services put out: ${sizes.join(", ")}`);
  };
}

async function startPostgres(): Promise<Server> {
  const directory = await enterableDirectory();
  const embedded = await startEmbedded({ directory });
  await inHaste(embedded.url);
  return {
    url: embedded.databaseUrl("postgres"),
    async stop() {
      await embedded.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** What a run has made is not to outlive the machine: nothing waits for its disk. */
async function inHaste(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query("ALTER SYSTEM SET fsync = off");
  await client.query("ALTER SYSTEM SET full_page_writes = off");
  await client.query("SELECT pg_reload_conf()");
  await client.end();
}

async function startMariadb(): Promise<Server> {
  const url = process.env.TEST_MYSQL_URL;
  return url === undefined ? ownMariadb() : { url, stop: async () => {} };
}
