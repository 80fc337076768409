/** The demo on a database that its user gives it. */
import { randomBytes } from "node:crypto";
import { PassThrough } from "node:stream";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Given, givenDatabase } from "../../src/demo/given.ts";
import { steps } from "../../src/demo/steps.ts";
import { createTerminal } from "../../src/demo/terminal.ts";
import { showGiven } from "../../src/demo/yours.ts";
import { freshMysqlDatabase, type MysqlLogin, newMysqlLogin } from "../support/mariadb.ts";
import { loadMysqlAtlas } from "../support/mysql-atlas.ts";
import type { FreshDatabase } from "../support/postgres.ts";
import { testService } from "../support/service.ts";
import { type Ended, runDemo } from "./run.ts";

const timeout = 120_000;

describe("a MySQL database that is given", () => {
  const password = `p@ss/${randomBytes(12).toString("base64url")}`;
  let database: FreshDatabase;
  let login: MysqlLogin;
  let count: string;
  let [name, output, errors] = ["", "", ""];
  let demo: Ended;

  beforeAll(async () => {
    database = await freshMysqlDatabase();
    name = new URL(database.url).pathname.slice(1);
    count = new Intl.NumberFormat("en").format(await loadMysqlAtlas(database.url));
    login = await newMysqlLogin(database.url, password, [`SELECT ON ${name}.*`]);
    demo = await runDemo(undefined, { DEMO_DATABASE_URL: login.url });
    ({ output, errors } = demo);
  }, timeout);
  afterAll(async () => {
    await login.drop();
    await database.drop();
  });

  test("is shown after the demo's own", () => {
    expect(demo).toMatchObject({ exitCode: 0, errors: "", leftFiles: [], leftProcesses: [] });
    expect(output.match(/^1[1-9] {2}.*$/gm)).toEqual([
      "11  Register the database that you gave as a connector",
      "12  Test it",
      "13  Describe what it holds",
      `14  Query it: the first rows of ${name}.city`,
      "15  Stream them",
    ]);
  });

  test("is tested, described, queried and streamed to its end", () => {
    const own = output.slice(output.indexOf("\n11  "));
    expect(own).toMatch(/✓ privileges +\S/);
    expect(own).toMatch(new RegExp(`, as ${login.user}, read-only, in `));
    expect(own).toMatch(new RegExp(`^ {3}${name}\\.country +table +\\d+ +Countries and terr.*$`, "m"));
    expect(own).toMatch(/^ {3}id +name +country +feature +admin_code$/m);
    expect(own).toMatch(/and 4 more fields; 5 rows in /);
    expect(own).toMatch(new RegExp(`100 % ${count} rows`));
    expect(own).toMatch(new RegExp(`trailer +${count} rows, [\\d,]+ bytes, complete, 1 attempt`));
  });

  test("keeps its password to itself, and its width", () => {
    for (const form of [password, encodeURIComponent(password), Buffer.from(password).toString("base64")]) {
      expect(output + errors).not.toContain(form);
    }
    expect(output.split("\n").filter((line) => [...line].length > 100)).toEqual([]);
  });
});

test("a database that can't be read ends with what the check says, and what to do", async () => {
  const password = randomBytes(12).toString("base64url");
  const given = givenDatabase(`mysql://nobody:${password}@127.0.0.1:1/shop`) as Given;
  const service = await testService();
  try {
    const output = new PassThrough().setEncoding("utf8");
    const terminal = createTerminal(output as unknown as NodeJS.WriteStream, { NO_COLOR: "1" });
    const signal = new AbortController().signal;
    const shown = showGiven({ client: service.client, terminal, signal }, steps(terminal, signal), given);
    await expect(shown).rejects.toMatchObject({
      message: "The database that you gave does not pass its test.",
      remedy: expect.stringContaining("failed check"),
    });
    const said = output.read() as string;
    expect(said).toMatch(/✗ connect +\S/);
    expect(said).not.toContain(password);
  } finally {
    await service.stop();
  }
});

test.each([
  ["mysql://u:p@db.example.com/shop", "mysql", { host: "db.example.com", port: 3306, tls: "verify_full" }],
  ["mariadb://u:p@127.0.0.1:3307/shop", "mysql", { host: "127.0.0.1", port: 3307, tls: "disable" }],
  ["mysql://u:p@10.0.0.1/shop?tls=verify_ca", "mysql", { host: "10.0.0.1", port: 3306, tls: "verify_ca" }],
  ["postgres://u:p@[::1]/shop", "postgresql", { host: "::1", port: 5432, tls: "disable" }],
])("%s is taken apart", (text, provider, config) => {
  expect(givenDatabase(text)).toMatchObject({
    provider,
    config: { ...config, user: "u", database: "shop" },
    credential: { password: "p" },
  });
});

test("nothing that is given is nothing to show", () => {
  expect([givenDatabase(undefined), givenDatabase(" ")]).toEqual([undefined, undefined]);
});

test.each(["shop", "http://u:secret@h/d", "mysql://h", "mysql://u:secret@h", "mysql://u@h/d", "mysql://u:secret%@h/d"])(
  "%s is refused with an example, and not repeated",
  (text) => {
    expect(() => givenDatabase(text)).toThrow(
      expect.objectContaining({
        kind: "configuration_rejected",
        message: expect.stringMatching(/^DEMO_DATABASE_URL (?!.*secret)/),
        remedy: expect.stringContaining("mysql://reader:"),
      }),
    );
  },
);
