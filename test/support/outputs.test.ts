import { writeFile } from "node:fs/promises";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Outputs, openOutputs } from "./outputs.ts";

const secret = "pa/ss+wörd-7aK9x2mQ4vT8";
let outputs: Outputs;

beforeEach(async () => {
  outputs = await openOutputs();
});
afterEach(() => outputs.remove());

test.each([
  ["as it is", secret],
  ["in base64", Buffer.from(`user:${secret}`).toString("base64")],
  ["in hexadecimal digits", Buffer.from(`x${secret}`).toString("hex")],
  ["in a URL", encodeURIComponent(secret)],
  ["where one chunk ends and the next begins", `${"x".repeat(32 * 1024 * 1024 - 5)}${secret}`],
])("a credential %s is found in what was put out", async (_, text) => {
  await writeFile(path.join(outputs.directory, "log-1"), `said before ${text} said behind`);
  await expect(outputs.search([secret])).rejects.toThrow(/log-1 at byte \d+$/);
});

test("a credential that a test has named is looked for, too, and not where it was named", async () => {
  await writeFile(path.join(outputs.directory, "sought-1"), `${JSON.stringify(secret)}\n"another\\nof-two-lines"\n`);
  expect(await outputs.search(["a-third-one"])).toMatchObject({ secrets: 3 });
  await writeFile(path.join(outputs.directory, "errors-1"), `error: ${secret}`);
  await expect(outputs.search(["a-third-one"])).rejects.toThrow(/errors-1 at byte 7$/);
});

test("what was searched is told by its kind", async () => {
  await writeFile(path.join(outputs.directory, "log-1"), "a line");
  await writeFile(path.join(outputs.directory, "errors-1"), "an error");
  expect(await outputs.search([secret])).toEqual({ log: 6, metrics: 0, errors: 8, tables: 0, spans: 0, secrets: 1 });
});
