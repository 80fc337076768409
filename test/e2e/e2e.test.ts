/** `npm run e2e`, as an operator runs it against a service that is deployed already. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createTerminal } from "../../src/demo/terminal.ts";
import { run } from "../service/customer.ts";
import { freshMysqlDatabase } from "../support/mariadb.ts";
import { runMysql } from "../support/mysql-client.ts";
import { type FreshDatabase, freshDatabase } from "../support/postgres.ts";
import { type TestService, testService } from "../support/service.ts";
import { isTorture } from "../torture/scale.ts";
import { LeftOut, runSections, type Section, summarize } from "./report.ts";

const program = fileURLToPath(new URL("main.ts", import.meta.url));

async function e2e(args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  const env = { ...process.env, NO_COLOR: "1", ...environment };
  const { stdout, stderr, code } = await promisify(execFile)(process.execPath, [program, ...args], { env }).then(
    (ended) => ({ ...ended, code: 0 }),
    (failed: { stdout: string; stderr: string; code: number }) => failed,
  );
  const summary = stdout.slice(stdout.indexOf("\nSummary\n"));
  const marked = (mark: string) =>
    [...summary.matchAll(new RegExp(`^ {3}${mark} {2}(.*?) {2,}`, "gm"))].map(([, title]) => title);
  return { stdout, stderr, code, works: marked("✓"), fails: marked("✗"), leftOut: marked("·") };
}

function sourceOf({ url }: FreshDatabase): string {
  const source = new URL(url);
  source.searchParams.set("tls", "disable");
  return source.href;
}

describe("against a service that runs", () => {
  let service: TestService;
  let databases: readonly [postgresql: FreshDatabase, mysql: FreshDatabase];

  beforeAll(async () => {
    databases = await Promise.all([freshDatabase(), freshMysqlDatabase()]);
    service = await testService();
  });

  afterAll(async () => {
    await service?.stop();
    await Promise.all(databases?.map((database) => database.drop()) ?? []);
  });

  test("every capability that it can be asked for works, and nothing that was made stays", async () => {
    const { url, token, metricsUrl, client } = service;
    const sources = databases.flatMap((database) => ["--source", sourceOf(database)]);

    const ended = await e2e(["--url", url, "--metrics", metricsUrl, ...sources], { E2E_KEY: token });

    expect(ended).toMatchObject({ fails: [], stderr: "", code: 0 });
    expect(ended.leftOut).toEqual(["Encryption keys", "Circuit breaker"]);
    expect(ended.works).toEqual(
      expect.arrayContaining(["Health", "Stream it to the end, in both formats", "REST, by curl", "Audit log"]),
    );
    expect(ended.stdout).toContain(`${ended.works.length} capabilities work, 0 do not, 2 were left out.`);
    expect(ended.stdout).not.toContain(token);
    const [postgresql, mysql] = databases;
    expect(await run(postgresql.url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).toEqual([]);
    expect(await runMysql(mysql.url, "SHOW TABLES")).toEqual([]);
    expect(await Array.fromAsync(client.listConnectors())).toEqual([]);
  });

  test.each(["SIGINT", "SIGTERM"] as const)("%s stops it, and nothing that it made stays", async (signal) => {
    const { url, token, client } = service;
    const [source] = databases;
    const child = spawn(process.execPath, [program, "--url", url, "--source", sourceOf(source)], {
      env: { ...process.env, NO_COLOR: "1", E2E_KEY: token },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const closed = once(child, "close");
    const complaints = text(child.stderr);
    let said = "";
    for await (const chunk of child.stdout.setEncoding("utf8")) {
      said += chunk;
      // The connectors of these are made, and many sections are to come.
      if (!child.killed && /^3 {2}/m.test(said)) child.kill(signal);
    }
    expect(await closed).toEqual([signal === "SIGINT" ? 130 : 143, null]);
    expect(await complaints).toBe("");
    expect(said).toMatch(/Stopped and removed\.\n$/);
    expect(said).not.toContain("Summary");
    expect(await run(source.url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).toEqual([]);
    expect(await Array.fromAsync(client.listConnectors())).toEqual([]);
  });
});

test.runIf(isTorture)("with a service of its own, every capability works", async () => {
  const ended = await e2e([]);
  expect(ended).toMatchObject({ fails: [], leftOut: [], stderr: "", code: 0 });
  expect(ended.works).toEqual(expect.arrayContaining(["Circuit breaker", "OAuth: a user grants access"]));
});

test("a capability that does not work is told with its reason, ends none of the others, and is a failure", async () => {
  const output = new PassThrough();
  const terminal = createTerminal(output as unknown as NodeJS.WriteStream, { CI: "1" });
  const sections: Section<null>[] = [
    { title: "Broken", run: async (_, did) => did("a first step", () => Promise.reject(new Error("It is broken."))) },
    { title: "Elsewhere", run: () => Promise.reject(new LeftOut("it is not here.")) },
    { title: "Whole", run: async (_, did) => did("the only step", async () => undefined) },
  ];

  const outcomes = await runSections(terminal, null, sections);
  const well = summarize(terminal, outcomes);

  output.end();
  const printed = await text(output);
  expect(well).toBe(false);
  expect(outcomes.map(({ mark }) => mark)).toEqual(["bad", "none", "good"]);
  expect(printed).toContain("✗ It is broken.");
  expect(printed).toContain("Left out: it is not here.");
  expect(printed).toContain("1 capabilities work, 1 do not, 1 were left out.");
});
