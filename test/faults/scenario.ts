/** One scenario: a fault strikes at a moment, is lifted, and all must be as it was. */
import { setTimeout as delay } from "node:timers/promises";
import { Code } from "@connectrpc/connect";
import { expect } from "vitest";
import { ConnectorError } from "../../src/client/index.ts";
import { stopwatch } from "../support/stopwatch.ts";
import { scaled } from "../torture/scale.ts";
import type { Moment, NamedFault } from "./faults.ts";

export interface Scenario {
  readonly fault: NamedFault;
  readonly moment: Moment;
  /** What the caller gives the call, in milliseconds. */
  readonly deadlineMs: number;
  /** And what another one gives a call that begins when the fault has struck. */
  readonly besideMs: number;
  /** The fault is lifted at once and not when the call has ended. */
  readonly blip?: boolean;
}

/** What is harmed in one scenario, with a proxy of its own before it. */
export interface Stage {
  apply(): Promise<void>;
  lift(): Promise<void>;
  /** A small call. @throws WrongAnswer, or what the call fails with. */
  ask(deadlineMs: number): Promise<void>;
  /** Begins a call, lets the fault strike at its moment, and tells how the call ended. */
  readonly moments: Partial<Record<Moment, (strike: () => Promise<void>) => Promise<Outcome>>>;
  /** The call of these moments needs nothing of what is harmed. */
  readonly unaffected?: readonly Moment[];
  /** Nothing protects what passes: a corrupted answer may look whole. */
  readonly unprotected?: boolean;
  /** What passes is the service's own: what it can't make sense of there is a fault of its own. */
  readonly own?: boolean;
  /**
   * What is said of the moment's call is true at the source, now that all is settled there.
   * Left out where it changes nothing; where it is there, a call may end without knowing.
   */
  checkTruth?(call: Outcome): Promise<void>;
  /** The service's connections, as the server and as the proxy count them. */
  connections(): Promise<{ readonly open: number; readonly busy: number; readonly proxied: number }>;
  /** @throws Unless as many calls can run at once as ever. */
  fill(): Promise<void>;
  close(): Promise<void>;
}

export interface Outcome {
  /** How much later than its deadline the call ended, beyond what timers of this process were late by; below zero before. */
  readonly pastDeadlineMs: number;
  /** Undefined when the answer was whole and right. */
  readonly error: unknown;
}

/** What a scenario measured, as far as it came; milliseconds. */
export interface Measures {
  /** How the call ended: "answered", or its error's reason. */
  outcome?: string;
  /** Beyond the deadline; below zero when the calls ended before it. */
  pastDeadlineMs?: number;
  recoveryMs?: number;
  /** Until nothing ran on the server and the proxy any more that should not. */
  settleMs?: number;
  /** Connections that were left over then. */
  leaked?: number;
}

/** An answer that is not what the source holds, or not all of it. */
export class WrongAnswer extends Error {}

/** How long a fault lasts that is lifted at once. */
const blipMs = 30;
/** How much later than its deadline a call may end; twice that where other tests take the processors. */
const graceMs = scaled({ test: 200, torture: 100 });
/** More than that is the service's own doing, which runs in this process; what the machine is late by is none of it. */
const maxLagMs = 250;
const recoveryLimitMs = 5_000;
/** What is told to end may take some seconds to be given up. */
const settleLimitMs = 8_000;

const reasonable: ReadonlySet<Code> = new Set([
  Code.Unavailable,
  Code.DeadlineExceeded,
  Code.ResourceExhausted,
  Code.FailedPrecondition,
]);

export async function watch(deadlineMs: number, call: () => Promise<void>): Promise<Outcome> {
  const took = stopwatch();
  // Other scenarios run in this process, too: every timer may be late, and this one tells by how much.
  let lagMs = 0;
  const control = setTimeout(() => {
    lagMs = Math.max(0, took() - deadlineMs);
  }, deadlineMs);
  const error = await call().then(
    () => undefined,
    (error: unknown) => error,
  );
  clearTimeout(control);
  return { pastDeadlineMs: took() - deadlineMs - Math.min(lagMs, maxLagMs), error };
}

/**
 * @param measures is filled as the scenario goes on, so that a failed one has them, too
 * @throws All that was not as it should be; one thing's failing does not keep the others from being looked at.
 */
