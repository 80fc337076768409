/**
 * The steps of the Dockerfile, run one by one on this machine in a directory that has what a build
 * sees and nothing else; and what comes of them, run as the image runs it.
 */
import { execFile } from "node:child_process";
import { cp, mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runProgram } from "../service/process.ts";
import { diskDirectory } from "../support/directory.ts";
import { encryptionKey, signingKey } from "../support/keys.ts";
import { type FreshDatabase, freshDatabase } from "../support/postgres.ts";
import { isTorture } from "../torture/scale.ts";
import { argumentsOf, root, type Stage, stages, visiblePaths } from "./dockerfile.ts";

let machine: string;
let store: FreshDatabase;

beforeAll(async () => {
  [machine, store] = await Promise.all([diskDirectory(), freshDatabase()]);
});

afterAll(async () => {
  await Promise.all([rm(machine, { recursive: true, force: true, maxRetries: 10 }), store.drop()]);
});

/** Where a stage's file system is. */
const disk = (stage: string) => path.join(machine, stage);
const context = () => disk("context");

async function build(stage: Stage): Promise<void> {
  let directory = disk(stage.name ?? "last");
  await mkdir(directory, { recursive: true });
  for (const { keyword, argument } of stage.instructions) {
    if (keyword === "WORKDIR") {
      directory = path.join(disk(stage.name ?? "last"), argument);
      await mkdir(directory, { recursive: true });
    }
    if (keyword === "COPY") await copy(argument, directory);
    if (keyword === "RUN") await perform(argument, directory);
  }
}

async function copy(argument: string, directory: string): Promise<void> {
  const words = argument.split(" ");
  const [, from] = /^--from=(\S+)$/.exec(words[0] ?? "") ?? [];
  const sources = words.slice(from === undefined ? 0 : 1, -1);
  const to = path.resolve(directory, words.at(-1) ?? ".");
  for (const source of sources) {
    const origin = path.join(from === undefined ? context() : disk(from), source);
    // Several go into a directory, one takes the name that is given.
    await cp(origin, sources.length > 1 ? path.join(to, source) : to, { recursive: true, verbatimSymlinks: true });
  }
}

async function perform(command: string, directory: string): Promise<void> {
  if (command.startsWith("npm ci") && !isTorture) return install(command, directory);
  const options = command.startsWith("npm ci") ? " --prefer-offline" : "";
  await promisify(execFile)("sh", ["-ec", `${command}${options}`], { cwd: directory, maxBuffer: 64 * 1024 * 1024 });
}

interface Locked {
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly devOptional?: boolean;
}

/** Installs nothing anew: the packages that `npm ci` would install are those of the checkout. */
async function install(command: string, directory: string): Promise<void> {
  const { packages } = JSON.parse(await readFile(path.join(directory, "package-lock.json"), "utf8")) as {
    packages: Record<string, Locked>;
  };
  const all = !command.includes("--omit=dev");
  for (const [place, { dev, optional, devOptional }] of Object.entries(packages)) {
    // What lies in another package comes with it.
    if (!/^node_modules\/(@[^/]+\/)?[^/]+$/.test(place)) continue;
    if (!all && (dev || optional || devOptional)) continue;
    const link = path.join(directory, place);
    await mkdir(path.dirname(link), { recursive: true });
    await symlink(path.join(root, place), link);
  }
  if (all) await symlink(path.join(root, "node_modules/.bin"), path.join(directory, "node_modules/.bin"));
  // By it `npm run` knows that all is installed.
  await writeFile(path.join(directory, "node_modules/.package-lock.json"), "{}");
}

const command = (argument: string): string[] => JSON.parse(argument.replace(/^.*?CMD /, "")) as string[];
const settingsOf = (lines: readonly string[]) =>
  Object.fromEntries(lines.flatMap((line) => line.split(" ").map((pair) => pair.split("=") as [string, string])));

/** Every file of the image, and none of its packages'. */
async function files(): Promise<string[]> {
  const entries = await readdir(disk("last"), { recursive: true });
  return entries.filter((entry) => !entry.includes("node_modules/")).toSorted();
}

test("the steps make an image that migrates, serves, finds itself healthy, and writes nothing to itself", async () => {
  for (const name of visiblePaths()) {
    await cp(path.join(root, name), path.join(context(), name), {
      recursive: true,
      // Made by the build.
      filter: (source) => source !== path.join(root, "src/gen"),
    });
  }
  for (const stage of stages) await build(stage);
  const made = await files();
  const directory = path.join(disk("last"), "service");
  const environment = {
    ...settingsOf(argumentsOf("ENV")),
    ...{ HOST: "127.0.0.1", PORT: "0", METRICS_PORT: "0", MIGRATE: "off" },
    ...{ DATABASE_URL: store.url, ENCRYPTION_KEYS: `a:${encryptionKey}`, SIGNING_KEY: signingKey },
  };

  const early = await runProgram(path.join(directory, "dist/main.js"), environment).ended;
  expect(early).toMatchObject({ status: 1, stderr: expect.stringContaining("npm run migrate") });

  const job = await runProgram(path.join(directory, "dist/cli/migrate.js"), { DATABASE_URL: store.url }).ended;
  expect(job).toMatchObject({ status: 0, stderr: "" });

  const [node, ...options] = command(argumentsOf("CMD")[0] ?? "");
  expect(node).toBe("node");
  const main = path.join(directory, options.pop() ?? "");
  const service = runProgram(main, { ...environment, NODE_OPTIONS: options.join(" ") });
  const { port } = new URL(await service.url);
  const [program = "", ...rest] = command(argumentsOf("HEALTHCHECK")[0] ?? "");
  const check = promisify(execFile)(program, rest, { cwd: directory, env: { PATH: process.env.PATH, PORT: port } });
  await expect(check).resolves.toMatchObject({ stdout: "SERVING\n" });
  service.child.kill("SIGTERM");
  expect(await service.ended).toMatchObject({ status: 0, stderr: "" });
  expect(await files()).toEqual(made);
}, 600_000);
