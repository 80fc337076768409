/** What of others' work is installed, and what it may do then. */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));

interface Manifest {
  readonly allowScripts: Readonly<Record<string, boolean>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly optionalDependencies: Readonly<Record<string, string>>;
}

interface Locked {
  readonly version: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly hasInstallScript?: boolean;
  readonly optional?: boolean;
  readonly dev?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
}

interface Component {
  readonly name: string;
  readonly group?: string;
  readonly version: string;
  readonly purl: string;
  readonly properties?: readonly { readonly name: string }[];
}

const developmentMark = "cdx:npm:package:development";

const read = async <T>(file: string) => JSON.parse(await readFile(`${root}/${file}`, "utf8")) as T;
const manifest = await read<Manifest>("package.json");
const lock = await read<{ readonly packages: Readonly<Record<string, Locked>> }>("package-lock.json");
const locked = Object.entries(lock.packages).flatMap(([path, entry]) => {
  const name = path.split("node_modules/").at(-1) ?? "";
  return name === "" ? [] : [{ ...entry, name }];
});

test("every dependency is one exact version", () => {
  const { dependencies, devDependencies, optionalDependencies } = manifest;
  const versions = Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies });
  expect(versions.filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))).toEqual([]);
});

test("every package that would run a script when it is installed has been decided on", () => {
  const scripted = locked.filter(({ hasInstallScript }) => hasInstallScript).map(({ name }) => name);
  expect(Object.keys(manifest.allowScripts).toSorted()).toEqual([...new Set(scripted)].toSorted());
});

test("what is installed is what was reviewed: the lock holds a hash of all that runs here", () => {
  // Binaries of other platforms, which only their own machines install.
  const runsHere = ({ os = [], cpu = [], libc = ["glibc"] }: Locked) =>
    os.includes(process.platform) && cpu.includes(process.arch) && libc.includes("glibc");
  const foreign = (entry: Locked) => entry.optional === true && !runsHere(entry);
  const unhashed = locked.filter((entry) => entry.integrity === undefined && !foreign(entry));
  expect(unhashed.map(({ name }) => name)).toEqual([]);
  expect(locked.filter(({ integrity = "sha512-" }) => !integrity.startsWith("sha512-"))).toEqual([]);
});

test("the bill of materials names every package, and marks those that only build and test", async () => {
  const { stdout } = await promisify(execFile)("npm", ["run", "-s", "sbom"], { cwd: root, maxBuffer: 2 ** 26 });
  const { bomFormat, components } = JSON.parse(stdout) as { bomFormat: string; components: readonly Component[] };
  const named = (marked: boolean) =>
    components
      .filter(({ properties = [] }) => marked === properties.some(({ name }) => name === developmentMark))
      .map(({ group, name }) => (group === undefined || group === "" ? name : `${group}/${name}`));
  expect(bomFormat).toBe("CycloneDX");
  expect(named(false)).toEqual(expect.arrayContaining(Object.keys(manifest.dependencies)));
  // One that serves may know one that tests, as pg knows pg-cursor: that one bears no mark.
  expect([...named(true), ...named(false)]).toEqual(expect.arrayContaining(Object.keys(manifest.devDependencies)));
  expect(named(true)).toEqual(expect.arrayContaining(["vitest", "@biomejs/biome", "typescript"]));
  expect(components.every(({ purl, version }) => purl.startsWith("pkg:npm/") && version !== "")).toBe(true);
});
