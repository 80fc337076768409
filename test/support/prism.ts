/** Figma's API, as prism answers it out of Figma's own OpenAPI document. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { parse } from "yaml";
import { freePort } from "../../src/store/embedded/cluster.ts";
import { temporaryDirectory } from "../../src/store/embedded/directory.ts";
import { untilSaid } from "./said.ts";

export interface Mock {
  /** `http://127.0.0.1:4010`. */
  readonly url: string;
  /** The whole document, as Figma publishes it. */
  readonly document: string;
  stop(): Promise<void>;
}

/** A JSON value of the document. */
type Part = Readonly<Record<string, unknown>>;

/**
 * What prism is given. It takes half a minute for the operations on the contents of files, whose
 * nodes are of some hundred kinds within one another, and a second for all others.
 */
const served =
  /^\/v1\/(?:me|files\/\{file_key\}\/(?:comments|versions|dev_resources).*|teams\/.*|activity_logs|payments)$|^\/v2\//;

/** Settles when it answers. It answers what the document has for an example, and a text, a 0 or a true for all else. */
export async function figmaMock(): Promise<Mock> {
  const require = createRequire(import.meta.url);
  const document = await readFile(require.resolve("@figma/rest-api-spec/openapi/openapi.yaml"), "utf8");
  const directory = await mkdtemp(path.join(await temporaryDirectory(), "connector-prism-"));
  const file = path.join(directory, "openapi.json");
  await writeFile(file, JSON.stringify(partOf(parse(document) as Part)));
  const port = await freePort();
  const prism = require.resolve("@stoplight/prism-cli/dist/index.js");
  const options = ["mock", "--multiprocess=false", "--host=127.0.0.1", `--port=${port}`, file];
  const child = spawn(process.execPath, [prism, ...options], { stdio: ["ignore", "pipe", "inherit"] });
  const stop = async () => {
    const exit = child.exitCode === null && child.signalCode === null ? once(child, "exit") : undefined;
    child.kill("SIGKILL");
    await exit;
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await untilSaid("prism", child.stdout, "Prism is listening");
    return { url: `http://127.0.0.1:${port}`, document, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The document with some of its operations, as they are, and what they refer to. */
function partOf(document: Part): Part {
  const all = document.components as Readonly<Record<string, Part>>;
  const paths = Object.fromEntries(Object.entries(document.paths as Part).filter(([name]) => served.test(name)));
  const references = new Set<string>();
  const collect = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    const reference = (value as Part).$ref;
    if (typeof reference === "string" && !references.has(reference)) {
      references.add(reference);
      const [, , group = "", name = ""] = reference.split("/");
      collect(all[group]?.[name]);
    }
    Object.values(value).forEach(collect);
  };
  collect(paths);
  const kept = Object.entries(all).map(([group, parts]) => {
    const used = Object.entries(parts).filter(([name]) => references.has(`#/components/${group}/${name}`));
    return [group, group === "securitySchemes" ? parts : Object.fromEntries(used)];
  });
  const components = Object.fromEntries(kept);
  return { ...document, paths, components };
}
