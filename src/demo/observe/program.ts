/** Finds Prometheus on this machine, or brings it where that may be done. */
import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { access } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";

/** Where Debian and Homebrew keep servers that are not on everybody's PATH. */
const morePlaces = ["/usr/local/sbin", "/usr/sbin", "/sbin", "/opt/homebrew/bin"];

/** The path of a program, or undefined when this machine has none. */
export async function findProgram(program: string): Promise<string | undefined> {
  for (const place of [...(process.env.PATH ?? "").split(path.delimiter), ...morePlaces]) {
    const file = path.join(place, program);
    if (place !== "" && (await isExecutable(file))) return file;
  }
  return undefined;
}

async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Its path; or what to do, when it is not here and can't be brought. */
export type Found = { readonly program: string } | { readonly advice: string };

/** @param installing hears of it when it is brought, which takes a while */
export async function findPrometheus(installing: () => void): Promise<Found> {
  const there = await findProgram("prometheus");
  if (there !== undefined) return { program: there };
  const apt = await findProgram("apt-get");
  if (apt === undefined) return { advice: "brew install prometheus" };
  if (process.getuid?.() === 0) {
    installing();
    await install(apt).catch(() => {});
    const program = await findProgram("prometheus");
    if (program !== undefined) return { program };
  }
  return { advice: "sudo apt-get update && sudo apt-get install -y --no-install-recommends prometheus" };
}

async function install(apt: string): Promise<void> {
  const run = promisify(execFile);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  await run(apt, ["update", "-q"], { env });
  await run(apt, ["install", "-y", "-q", "--no-install-recommends", "prometheus"], { env });
  // The package starts a Prometheus of its own: it was not here before, so it is nobody else's.
  await run("service", ["prometheus", "stop"]).catch(() => {});
}
