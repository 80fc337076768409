import { chmod, mkdtemp } from "node:fs/promises";
import path from "node:path";
import { temporaryDirectory } from "../../src/store/embedded/directory.ts";

/** A new directory that PostgreSQL's account can enter when root runs the tests. */
export async function enterableDirectory(): Promise<string> {
  const directory = await mkdtemp(path.join(await temporaryDirectory(), "connector-service-"));
  await chmod(directory, 0o711);
  return directory;
}
