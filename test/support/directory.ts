/** Directories of the tests' own. */
import { chmod, mkdtemp, readFile, statfs } from "node:fs/promises";
import path from "node:path";
import { temporaryDirectory } from "../../src/store/embedded/directory.ts";

/**
 * A new directory that PostgreSQL's account can enter when root runs the tests. In memory, where
 * there is much of it: thousands of small files cost the kernel a tenth of what they do on a disk.
 */
export async function enterableDirectory(): Promise<string> {
  return directoryBelow((await roomyMemory()) ?? (await temporaryDirectory()));
}

/** The same on a disk: for what measures how fast something is kept. */
export async function diskDirectory(): Promise<string> {
  return directoryBelow(await temporaryDirectory());
}

async function directoryBelow(root: string): Promise<string> {
  const directory = await mkdtemp(path.join(root, "connector-service-"));
  await chmod(directory, 0o711);
  return directory;
}

const memory = "/dev/shm";
/** Bytes that a whole run needs, several times over. */
const roomyBytes = 8 * 2 ** 30;

/** A file system in memory that takes a whole run, and programs that are run; undefined where there is none. */
async function roomyMemory(): Promise<string | undefined> {
  const mounts = await readFile("/proc/mounts", "utf8").catch(() => "");
  const options = mounts.split("\n").flatMap((line) => {
    const [, place, type, options = ""] = line.split(" ");
    return place === memory && type === "tmpfs" ? options.split(",") : [];
  });
  if (!options.includes("rw") || options.includes("noexec")) return undefined;
  const { bavail, bsize } = await statfs(memory);
  return Math.min(bavail * bsize, process.availableMemory()) >= roomyBytes ? memory : undefined;
}
