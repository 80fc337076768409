import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, expect, test } from "vitest";
import { fileBelow, fileName } from "../../../../src/providers/sql/engine/file.ts";

const root = mkdtempSync(path.join(os.tmpdir(), "connector-service-files-"));
const files = path.join(root, "acme");
mkdirSync(path.join(files, "sales"), { recursive: true });
writeFileSync(path.join(files, "sales", "2026.db"), "");
writeFileSync(path.join(root, "others.db"), "");
// Beside the directory, with a name that begins as its name does.
mkdirSync(path.join(root, "acme-too"));
writeFileSync(path.join(root, "acme-too", "a.db"), "");
symlinkSync(path.join(files, "sales", "2026.db"), path.join(files, "latest.db"));
symlinkSync(path.join(root, "others.db"), path.join(files, "out.db"));
symlinkSync(path.join(root, "acme-too"), path.join(files, "too"));
afterAll(() => rmSync(root, { recursive: true }));

test.each(["sales/2026.db", "latest.db"])("%s is found below the directory", async (name) => {
  expect(fileName.safeParse(name).success).toBe(true);
  expect(await fileBelow(files, name, "sqlite")).toMatch(/acme\/sales\/2026\.db$/);
});

test.each(["nowhere.db", "sales", "out.db", "too/a.db", "../others.db", "sales/2026.db/more"])(
  "%s is refused, and nothing is said of what is elsewhere",
  async (name) => {
    await expect(fileBelow(files, name, "sqlite")).rejects.toMatchObject({
      kind: "configuration_rejected",
      message: `There is no file \`${name}\` in the organization's directory.`,
      remedy: expect.stringContaining("config.file"),
    });
  },
);

test("without a directory of the operator's there are no files, and the remedy says how there would be", async () => {
  const failure = { kind: "configuration_rejected", remedy: expect.stringContaining("FILES_DIRECTORY") };
  await expect(fileBelow(undefined, "sales/2026.db", "sqlite")).rejects.toMatchObject(failure);
});

test.each(["", "/etc/passwd", "../a.db", "a/../../b.db", "./a.db", "a//b.db", "a/", ":memory:", "file:a.db", "C:a.db"])(
  "%s is no name of a file",
  (name) => {
    expect(fileName.safeParse(name).success).toBe(false);
  },
);

test.each(["a\0.db", "a\\b.db", "x".repeat(501)])(
  "neither is one with characters of another kind, or too long",
  (name) => {
    expect(fileName.safeParse(name).success).toBe(false);
  },
);
