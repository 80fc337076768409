/** The Dockerfile is one by a linter's rules, and builds an image that runs as nobody of importance. */
import { existsSync } from "node:fs";
import path from "node:path";
import { validate } from "dockerfile-utils";
import { expect, test } from "vitest";
import { variables } from "../../../src/config.ts";
import { argumentsOf, last, root, stages, text, visiblePaths } from "../../deploy/dockerfile.ts";
import { read } from "./files.ts";

test("a linter finds nothing", () => {
  expect(validate(text)).toEqual([]);
  expect(validate("FROM node:26-slim\nCPY . .\n")).not.toEqual([]);
});

test("every stage is of the Node that the service is tested with", () => {
  const { devDependencies } = JSON.parse(read("package.json")) as { devDependencies: Record<string, string> };
  const [major] = (devDependencies.node ?? "").split(".");
  for (const { image } of stages) expect(image).toBe(`node:${major}-slim`);
});

test("a build sees what it copies, and nothing that is secret or not there", () => {
  const visible = visiblePaths();
  const copied = stages
    .flatMap(({ instructions }) => instructions)
    .filter(({ keyword, argument }) => keyword === "COPY" && !argument.startsWith("--from"))
    .flatMap(({ argument }) => argument.split(" ").slice(0, -1));
  expect([...new Set(copied)].toSorted()).toEqual(visible.toSorted());
  expect(visible.filter((name) => !existsSync(path.join(root, name)))).toEqual([]);
});

test("what runs is not root, and has no package for development", () => {
  expect(argumentsOf("USER")).toEqual(["1000:1000"]);
  const packages = stages.find(({ name }) => name === "packages")?.instructions ?? [];
  const [install] = packages.filter(({ keyword }) => keyword === "RUN");
  for (const option of ["npm ci", "--omit=dev", "--omit=optional", "--ignore-scripts"]) {
    expect(install?.argument).toContain(option);
  }
  expect(last.instructions.filter(({ keyword }) => keyword === "RUN" || keyword === "ADD")).toEqual([]);
});

test("its settings and its options of Node are the service's", () => {
  const settings = Object.fromEntries(
    argumentsOf("ENV").flatMap((line) => line.split(" ").map((pair) => pair.split("="))),
  );
  const { NODE_ENV, ...own } = settings as Record<string, string>;
  expect(NODE_ENV).toBe("production");
  for (const name of Object.keys(own)) expect(variables).toContain(name);
  expect(argumentsOf("EXPOSE")).toEqual([`${own.PORT} ${own.METRICS_PORT}`]);
  const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
  const [semiSpace] = /--max-semi-space-size=\d+/.exec(scripts.start ?? "") ?? [];
  expect(JSON.parse(argumentsOf("CMD")[0] ?? "[]")).toContain(semiSpace);
});
