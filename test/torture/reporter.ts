/** What `npm run torture` prints: a line for each test as it ends, and what all of them amounted to. */
import type { UserConsoleLog } from "vitest";
import type { Reporter, SerializedError, TestCase, TestModule } from "vitest/node";
import type { Measures } from "../faults/scenario.ts";

const print = (line: string) => process.stdout.write(`${line}\n`);
const ms = (value: number) => `${Math.round(value)} ms`;

export default class TortureReporter implements Reporter {
  readonly #scenarios: Measures[] = [];
  readonly #counts = { passed: 0, failed: 0, skipped: 0 };

  onTestCaseResult(test: TestCase): void {
    const { state, errors } = test.result();
    if (state === "pending") return;
    this.#counts[state]++;
    const { scenario } = test.meta();
    if (scenario !== undefined) this.#scenarios.push(scenario);
    const place = test.module.relativeModuleId.replace(/^test\//, "").replace(/\.test\.ts$/, "");
    print(`${state.padEnd(7)} ${place}: ${test.fullName}${scenario === undefined ? "" : `: ${told(scenario)}`}`);
    for (const { message } of errors ?? []) print(message.replace(/^/gm, "        "));
  }

  /** What tests say of themselves. */
  onUserConsoleLog({ content }: UserConsoleLog): void {
    print(`        ${content.trimEnd()}`);
  }

  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    // A file that does not load has no tests that could fail.
    const broken = [...unhandled, ...modules.flatMap((module) => module.errors())];
    for (const { message } of broken) print(`broken  ${message}`);
    const { passed, failed, skipped } = this.#counts;
    print(
      `\n${passed} passed, ${failed} failed, ${skipped} skipped, ${this.#scenarios.length} scenarios of faults among them`,
    );
    if (this.#scenarios.length === 0) return;
    const most = (name: "pastDeadlineMs" | "recoveryMs" | "settleMs" | "leaked") =>
      Math.round(Math.max(...this.#scenarios.map((measures) => measures[name] ?? Number.NEGATIVE_INFINITY)));
    print(`at most: ${most("pastDeadlineMs")} ms past the deadline, ${most("recoveryMs")} ms until it answered again,`);
    print(`         ${most("settleMs")} ms until nothing was left over, ${most("leaked")} connections left over`);
  }
}

function told({ outcome, pastDeadlineMs, recoveryMs, settleMs, leaked }: Measures): string {
  const facts = [
    outcome,
    pastDeadlineMs === undefined
      ? undefined
      : `${ms(Math.abs(pastDeadlineMs))} ${pastDeadlineMs > 0 ? "past" : "before"} the deadline`,
    recoveryMs === undefined ? undefined : `again after ${ms(recoveryMs)}`,
    settleMs === undefined ? undefined : `settled after ${ms(settleMs)}`,
    leaked ? `${leaked} connections left over` : undefined,
  ];
  return facts.filter((fact) => fact !== undefined).join(", ");
}
