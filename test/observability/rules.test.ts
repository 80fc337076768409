/** The rules of Prometheus by its own tools: that it takes them, and that each alert is quiet and fires when it should. */
import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { findProgram } from "../../src/demo/observe/program.ts";

const directory = fileURLToPath(new URL("../../deploy/prometheus/", import.meta.url));

async function promtool(...args: string[]): Promise<string> {
  const program = await findProgram("promtool");
  if (program === undefined) throw new Error("There is no promtool: run the tests by `npm test` once.");
  // What it has found is on standard output also when it fails.
  const { stdout, stderr } = await promisify(execFile)(program, args, { cwd: directory }).catch((error) => error);
  return `${stdout}${stderr}`;
}

test("Prometheus takes the configuration, and the rules that it names", async () => {
  const said = await promtool("check", "config", "prometheus.yaml");
  expect(said).toContain("SUCCESS: 2 rule files found");
  expect(said.match(/SUCCESS: \d\d rules found/g)).toHaveLength(2);
  expect(said).not.toContain("FAILED");
});

test("each alert is quiet while all is well, and fires with its summary and the link to its runbook", async () => {
  const files = readdirSync(`${directory}tests`).map((name) => `tests/${name}`);
  const said = await promtool("test", "rules", ...files);
  expect(said).not.toContain("FAILED");
  expect(said.match(/SUCCESS/g)).toHaveLength(files.length);
});
