/** A directory that is gone when the demo is. */
import { chmod, mkdtemp, rm } from "node:fs/promises";
import path from "node:path";
import { Failure } from "../failure.ts";
import { layoutOf, temporaryDirectory } from "../store/embedded/directory.ts";
import { runningPostmaster } from "../store/embedded/postmaster.ts";
import { startEmbedded } from "../store/embedded.ts";

export interface Scratch extends AsyncDisposable {
  readonly directory: string;
}

/** Makes a directory that PostgreSQL's account can reach, which is not root when this process is. */
export async function scratchDirectory(): Promise<Scratch> {
  const directory = await makeIn(await temporaryDirectory());
  return {
    directory,
    async [Symbol.asyncDispose]() {
      // The start of a server that was interrupted may leave it running: it is adopted to be stopped.
      if (await runningPostmaster(layoutOf(directory).data)) await (await startEmbedded({ directory })).stop();
      await rm(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
    },
  };
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
