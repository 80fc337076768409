/** The directory that holds everything of the built-in PostgreSQL. */
import { chmod, mkdir, realpath } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { Failure } from "../../failure.ts";
import { type Account, firstBarrier, serverAccount } from "./account.ts";

/** What lies where below the directory. */
export interface Layout {
  readonly directory: string;
  /** Comes and goes as a whole, so that no data is ever without its password. */
  readonly cluster: string;
  /** PGDATA. */
  readonly data: string;
  readonly passwordFile: string;
  readonly logFile: string;
}

export function layoutOf(directory: string, cluster: string = path.join(directory, "cluster")): Layout {
  return {
    directory,
    cluster,
    data: path.join(cluster, "data"),
    passwordFile: path.join(cluster, "password"),
    logFile: path.join(cluster, "postgresql.log"),
  };
}

/**
 * Where the data goes when nobody says: `$XDG_DATA_HOME/connector-service`, else
 * `~/.local/share/connector-service`; for root `/var/lib/connector-service`, since
 * PostgreSQL's account can't enter root's home.
 *
 * Source: XDG Base Directory Specification 0.8, which ignores a relative path.
 */
export function defaultDataDirectory(environment: { readonly XDG_DATA_HOME?: string | undefined }): string {
  if (process.getuid?.() === 0) return "/var/lib/connector-service";
  const given = environment.XDG_DATA_HOME;
  const home = given && path.isAbsolute(given) ? given : path.join(os.homedir(), ".local", "share");
  return path.join(home, "connector-service");
}

/**
 * Makes the directory, if need be, and gives its real path.
 * @throws Failure "configuration_rejected" when it can't be made.
 */
export async function makeDirectory(given: string): Promise<string> {
  const directory = path.resolve(given);
  // Others may pass through what root makes, as PostgreSQL's account must; what is in it is closed.
  const mode = process.getuid?.() === 0 ? 0o711 : 0o700;
  try {
    const first = await mkdir(directory, { recursive: true });
    if (first !== undefined) {
      for (let made = directory; ; made = path.dirname(made)) {
        await chmod(made, mode);
        if (made === first) break;
      }
    }
    return await realpath(directory);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new Failure("configuration_rejected", `The data directory ${directory} can't be made (${code}).`, {
      where: "service",
      remedy: "Name one that you may write to in CONNECTOR_DATA_DIR, or set DATABASE_URL.",
      cause,
    });
  }
}

/** @throws Failure "configuration_rejected" that names what keeps the account out. */
export async function ensureReachable(directory: string, account: Account | undefined): Promise<void> {
  const barrier = await firstBarrier(directory, "execute", account);
  if (barrier === undefined || account === undefined) return;
  throw new Failure(
    "configuration_rejected",
    `PostgreSQL can't run as root, and the account that it runs as (uid ${account.uid}) can't enter ${barrier}, ` +
      `which leads to the data directory ${directory}.`,
    {
      where: "service",
      remedy: `Let others pass through it (chmod o+x ${barrier}), name another directory in CONNECTOR_DATA_DIR, or set DATABASE_URL.`,
    },
  );
}

/**
 * The directory for temporary ones in which PostgreSQL's account can reach them: root's
 * TMPDIR is often one that only root may enter.
 *
 * @throws Failure "configuration_rejected" when there is none
 */
export async function temporaryDirectory(): Promise<string> {
  const usual = os.tmpdir();
  for (const parent of [usual, "/tmp", "/var/tmp"]) {
    const account = await serverAccount(path.join(parent, "data"));
    const barrier = await firstBarrier(parent, "execute", account).catch(() => parent);
    if (barrier === undefined) return parent;
  }
  throw new Failure("configuration_rejected", `PostgreSQL can't run as root, nor its own account enter ${usual}.`, {
    where: "service",
    remedy: "Run this as a normal user, or name a directory that every user may enter in TMPDIR.",
  });
}
