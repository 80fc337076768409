/** The client for browsers has nothing of Node's in what it loads. */
import { readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const source = fileURLToPath(new URL("../../src", import.meta.url));

/** Every file that loading one loads, by its path in `src`; generated files load only each other. */
function loadedBy(file: string, loaded = new Map<string, string[]>()): Map<string, string[]> {
  if (loaded.has(file) || file.startsWith("gen/")) return loaded;
  const text = readFileSync(join(source, file), "utf8");
  const targets = [...text.matchAll(/^(?:import|export) (?!type\b)[^;]*?from "([^"]+)"/gms)].map(
    ([, name = ""]) => name,
  );
  loaded.set(file, targets);
  for (const target of targets) {
    if (target.startsWith(".")) loadedBy(relative(source, join(source, dirname(file), target)), loaded);
  }
  return loaded;
}

test("the client for browsers loads no module of Node's, and what it loads of others runs in browsers", () => {
  const loaded = loadedBy("client/web.ts");
  const packages = new Set([...loaded.values()].flat().filter((name) => !name.startsWith(".")));

  expect(loaded.size).toBeGreaterThan(15);
  expect([...packages].sort()).toEqual([
    "@bufbuild/protobuf",
    "@bufbuild/protobuf/wire",
    "@bufbuild/protobuf/wkt",
    "@connectrpc/connect",
    "@connectrpc/connect/protocol-connect",
    "@connectrpc/connect/protocol-grpc-web",
  ]);
});
