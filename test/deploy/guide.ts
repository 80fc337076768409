/** The commands of `deploy/OPERATING.md`, which the tests run as they stand there. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const root = fileURLToPath(new URL("../..", import.meta.url));
const guide = readFileSync(new URL("../../deploy/OPERATING.md", import.meta.url), "utf8");

/** The block of commands behind the comment `<!-- commands: NAME -->`. */
export function commands(name: string): string {
  const [, found] = new RegExp(`<!-- commands: ${name} -->\\s+\`\`\`sh\n([\\s\\S]*?)\`\`\``).exec(guide) ?? [];
  if (found === undefined) throw new Error(`OPERATING.md has no commands named ${name}.`);
  return found;
}

/** Runs them in the checkout by a shell that stops at the first that fails, with these variables and no others. */
export async function follow(name: string, environment: Readonly<Record<string, string>>): Promise<string> {
  const { stdout } = await promisify(execFile)("sh", ["-euc", commands(name)], { cwd: root, env: environment });
  return stdout;
}
