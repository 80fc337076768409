/**
 * A PostgreSQL cluster that a run makes once: to copy it takes a tenth of the processor time that
 * `initdb` does. How a cluster is made at a first start, the tests of the built-in PostgreSQL show.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import pg from "pg";
import { inject } from "vitest";
import { layoutOf } from "../../src/store/embedded/directory.ts";
import { startEmbedded } from "../../src/store/embedded.ts";
import { enterableDirectory } from "./directory.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** A directory with a cluster that never runs. */
    clusterSeed: string;
  }
}

/** What a run has made is not to outlive the machine: nothing waits for its disk, or is written twice. */
const haste = {
  fsync: "off",
  full_page_writes: "off",
  wal_init_zero: "off",
} as const;

/** Makes the seed, and gives its directory. */
export async function plantSeed(): Promise<string> {
  const directory = await enterableDirectory();
  const embedded = await startEmbedded({ directory });
  const client = new pg.Client({ connectionString: embedded.url });
  await client.connect();
  for (const [name, value] of Object.entries(haste)) await client.query(`ALTER SYSTEM SET ${name} = ${value}`);
  await client.end();
  await embedded.stop();
  return directory;
}

/** A directory for `startEmbedded` or CONNECTOR_DATA_DIR, where the cluster is already made; its remover is the caller. */
export async function seededDirectory(seed: string = inject("clusterSeed")): Promise<string> {
  const directory = await enterableDirectory();
  // With its owner, modes and times: PostgreSQL takes no other's data.
  await promisify(execFile)("cp", ["-a", layoutOf(seed).cluster, layoutOf(directory).cluster]);
  return directory;
}
