/**
 * Checks the contract: format, lint, and that it breaks no caller of the last
 * commit's.
 */
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

function run(command: string, ...options: string[]): void {
  execFileSync(command, options, { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
}

run("buf", "format", "--diff", "--exit-code", "proto");
run("buf", "lint");
breakingSinceLastCommit();

function breakingSinceLastCommit(): void {
  if (!has("HEAD:proto/connector")) return;
  const last = mkdtempSync(join(tmpdir(), "connector-proto-"));
  try {
    // The last commit's protos beside today's third-party ones, which no commit holds.
    const archive = execFileSync("git", ["archive", "HEAD", "proto", "buf.yaml"], { cwd: root });
    execFileSync("tar", ["-x", "-C", last], { input: archive });
    cpSync(join(root, "build/proto"), join(last, "build/proto"), { recursive: true });
    run("buf", "breaking", "--against", last);
  } finally {
    rmSync(last, { recursive: true, force: true });
  }
}

function has(object: string): boolean {
  try {
    execFileSync("git", ["cat-file", "-e", object], { cwd: root, stdio: "ignore" });
    return true;
  } catch {
    return false; // A tree without history, an unpacked archive for example.
  }
}
