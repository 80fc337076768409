/** The examples as a team of another language runs them: generate from the protos, then run. */
import { execFile } from "node:child_process";
import { cp, mkdir } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { findProgram } from "../../src/demo/observe/program.ts";

const here = fileURLToPath(new URL(".", import.meta.url));
const root = path.resolve(here, "../..");

/** What every example takes. */
export interface Told {
  readonly url: string;
  readonly token: string;
  /** CreateConnectorRequest. */
  readonly source: object;
  readonly resource: string;
}

/** Runs a program to its end, and gives what it prints. */
export async function run(
  program: string,
  args: readonly string[],
  { cwd = here, env = {} }: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<string> {
  const { stdout } = await promisify(execFile)(program, args, { cwd, env: { ...process.env, ...env } });
  return stdout;
}

export function environmentOf({ url, token, source, resource }: Told): Readonly<Record<string, string>> {
  return {
    CONNECTOR_URL: url,
    CONNECTOR_SERVICE: new URL(url).host,
    CONNECTOR_TOKEN: token,
    CONNECTOR_SOURCE: JSON.stringify(source),
    CONNECTOR_RESOURCE: resource,
  };
}

/** What generates Python, and a Python that runs it; undefined where one of them is missing. */
export async function findPython(): Promise<string | undefined> {
  const generators = await Promise.all(["protoc", "grpc_python_plugin"].map(findProgram));
  if (generators.includes(undefined)) return undefined;
  for (const python of [await findProgram("python3"), "/usr/bin/python3"]) {
    if (python !== undefined && (await succeeds(run(python, ["-c", "import grpc"])))) return python;
  }
  return undefined;
}

function succeeds(work: Promise<unknown>): Promise<boolean> {
  return work.then(
    () => true,
    () => false,
  );
}

/** Generates from the protos by an example's own template. */
async function generate(language: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  const paths = ["proto/connector", "build/proto/buf", "build/proto/google"].flatMap((each) => ["--path", each]);
  const template = path.join(here, language, "buf.gen.yaml");
  const buf = path.join(root, "node_modules/.bin/buf");
  await run(buf, ["generate", "--template", template, "-o", to, ...paths], { cwd: root });
}

/** @param directory gets what is generated */
export async function runPython(python: string, told: Told, directory: string): Promise<string> {
  await generate("python", directory);
  return run(python, ["python/main.py"], { env: { ...environmentOf(told), PYTHONPATH: directory } });
}

/** Go with its generators; undefined where one of them is missing. */
export async function findGo(): Promise<string | undefined> {
  const found = await Promise.all(["go", "protoc-gen-go", "protoc-gen-go-grpc"].map(findProgram));
  return found.includes(undefined) ? undefined : found[0];
}

/** @param directory gets what is generated, and the program */
export async function runGo(go: string, told: Told, directory: string): Promise<string> {
  await cp(path.join(here, "go"), directory, { recursive: true });
  await generate("go", directory);
  const program = path.join(directory, "client");
  await run(go, ["build", "-o", program, "."], { cwd: directory });
  return run(program, [], { env: environmentOf(told) });
}

export async function runCurl(told: Told): Promise<string> {
  return run("sh", ["curl/main.sh"], { env: environmentOf(told) });
}
