/** What a disk takes to keep anything: a log that is nothing but a file. */
import { type FileHandle, open } from "node:fs/promises";
import path from "node:path";

/** A file of this size is written round and round, as PostgreSQL's own log in files that it has already. */
const blocks = 2_000;
const block = Buffer.alloc(8_192, 0x6a);

export interface BareLog {
  /** Settles when what was told is on the disk: who comes while it is written goes with the next write. */
  keep(): Promise<void>;
  close(): Promise<void>;
}

export async function openBareLog(directory: string): Promise<BareLog> {
  const file = await open(path.join(directory, "bare"), "w");
  for (let i = 0; i < blocks; i++) await file.write(block);
  await file.sync();
  let writing: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  let at = 0;

  async function write(to: FileHandle): Promise<void> {
    at = (at + 1) % blocks;
    await to.write(block, 0, block.length, at * block.length);
    await to.datasync();
  }

  return {
    keep() {
      next ??= Promise.resolve(writing).then(() => {
        next = undefined;
        writing = write(file);
        return writing;
      });
      return next;
    },
    close: () => file.close(),
  };
}
