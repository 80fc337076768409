/** One PostgreSQL for the whole run; each test makes databases of its own in it. */
import { rm } from "node:fs/promises";
import type { TestProject } from "vitest/node";
import { startEmbedded } from "../../src/store/embedded.ts";
import { enterableDirectory } from "./directory.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** The superuser's URL of the run's PostgreSQL. */
    postgresUrl: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const directory = await enterableDirectory();
  const embedded = await startEmbedded({ directory });
  project.provide("postgresUrl", embedded.databaseUrl("postgres"));
  return async () => {
    await embedded.stop();
    await rm(directory, { recursive: true, force: true });
  };
}
