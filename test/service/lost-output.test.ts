import { rm } from "node:fs/promises";
import { expect, test } from "vitest";
import { freePort } from "../../src/store/embedded/cluster.ts";
import { seededDirectory } from "../support/cluster-seed.ts";
import { until } from "../support/replicas.ts";
import { runProgram } from "./process.ts";

test("whoever reads the log may go away: the service goes on, and stops when it is told to", async () => {
  const directory = await seededDirectory();
  const port = await freePort();
  const environment = { PORT: String(port), CONNECTOR_DATA_DIR: directory, LOG_LEVEL: "trace", DRAIN_SECONDS: "1" };
  const { child, ended, said } = runProgram("main.ts", environment);
  try {
    // Before the key of a new database is shown, which is no line of the log.
    await said(/\n/);
    child.stdout?.destroy();
    const answer = () =>
      fetch(`http://127.0.0.1:${port}/connector.v1.ConnectorService/ListConnectors`, { method: "POST" });
    await until("it answers", () => answer().then(Boolean, () => child.exitCode !== null));
    for (let i = 0; i < 10; i++) expect((await answer()).status).toBe(415);
    child.kill("SIGTERM");
    expect(await ended).toMatchObject({ status: 0 });
  } finally {
    child.kill("SIGKILL");
    await ended;
    await rm(directory, { recursive: true, force: true });
  }
});
