/** Runs scenarios as tests, and hands what they measured to whoever reports it. */
import { test } from "vitest";
import { scaled } from "../torture/scale.ts";
import { patientMs } from "./calling.ts";
import type { Moment, NamedFault } from "./faults.ts";
import { type Measures, runScenario, type Scenario, type Stage } from "./scenario.ts";

declare module "vitest" {
  interface TaskMeta {
    /** What a scenario has measured; there for the reporter of `npm run torture`. */
    scenario?: Measures;
  }
}

const deadlines = scaled({ test: [1_000], torture: [1_000, 2_000] });

/**
 * Every fault at every moment, by the deadlines of this run in turn.
 * @param unaffected when a call succeeds whatever the fault
 */
export function scenariosOf(
  faults: readonly NamedFault[],
  moments: readonly Moment[],
  unaffected: readonly Moment[] = [],
): Scenario[] {
  const pairs = faults.flatMap((fault) => moments.map((moment) => ({ fault, moment })));
  return pairs.map(({ fault, moment }, index) => {
    const deadlineMs = deadlines[index % deadlines.length] as number;
    const within = (succeeds: boolean | undefined) => (succeeds ? patientMs : deadlineMs);
    return {
      ...{ fault, moment },
      deadlineMs: within(unaffected.includes(moment) || fault.passes?.includes(moment)),
      besideMs: within(fault.passes?.includes("idle")),
    };
  });
}

/** A test for each scenario. */
export function testScenarios(
  scenarios: readonly Scenario[],
  open: (scenario: Scenario) => Promise<Stage>,
  options: { readonly concurrent?: boolean } = {},
): void {
  const concurrent = options.concurrent ?? true;
  for (const scenario of scenarios) {
    test(titleOf(scenario), { concurrent, timeout: 300_000 }, async ({ task }) => {
      const measures: Measures = {};
      task.meta.scenario = measures;
      const stage = await open(scenario);
      try {
        await runScenario(stage, scenario, measures);
      } finally {
        await stage.close();
      }
    });
  }
}

const words: Readonly<Record<Moment, string>> = {
  connect: "while connecting",
  idle: "while connections are idle",
  mid_query: "while a statement runs",
  mid_result: "in the middle of a stream",
  commit: "while a transaction commits",
};

function titleOf({ fault, moment, blip, deadlineMs }: Scenario): string {
  return `${fault.name}${blip ? ", for a moment," : ""} ${words[moment]} (${deadlineMs} ms)`;
}
