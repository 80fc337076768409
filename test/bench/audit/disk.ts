/** How long the disk takes to keep something: no commit can be quicker. */
import { open } from "node:fs/promises";
import path from "node:path";

const writes = 1_000;
/** What PostgreSQL's log is written in. */
const block = Buffer.alloc(8_192, 0x6a);

/** Milliseconds of each of many small writes to a file in the directory, one after the other, each kept by `fdatasync`. */
export async function timeDisk(directory: string): Promise<readonly number[]> {
  const file = await open(path.join(directory, "disk"), "w");
  try {
    // As PostgreSQL's log, which is made before it is written.
    for (let i = 0; i < writes; i++) await file.write(block);
    await file.sync();
    const took: number[] = [];
    for (let i = 0; i < writes; i++) {
      const begin = performance.now();
      await file.write(block, 0, block.length, i * block.length);
      await file.datasync();
      took.push(performance.now() - begin);
    }
    return took;
  } finally {
    await file.close();
  }
}
