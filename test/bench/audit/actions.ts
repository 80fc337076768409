/**
 * What the audit log adds to an action: 1,000 a second come at even times, whatever becomes
 * of those before. The target only counts, and answers in the next turn of the event loop,
 * so that the difference is the log's alone. By turns of some seconds intents and outcomes
 * are written, or not.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Audit } from "../../../src/audit/audit.ts";
import type { AuditEvent } from "../../../src/audit/event.ts";
import { percentile } from "../support/bench.ts";

export const organizationId = "acme";
const perSecond = 1_000;
const turnMs = 4_000;
export const actionsPerTurn = (perSecond * turnMs) / 1_000;
/** The first actions of a turn meet what the one before has left, and the first turn code that is not compiled. */
const settlingMs = 1_000;

export interface Actions {
  /** Milliseconds from when each action was due to when its caller hears of its end. */
  turn(audit: Audit | undefined): Promise<readonly number[]>;
  /** Actions that were done, and those that were audited. */
  readonly done: { readonly all: number; readonly audited: number };
}

export function openActions(): Actions {
  const done = { all: 0, audited: 0 };

  async function act(i: number, audit: Audit | undefined): Promise<void> {
    const intent = await audit?.intent(actionEvent(i), 30_000);
    await new Promise(setImmediate);
    done.all++;
    if (audit === undefined || intent === undefined) return;
    await audit.outcome(intent, { outcome: "succeeded", rows: 1 });
    done.audited++;
  }

  return {
    done,
    async turn(audit) {
      const took: number[] = [];
      const running: Promise<void>[] = [];
      const begin = performance.now();
      for (let i = 0; i < actionsPerTurn; i++) {
        const due = begin + (i * 1_000) / perSecond;
        while (performance.now() < due) await delay(1);
        const timed = async () => {
          await act(i, audit);
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
