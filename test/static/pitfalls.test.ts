/** The tests that SECURITY.md names for each known pitfall are there, by these names. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));

const [, section = ""] = readFileSync(`${root}/SECURITY.md`, "utf8").split(
  "## Known pitfalls, and the tests that would fail\n",
);
const rows = section
  .split("\n## ")[0]!
  .split("\n")
  .filter((line) => line.startsWith("| ") && !line.startsWith("| pitfall "))
  .map((line) => line.slice(2, -2).split(" | ") as [pitfall: string, tests: string]);

test.each(rows)("%s", (_, tests) => {
  for (const named of tests.split("<br>")) {
    const [, file, name = ""] = /^`([\w/-]+)`: (.+)$/.exec(named) ?? [];
    const path = `${root}/test/${file}.test.ts`;
    expect(existsSync(path), named).toBe(true);
    const text = readFileSync(path, "utf8");
    // What is counted there stands as "…" here.
    for (const part of name.split("…")) expect(text, named).toContain(part.trim());
  }
});

test("every pitfall has a test", () => {
  expect(rows.length).toBeGreaterThanOrEqual(25);
});
