/** What is published: compiled JavaScript, used from outside as a stranger would. */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { enterableDirectory } from "../support/directory.ts";
import { freshDatabase } from "../support/postgres.ts";
import { connectorTo } from "../support/service.ts";
import { runProgram } from "./process.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Builds into a directory of its own: the checkout stays as it is. */
function build(to: string): void {
  mkdirSync(to);
  // Whether the types are right `npm run check` tells, and takes most of the time that a build does.
  execFileSync("tsc", ["-p", "tsconfig.build.json", "--noCheck", "--outDir", path.join(to, "dist")], { cwd: root });
  cpSync(path.join(root, "src/gen"), path.join(to, "dist/gen"), { recursive: true });
  cpSync(path.join(root, "package.json"), path.join(to, "package.json"));
  symlinkSync(path.join(root, "node_modules"), path.join(to, "node_modules"));
}

const program = `
import { createConnectorClient } from "connector-service/client";
import { createConnectorClient as createWebClient } from "connector-service/client/web";
const { URL: url, TOKEN: token, CONNECTOR: connector, STATEMENT: native } = process.env;
const client = createConnectorClient({ url, token });
const { id } = await client.createConnector(JSON.parse(connector));
for await (const row of client.stream(id, { native })) console.log(row.answer);
client.close();
const names = await Array.fromAsync(createWebClient({ url, token }).listConnectors(), ({ name }) => name);
console.log(names.join());
`;

test("the compiled service serves, and another project imports its client", async () => {
  const directory = await enterableDirectory();
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const built = path.join(directory, "built");
  build(built);
  const data = path.join(directory, "data");
  const service = runProgram(path.join(built, "dist/main.js"), { PORT: "0", CONNECTOR_DATA_DIR: data });
  onTestFinished(async () => {
    service.child.kill("SIGTERM");
    await service.ended;
  });
  const [token] = await service.said(/csk\.[\w-]+\.[\w-]+/);
  const customer = await freshDatabase();
  onTestFinished(customer.drop);

  const consumer = path.join(directory, "consumer");
  mkdirSync(path.join(consumer, "node_modules"), { recursive: true });
  symlinkSync(built, path.join(consumer, "node_modules/connector-service"));
  writeFileSync(path.join(consumer, "main.mjs"), program);
  const answer = execFileSync(process.execPath, ["main.mjs"], {
    cwd: consumer,
    encoding: "utf8",
    env: {
      URL: await service.url,
      TOKEN: token,
      CONNECTOR: JSON.stringify(connectorTo(customer.url)),
      // Long enough for the parser's own thread, which is a file of its own in the build.
      STATEMENT: `SELECT 42::bigint AS answer -- ${"long ".repeat(1_000)}`,
    },
  });
  expect(answer).toBe("42n\ncustomer\n");
});
