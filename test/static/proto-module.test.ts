/** The protos are a module that another team can build: whatever they import is named as a dependency. */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { parse } from "yaml";

const proto = fileURLToPath(new URL("../../proto", import.meta.url));

/** Which module of buf's registry has what. */
const modules: Readonly<Record<string, string>> = {
  "google/api": "buf.build/googleapis/googleapis",
  "google/rpc": "buf.build/googleapis/googleapis",
  "buf/validate": "buf.build/bufbuild/protovalidate",
};

test("the module of the protos names every other module that they import, and no more", () => {
  const imported = globSync("connector/**/*.proto", { cwd: proto })
    .flatMap((file) => [...readFileSync(join(proto, file), "utf8").matchAll(/^import "([^"]+)";/gm)])
    .map(([, file = ""]) => file.split("/").slice(0, 2).join("/"))
    .filter((folder) => folder !== "connector/v1" && folder !== "google/protobuf");
  const needed = imported.map((folder) => modules[folder] ?? `a module that has ${folder}`);

  const { deps } = parse(readFileSync(join(proto, "buf.yaml"), "utf8")) as { deps: string[] };

  expect(deps.toSorted()).toEqual([...new Set(needed)].sort());
});
