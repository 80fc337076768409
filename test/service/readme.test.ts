/** The README's session with curl, as somebody types it: every command does what the README says. */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { enterableDirectory } from "../support/directory.ts";
import { type FreshDatabase, freshDatabase } from "../support/postgres.ts";
import { type TestService, testService } from "../support/service.ts";
import { newLogin, run } from "./customer.ts";

const readme = new URL("../../README.md", import.meta.url);
const password = "readme-7f3a-s3cret";

let service: TestService;
let shop: FreshDatabase;
let login: URL;

beforeAll(async () => {
  [service, shop] = await Promise.all([testService(), freshDatabase()]);
  await run(
    shop.url,
    `CREATE TABLE orders (id int PRIMARY KEY, status text, total numeric(10, 2), created_at timestamptz DEFAULT now());
     INSERT INTO orders VALUES (16, 'paid', 12.50), (17, 'open', 99.90)`,
  );
  login = new URL((await newLogin(shop.url, password)).url);
  await run(shop.url, `GRANT SELECT, UPDATE ON orders TO ${login.username}`);
});

afterAll(async () => {
  await service?.stop();
  await shop?.drop();
});

/** The commands behind the mark; what a command goes on with is indented. */
async function commands(): Promise<string[]> {
  const block = /<!-- tested: curl -->\n+```sh\n(.*?)\n```/s.exec(await readFile(readme, "utf8"))?.[1];
  return block?.split(/\n(?=[^\s}])/) ?? expect.unreachable("no block of commands behind <!-- tested: curl -->");
}

/** This test's service and shop in place of what the README calls so. */
function filled(command: string): string {
  return command
    .replaceAll("http://127.0.0.1:8080", service.url)
    .replace("csk.…", service.token)
    .replace('"host": "127.0.0.1"', `"host": "127.0.0.1", "port": ${login.port}`)
    .replace('"database": "shop"', `"database": "${login.pathname.slice(1)}"`)
    .replace('"user": "app"', `"user": "${login.username}"`)
    .replace('"password": "…"', `"password": "${password}"`);
}

/** What each command says, run one after the other in one shell that ends at the first that fails. */
async function said(typed: readonly string[], directory: string): Promise<Map<string, string>> {
  const between = "\nprintf '\\0'\n";
  const { stdout } = await promisify(execFile)("sh", ["-euc", typed.map(filled).join(between)], { cwd: directory });
  const parts = stdout.split("\0");
  return new Map(typed.map((command, i) => [command, parts[i] ?? ""]));
}

test("every command of the session with curl works, one after the other", async () => {
  const directory = await enterableDirectory();
  const answers = await said(await commands(), directory);
  for (const [command, answer] of answers) expect(answer, command).not.toMatch(/"reason":"[A-Z]|^curl:/);
  const answerTo = (part: string) => [...answers].find(([command]) => command.includes(part))?.[1] ?? "";
  expect(JSON.parse(answerTo("/test"))).toMatchObject({ ok: true });
  expect(JSON.parse(answerTo("/schema"))).toMatchObject({ resources: [{ name: "public.orders" }] });
  expect(JSON.parse(answerTo("/query -d"))).toMatchObject({ rows: [expect.anything()] });
  expect(JSON.parse(answerTo("/execute"))).toMatchObject({ affectedRows: "1" });
  expect(
    answerTo("/query:stream")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line)),
  ).toMatchObject([
    { header: { keys: ["id", "status", "total", "created_at"] } },
    { id: 16, status: "paid", total: "12.50" },
    { id: 17, status: "paid", total: "99.90" },
    { trailer: { rows: "2" } },
  ]);
  const exported = (await readFile(`${directory}/audit.ndjson`, "utf8")).trim().split("\n");
  expect(JSON.parse(exported.at(-1) ?? "")).toEqual({ trailer: { entries: exported.length - 1 } });
});
