/** One scenario: a fault strikes at a moment, is lifted, and all must be as it was. */
import { setTimeout as delay } from "node:timers/promises";
import { Code } from "@connectrpc/connect";
import { expect } from "vitest";
import { ConnectorError } from "../../src/client/index.ts";
import type { Moment, NamedFault } from "./faults.ts";

export interface Scenario {
  readonly fault: NamedFault;
  readonly moment: Moment;
  /** What the caller gives the call, in milliseconds. */
  readonly deadlineMs: number;
  /** The fault is lifted at once and not when the call has ended. */
  readonly blip?: boolean;
}

/** What is harmed in one scenario, with a proxy of its own before it. */
export interface Stage {
  apply(): Promise<void>;
  lift(): Promise<void>;
  /** A small call. @throws WrongAnswer, or what the call fails with. */
  ask(): Promise<void>;
  /** Begins a call, lets the fault strike at its moment, and tells how the call ended. */
  readonly moments: Partial<Record<Moment, (strike: () => Promise<void>) => Promise<Outcome>>>;
  /** The call of these moments needs nothing of what is harmed. */
  readonly unaffected?: readonly Moment[];
  /** Nothing protects what passes: a corrupted answer may look whole. */
  readonly unprotected?: boolean;
  /** The service's connections, as the server and as the proxy count them. */
  connections(): Promise<{ readonly open: number; readonly busy: number; readonly proxied: number }>;
  /** @throws Unless as many calls can run at once as ever. */
  fill(): Promise<void>;
  close(): Promise<void>;
}

export interface Outcome {
  readonly ms: number;
  /** Undefined when the answer was whole and right. */
  readonly error: unknown;
}

/** What a scenario measured; milliseconds. */
export interface Measures {
  /** How the call ended: "answered", or its error's reason. */
  readonly outcome: string;
  /** Beyond the deadline; below zero when the call ended before it. */
  readonly pastDeadlineMs: number;
  readonly recoveryMs: number;
  /** Until nothing ran on the server and the proxy any more that should not. */
  readonly settleMs: number;
}

/** An answer that is not what the source holds, or not all of it. */
export class WrongAnswer extends Error {}

/** How much later than its deadline a call may end. */
const graceMs = 100;
const recoveryLimitMs = 5_000;
/** What is told to end may take some seconds to be given up. */
const settleLimitMs = 8_000;

const reasonable: ReadonlySet<Code> = new Set([
  Code.Unavailable,
  Code.DeadlineExceeded,
  Code.ResourceExhausted,
  Code.FailedPrecondition,
]);

export async function watch(call: () => Promise<void>): Promise<Outcome> {
  const start = performance.now();
  const error = await call().then(
    () => undefined,
    (error: unknown) => error,
  );
  return { ms: performance.now() - start, error };
}

export async function runScenario(stage: Stage, scenario: Scenario): Promise<Measures> {
  const moment = stage.moments[scenario.moment];
  if (moment === undefined) throw new Error(`There is no moment ${scenario.moment} here.`);
  let bystander: Promise<Outcome> | undefined;
  const strike = async () => {
    await stage.apply();
    bystander = watch(() => stage.ask());
    if (!scenario.blip) return;
    await delay(30);
    await stage.lift();
  };
  const outcome = await moment(strike);
  expect(bystander, "the fault has struck").toBeDefined();
  const other = await (bystander as Promise<Outcome>);
  await stage.lift();
  checkOutcome(outcome, stage, scenario, expectedEnd(stage, scenario));
  const { name, passes } = scenario.fault;
  checkOutcome(other, stage, scenario, passes?.includes("idle") ? "answer" : undefined, `${name}, a call beside it`);

  const recoveryMs = await untilDone("the connector answers again", recoveryLimitMs, () => stage.ask());
  const settleMs = await untilDone("nothing is left over", settleLimitMs, async () => {
    const { open, busy, proxied } = await stage.connections();
    expect({ busy, proxied }, "the server's connections and the proxy's").toEqual({ busy: 0, proxied: open });
  });
  await untilDone("as many calls run at once as before", recoveryLimitMs, () => stage.fill());
  const pastDeadlineMs = Math.max(outcome.ms, other.ms) - scenario.deadlineMs;
  return { outcome: describeEnd(outcome.error), pastDeadlineMs, recoveryMs, settleMs };
}

type End = "answer" | "failure" | undefined;

function expectedEnd(stage: Stage, { fault, moment, blip }: Scenario): End {
  if (stage.unaffected?.includes(moment) || fault.passes?.includes(moment)) return "answer";
  return fault.stops?.includes(moment) && !blip ? "failure" : undefined;
}

function checkOutcome({ ms, error }: Outcome, stage: Stage, scenario: Scenario, end: End, name?: string): void {
  const label = name ?? scenario.fault.name;
  expect(ms, `${label}: ends with its deadline (${describeEnd(error)})`).toBeLessThan(scenario.deadlineMs + graceMs);
  const corrupts = scenario.fault.fault.kind === "corruption" && stage.unprotected === true;
  if (error === undefined) {
    expect(end, `${label}: was answered`).not.toBe("failure");
    return;
  }
  if (error instanceof WrongAnswer && corrupts) return;
  if (!(error instanceof ConnectorError)) throw error;
  expect(end, `${label}: failed (${describeEnd(error)})`).not.toBe("answer");
  expect(error.reason, `${label}: has a reason (${error.message})`).toBeDefined();
  expect(error.reason, `${label}: is no fault of the service's (${error.message})`).not.toBe("INTERNAL");
  // What is corrupted may be any answer of the server's.
  if (!corrupts) expect(reasonable, `${label}: ${Code[error.code]}, ${error.message}`).toContain(error.code);
}

function describeEnd(error: unknown): string {
  if (error === undefined) return "answered";
  if (error instanceof ConnectorError) return error.reason ?? Code[error.code] ?? "?";
  return error instanceof WrongAnswer ? "wrong answer" : String(error);
}

/** Tries again and again; gives the milliseconds until it worked, and fails with the last failure. */
async function untilDone(what: string, limitMs: number, work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  for (;;) {
    try {
      await work();
      return performance.now() - start;
    } catch (cause) {
      if (performance.now() - start > limitMs) {
        throw new Error(`Not within ${limitMs} ms: ${what}. ${cause instanceof Error ? cause.message : cause}`, {
          cause,
        });
      }
    }
    await delay(20);
  }
}
