/**
 * Loaded before the demo (`node --import`): writes the random bytes that it makes
 * its passwords and keys of to file descriptor 3, in hexadecimal, a line each.
 */
import crypto from "node:crypto";
import { writeSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";

const { randomBytes } = crypto;

crypto.randomBytes = ((size: number) => {
  const bytes = randomBytes(size);
  writeSync(3, `${bytes.toString("hex")}\n`);
  return bytes;
}) as typeof randomBytes;
syncBuiltinESMExports();
