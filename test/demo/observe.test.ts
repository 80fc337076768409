/** The demo that shows what an operator sees. */
import { expect, test } from "vitest";
import { interruption, runDemo } from "./run.ts";

test("under traffic it is watched by a Prometheus, says where to look, and leaves nothing when it is interrupted", async () => {
  // A look has the rate of RPCs, which needs two scrapes.
  const demo = await runDemo(interruption(/^ +RPCs +\d+\.\d\/s$/m), {}, ["--observe"]);
  expect(demo).toMatchObject({ exitCode: 130, errors: "", leftFiles: [], leftProcesses: [] });
  expect(demo.output).toMatch(/✓ Prometheus at http:\/\/127\.0\.0\.1:\d+/);
  for (const where of ["/alerts", "/metrics", "/graph?g0.expr=", "deploy/RUNBOOK.md", "deploy/grafana/*.json"]) {
    expect(demo.output).toContain(where);
  }
  expect(demo.output).toMatch(/Stopped and removed\.\n$/);
});
