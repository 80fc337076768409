/**
 * Makes `build/proto` (third-party protos, out of npm packages) and `src/gen`
 * (the contract in TypeScript, and its comments). Does nothing when nothing has changed since.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { file_buf_validate_validate } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { commentsOf } from "./comments.ts";
import { printProto } from "./print.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const stamp = join(root, "build/proto.stamp");

/** Where the .proto files of other projects come from. */
const thirdParty: Record<string, string> = {
  "google/api/annotations.proto": "google-proto-files/google/api/annotations.proto",
  "google/api/http.proto": "google-proto-files/google/api/http.proto",
  "grpc/health/v1/health.proto": "grpc-health-check/proto/health/v1/health.proto",
  "grpc/reflection/v1/reflection.proto": "@grpc/reflection/build/proto/grpc/reflection/v1/reflection.proto",
  "grpc/reflection/v1alpha/reflection.proto": "@grpc/reflection/build/proto/grpc/reflection/v1alpha/reflection.proto",
  "google/rpc/error_details.proto": "google-proto-files/google/rpc/error_details.proto",
  "google/rpc/status.proto": "google-proto-files/google/rpc/status.proto",
};

function generate(): void {
  const state = fingerprint();
  const isThere = [stamp, join(root, "src/gen")].every((made) => existsSync(made));
  if (isThere && readFileSync(stamp, "utf8") === state) return;
  // The last run may have failed on its way.
  for (const left of ["build/proto", "build/made", "build/before"]) remove(left);
  for (const [path, source] of Object.entries(thirdParty)) {
    write(path, readFileSync(join(root, "node_modules", source), "utf8"));
  }
  write("buf/validate/validate.proto", printProto(file_buf_validate_validate));
  buf("generate", "--template", "proto/buf.gen.yaml", "--output", "build/made");
  buf("build", "--output", "build/made/contract.binpb");
  const made = join(root, "build/made");
  const comments = commentsOf(readFileSync(join(made, "contract.binpb")), "connector.v1");
  writeFileSync(join(made, "src/gen/comments.json"), `${JSON.stringify(comments, null, 1)}\n`);
  // Between the two there is none, for an instant: no system replaces a directory that has something in it.
  if (existsSync(join(root, "src/gen"))) renameSync(join(root, "src/gen"), join(root, "build/before"));
  renameSync(join(made, "src/gen"), join(root, "src/gen"));
  for (const over of ["build/made", "build/before"]) remove(over);
  writeFileSync(stamp, state);
}

function buf(...options: string[]): void {
  execFileSync("buf", options, { cwd: root, stdio: "inherit" });
}

function remove(path: string): void {
  rmSync(join(root, path), { recursive: true, force: true });
}

function write(path: string, text: string): void {
  const file = join(root, "build/proto", path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

/** Of everything that the result depends on. */
function fingerprint(): string {
  const hash = createHash("sha256");
  const inputs = readdirSync(join(root, "proto"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  for (const file of [...inputs, join(root, "package-lock.json"), join(root, "buf.yaml")]) {
    hash.update(file.slice(root.length)).update(readFileSync(file));
  }
  return hash.digest("hex");
}

generate();

const copyTo = process.argv.indexOf("--copy-to");
if (copyTo > 0) {
  const target = process.argv[copyTo + 1];
  if (target === undefined) throw new Error("--copy-to needs a directory");
  cpSync(join(root, "src/gen"), join(root, target), { recursive: true });
}
