/** Other languages do the main job with what they make of the published protos, and see the same. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { findProgram } from "../../src/demo/observe/program.ts";
import { prepareSource, type Source } from "../e2e/source.ts";
import { type FreshDatabase, freshDatabase } from "../support/postgres.ts";
import { type TestService, testService } from "../support/service.ts";
import { isTorture } from "../torture/scale.ts";
import { findGo, findPython, runCurl, runGo, runPython, type Told } from "./running.ts";

const curl = await findProgram("curl");
const python = await findPython();
// A cold build takes half a minute of a core.
const go = isTorture ? await findGo() : undefined;

for (const [tool, found, needs] of [
  ["curl", curl, "curl"],
  ["Go", go, "TORTURE=1, golang-go, protoc-gen-go and protoc-gen-go-grpc"],
  ["Python", python, "python3-grpcio and protobuf-compiler-grpc"],
]) {
  if (found === undefined) console.warn(`Left out: the example in ${tool}, which needs ${needs}.`);
}

let service: TestService;
let database: FreshDatabase;
let source: Source;
let told: Told;
let directory: string;

beforeAll(async () => {
  [service, database, directory] = await Promise.all([
    testService(),
    freshDatabase(),
    mkdtemp(path.join(tmpdir(), "connector-clients-")),
  ]);
});

beforeEach(async ({ task }) => {
  const url = new URL(database.url);
  url.searchParams.set("tls", "disable");
  source = await prepareSource(url);
  const name = task.name.toLowerCase();
  told = {
    ...{ url: service.url, token: service.token, resource: `public.${source.table?.name}` },
    source: { ...source.target, name },
  };
});

afterEach(() => source.remove());

afterAll(async () => {
  await service.stop();
  await Promise.all([database.drop(), rm(directory, { recursive: true, force: true })]);
});

/** What every example prints. */
const printed = (name: string) => `created ${name}
test ok
schema id name amount region
page 10000=10000.25 9998=9998.25
page 9996=9996.25 9994=9994.25
stream 10000 rows, complete
execute 1 row, done
execute 1 row, replayed
refused UNKNOWN_FIELD at request
deleted
`;

describe("the main job is done by", () => {
  test.runIf(curl)("curl", async () => {
    expect(await runCurl(told)).toBe(printed("curl"));
  });

  test.runIf(python)("python", async () => {
    expect(await runPython(python as string, told, path.join(directory, "python"))).toBe(printed("python"));
  });

  test.runIf(go)("go", async () => {
    expect(await runGo(go as string, told, path.join(directory, "go"))).toBe(printed("go"));
  });
});
