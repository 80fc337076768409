/** A directory that is gone when the demo is. */
import { chmod, mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { Failure } from "../failure.ts";
import { firstBarrier, serverAccount } from "../store/embedded/account.ts";
import { layoutOf } from "../store/embedded/directory.ts";
import { runningPostmaster } from "../store/embedded/postmaster.ts";
import { startEmbedded } from "../store/embedded.ts";

export interface Scratch extends AsyncDisposable {
  readonly directory: string;
}

/** Makes a directory that PostgreSQL's account can reach, which is not root when this process is. */
export async function scratchDirectory(): Promise<Scratch> {
  const directory = await makeIn(await reachableParent());
  return {
    directory,
    async [Symbol.asyncDispose]() {
      // The start of a server that was interrupted may leave it running: it is adopted to be stopped.
      if (await runningPostmaster(layoutOf(directory).data)) await (await startEmbedded({ directory })).stop();
      await rm(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
    },
  };
}

/** Root's TMPDIR is often one that only root may enter. */
async function reachableParent(): Promise<string> {
  const usual = os.tmpdir();
  for (const parent of [usual, "/tmp", "/var/tmp"]) {
    const account = await serverAccount(path.join(parent, "data"));
    const barrier = await firstBarrier(parent, "execute", account).catch(() => parent);
    if (barrier === undefined) return parent;
  }
  throw new Failure("configuration_rejected", `PostgreSQL can't run as root, nor its own account enter ${usual}.`, {
    remedy: "Run the demo as a normal user, or name a directory that every user may enter in TMPDIR.",
  });
}

async function makeIn(parent: string): Promise<string> {
  try {
    const directory = await mkdtemp(path.join(parent, "connector-demo-"));
    // To pass through, no more: what is in it is closed.
    if (process.getuid?.() === 0) await chmod(directory, 0o711);
    return directory;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new Failure("configuration_rejected", `No temporary directory can be made in ${parent} (${code}).`, {
      remedy: "Name a directory that you may write to in TMPDIR.",
      cause,
    });
  }
}
