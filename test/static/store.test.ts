/** Nothing but the store itself has a connection to the service's database in its hands. */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const source = fileURLToPath(new URL("../../src", import.meta.url));

const files = readdirSync(source, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
  .map((entry) => join(entry.parentPath, entry.name))
  .map((path) => ({ name: relative(source, path), text: readFileSync(path, "utf8") }));

const filesWith = (pattern: RegExp) => files.filter(({ text }) => pattern.test(text)).map(({ name }) => name);

test("only the store makes the ORM, and so none but `withOrganization` gives an entity manager", () => {
  expect(filesWith(/\bnew MikroORM\b/)).toEqual(["store/database.ts"]);
  expect(filesWith(/\bdatabaseOf\(/)).toEqual(["store/database.ts", "store/schema.ts", "store/store.ts"]);
  expect(filesWith(/\borm\.em\b/)).toEqual(["store/database.ts", "store/schema.ts", "store/store.ts"]);
});

test("no filter of the ORM stands for the isolation of organizations, as it could be switched off", () => {
  expect(filesWith(/\bfilters:\s*(?:false|\{)/)).toEqual([]);
});
