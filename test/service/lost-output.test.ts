import { rm } from "node:fs/promises";
import { expect, test } from "vitest";
import { enterableDirectory } from "../support/directory.ts";
import { runProgram } from "./process.ts";

test("whoever reads the log may go away: the service goes on, and stops when it is told to", async () => {
  const directory = await enterableDirectory();
  const environment = { PORT: "0", CONNECTOR_DATA_DIR: directory, LOG_LEVEL: "trace", DRAIN_SECONDS: "1" };
  const { child, ended, url } = runProgram("main.ts", environment);
  try {
    const listening = await url;
    child.stdout?.destroy();
    const answer = () => fetch(`${listening}/connector.v1.ConnectorService/ListConnectors`, { method: "POST" });
    for (let i = 0; i < 10; i++) expect((await answer()).status).toBe(415);
    child.kill("SIGTERM");
    expect(await ended).toMatchObject({ status: 0 });
  } finally {
    child.kill("SIGKILL");
    await ended;
    await rm(directory, { recursive: true, force: true });
  }
});
