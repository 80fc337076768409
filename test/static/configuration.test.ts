/** What operators read of configuration is what the service reads. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { variables } from "../../src/config.ts";

test("the page of configuration has every variable that the service reads, and no other", () => {
  const page = readFileSync(new URL("../../deploy/CONFIGURATION.md", import.meta.url), "utf8");
  const rows = page.split("\n").filter((line) => line.startsWith("| `"));
  const named = rows.flatMap((row) =>
    [...(row.split(" | ")[0] ?? "").matchAll(/`([A-Z][A-Z0-9_]+)`/g)].map(([, name]) => name),
  );
  expect(named.toSorted()).toEqual([...variables].toSorted());
});
