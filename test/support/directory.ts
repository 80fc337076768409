import { chmod, mkdtemp } from "node:fs/promises";
import os from "node:os";
import path from "node:path";

/** A new directory that PostgreSQL's account can enter when root runs the tests. */
export async function enterableDirectory(): Promise<string> {
  const directory = await mkdtemp(path.join(os.tmpdir(), "connector-service-"));
  await chmod(directory, 0o711);
  return directory;
}