export async function runScenario(stage: Stage, scenario: Scenario, measures: Measures): Promise<void> {
  const { call, bystander } = await strikeDuringCall(stage, scenario);
  await stage.lift();
  measures.outcome = describeEnd(call.error);
  measures.pastDeadlineMs = Math.max(call.pastDeadlineMs, bystander.pastDeadlineMs);
  const { name, passes } = scenario.fault;
  const besideEnd: End = passes?.includes("idle") ? "answer" : undefined;

  const problems: unknown[] = [];
  for (const check of [
    () => checkOutcome(call, stage, scenario, expectedEnd(stage, scenario), name),
    () => checkOutcome(bystander, stage, scenario, besideEnd, `${name}, a call beside it`),
    () => checkRecovery(stage, scenario, measures),
    () => checkLeftovers(stage, measures),
    // Whom a corrupted answer tells of a refusal can't know better.
    () => (corrupts(stage, scenario) ? undefined : stage.checkTruth?.(call)),
  ]) {
    try {
      await check();
    } catch (problem) {
      problems.push(problem);
    }
  }
  if (problems.length === 1) throw problems[0];
  if (problems.length > 1) throw new AggregateError(problems, problems.map(messageOf).join("\n"));
}

async function checkRecovery(stage: Stage, { deadlineMs }: Scenario, measures: Measures): Promise<void> {
  measures.recoveryMs = await untilDone("the connector answers again", recoveryLimitMs, () => stage.ask(deadlineMs));
}

async function checkLeftovers(stage: Stage, measures: Measures): Promise<void> {
  measures.settleMs = await untilDone("nothing is left over", settleLimitMs, async () => {
    const { open, busy, proxied } = await stage.connections();
    measures.leaked = busy + Math.abs(proxied - open);
    expect({ busy, proxied }, "the server's connections and the proxy's").toEqual({ busy: 0, proxied: open });
  });
  await untilDone("as many calls run at once as before", settleLimitMs, () => stage.fill());
}

/** How the moment's call ended, and another one that began when the fault had struck. */
async function strikeDuringCall(stage: Stage, { moment, besideMs, blip }: Scenario) {
  const beginCall = stage.moments[moment];
  if (beginCall === undefined) throw new Error(`There is no moment ${moment} here.`);
  let bystander: Promise<Outcome> | undefined;
  const call = await beginCall(async () => {
    await stage.apply();
    bystander = watch(besideMs, () => stage.ask(besideMs));
    if (!blip) return;
    await delay(blipMs);
    await stage.lift();
  });
  if (bystander === undefined) throw new Error("The fault has not struck.");
  return { call, bystander: await bystander };
}

type End = "answer" | "failure" | undefined;

function expectedEnd(stage: Stage, { fault, moment, blip }: Scenario): End {
  if (stage.unaffected?.includes(moment) || fault.passes?.includes(moment)) return "answer";
  return fault.stops?.includes(moment) && !blip ? "failure" : undefined;
}

function checkOutcome(
  { pastDeadlineMs, error }: Outcome,
  stage: Stage,
  scenario: Scenario,
  end: End,
  label: string,
): void {
  expect(pastDeadlineMs, `${label}: ends with its deadline (${describeEnd(error)})`).toBeLessThan(graceMs);
  const maybeWrong = corrupts(stage, scenario);
  if (error === undefined) {
    expect(end, `${label}: was answered`).not.toBe("failure");
    return;
  }
  // Rows of which nobody can tell that they are wrong, or which the client can't read as they came.
  if (maybeWrong && (error instanceof WrongAnswer || isUnreadable(error))) return;
  if (!(error instanceof ConnectorError)) throw error;
  if (maybeWrong && stage.own === true && error.reason === "INTERNAL") return;
  expect(end, `${label}: failed (${describeEnd(error)})`).not.toBe("answer");
  expect(error.reason, `${label}: has a reason (${error.message})`).toBeDefined();
  expect(error.reason, `${label}: is no fault of the service's (${error.message})`).not.toBe("INTERNAL");
  // What is corrupted may be any answer of the server's.
  if (maybeWrong || (stage.checkTruth !== undefined && error.reason === "OUTCOME_UNKNOWN")) return;
  expect(reasonable, `${label}: ${Code[error.code]}, ${error.message}`).toContain(error.code);
}

/** Whether what comes may be wrong without anybody's being able to tell. */
function corrupts({ unprotected }: Stage, { fault: { fault } }: Scenario): boolean {
  return fault.kind === "corruption" && unprotected === true;
}

/** Not the service's word, and not the want of one either. */
function isUnreadable(error: unknown): boolean {
  return error instanceof ConnectorError && error.reason === undefined && error.code !== Code.DataLoss;
}

function describeEnd(error: unknown): string {
  if (error === undefined) return "answered";
  if (error instanceof ConnectorError) return error.reason ?? Code[error.code] ?? "?";
  return error instanceof WrongAnswer ? "wrong answer" : String(error);
}

/** Tries again and again; gives the milliseconds until it worked, and fails with the last failure. */
async function untilDone(what: string, limitMs: number, work: () => Promise<void>): Promise<number> {
  const took = stopwatch();
  for (;;) {
    try {
      await work();
      return took();
    } catch (cause) {
      if (took() > limitMs) throw new Error(`Not within ${limitMs} ms: ${what}. ${messageOf(cause)}`, { cause });
    }
    await delay(20);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
