/** Finds programs on this machine, and brings those that are not there where that may be done. */
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
    await install(apt, ["prometheus"], ["prometheus"]).catch(() => {});
    const program = await findProgram("prometheus");
    if (program !== undefined) return { program };
  }
  return { advice: "sudo apt-get update && sudo apt-get install -y --no-install-recommends prometheus" };
}

/**
 * Installs packages of Debian or Ubuntu, which takes the rights of root.
 *
 * @param apt The path of apt-get
 * @param services What the packages start by themselves, which is stopped: it was not here before, so it is nobody else's
 * @throws Error with all that apt said
 */
export async function install(
  apt: string,
  packages: readonly string[],
  services: readonly string[] = [],
): Promise<void> {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const run = async (...args: string[]) => {
    await promisify(execFile)(apt, args, { env, maxBuffer: 64 * 1_048_576 }).catch((failed) => {
      throw new Error(`${failed.stdout}${failed.stderr}\napt-get ${args.join(" ")} failed (${failed.code}).`);
    });
  };
  await run("update", "-q");
  await run("install", "-y", "-q", "--no-install-recommends", ...packages);
  for (const service of services) await promisify(execFile)("service", [service, "stop"]).catch(() => {});
}
