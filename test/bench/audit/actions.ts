/**
 * What the audit log adds to an action: 1,000 a second come at even times, whatever becomes
 * of those before. The target only counts, and answers in the next turn of the event loop,
 * so that the difference is the log's alone. By turns of some seconds intents and outcomes
 * are written, or not, or something is kept by the disk in place of each.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Audit } from "../../../src/audit/audit.ts";
import type { AuditEvent } from "../../../src/audit/event.ts";
import { percentile } from "../support/bench.ts";
import type { BareLog } from "./bare.ts";

export const organizationId = "acme";
const perSecond = 1_000;
const turnMs = 4_000;
export const actionsPerTurn = (perSecond * turnMs) / 1_000;
/** The first actions of a turn meet what the one before has left, and the first turn code that is not compiled. */
const settlingMs = 1_000;

/** What waits before and behind an action. */
export type Log = Audit | BareLog | undefined;

export interface Actions {
  /** Milliseconds from when each action was due to when its caller hears of its end. */
  turn(log: Log): Promise<readonly number[]>;
  /** Actions that were done, and those that were audited. */
  readonly done: { readonly all: number; readonly audited: number };
}

export function openActions(): Actions {
  const done = { all: 0, audited: 0 };

  async function act(i: number, log: Log): Promise<void> {
    const ended = await begin(i, log);
    await new Promise(setImmediate);
    done.all++;
    await ended();
  }

  /** Gives what is to be done when the action is over. */
  async function begin(i: number, log: Log): Promise<() => Promise<void>> {
    if (log === undefined) return async () => {};
    if ("keep" in log) {
      await log.keep();
      return () => log.keep();
    }
    const intent = await log.intent(actionEvent(i), 30_000);
    return async () => {
      await log.outcome(intent, { outcome: "succeeded", rows: 1 });
      done.audited++;
    };
  }

  return {
    done,
    async turn(log) {
      const took: number[] = [];
      const running: Promise<void>[] = [];
      const start = performance.now();
      for (let i = 0; i < actionsPerTurn; i++) {
        const due = start + (i * 1_000) / perSecond;
        while (performance.now() < due) await delay(1);
        const timed = async () => {
          await act(i, log);
          took[i] = performance.now() - due;
        };
        running.push(timed());
      }
      await Promise.all(running);
      return took.slice((perSecond * settlingMs) / 1_000);
    },
  };
}

export const p99 = (values: readonly number[]) => percentile(values, 0.99);

export function actionEvent(i: number): AuditEvent {
  return {
    organizationId,
    actor: {
      ...{ principal: `service-${i % 50}`, authentication: "jwt", requestId: crypto.randomUUID() },
      clientAddress: "10.1.2.3",
    },
    event: "action.update",
    connectorId: "0195a3f0-0000-7000-8000-00000000c0de",
    resource: "public.orders",
    details: { request_hash: "ab".repeat(32), dry_run: false },
  };
}
