import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import LongestFirst from "./test/support/longestFirst.ts";

const staticTests = "test/static/**/*.test.ts";

export default defineConfig({
  test: {
    // Far more than any takes: on a machine that is busy with other things a test may take ten times as long.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // Its own second is less than a busy machine may stall; how soon something comes is measured where it matters.
    expect: { poll: { timeout: 60_000, interval: 5 } },
    // Tests wait for databases, sockets, timers and other processes for half of their time.
    maxWorkers: availableParallelism() + 2,
    sequence: { sequencer: LongestFirst },
    projects: [
      // What can be told from the source alone.
      { extends: true, test: { name: "static", include: [staticTests] } },
      // What runs: one PostgreSQL for all of it, and whole services on top.
      {
        extends: true,
        test: {
          name: "service",
          include: ["test/**/*.test.ts"],
          exclude: [staticTests],
          // A worker takes one file after the other: to load and compile the service anew took each of them a second.
          isolate: false,
          globalSetup: ["test/support/globalSetup.ts"],
        },
      },
    ],
  },
});
