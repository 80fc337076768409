import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test, vi } from "vitest";
import { patience } from "./patience.ts";
import { stopwatch } from "./stopwatch.ts";

/** Runs a program with this process as its parent, until it ends. */
async function run(program: string): Promise<void> {
  const child = spawn(process.execPath, ["-e", program], { stdio: "inherit" });
  expect((await once(child, "exit"))[0]).toBe(0);
}

test("the time that a stopped process could not use is not counted", async () => {
  const clock = performance.now();
  const took = stopwatch();
  await run(`
    process.kill(process.ppid, "SIGSTOP");
    setTimeout(() => process.kill(process.ppid, "SIGCONT"), 1_000)`);
  // What the child took to start is.
  expect(performance.now() - clock - took()).toBeGreaterThan(900);
});

test("the time is counted in which the thread is busy itself", () => {
  const took = stopwatch();
  const start = process.threadCpuUsage();
  const busyMs = () => {
    const { user, system } = process.threadCpuUsage(start);
    return (user + system) / 1_000;
  };
  while (busyMs() < 300);
  expect(took()).toBeGreaterThan(299);
});

test("the time is counted in which nothing happens", async () => {
  const wait = async () => {
    const took = stopwatch();
    await new Promise((resolve) => setTimeout(resolve, 100));
    return took();
  };
  // A machine that stalls does not do so every time.
  await vi.waitFor(async () => expect(await wait()).toBeGreaterThan(95), patience);
});
