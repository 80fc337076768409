/**
 * What the audit log adds to an action: 1,000 a second come at even times, whatever becomes
 * of those before, and each changes a row of a customer's table. By turns of some seconds
 * their intents and outcomes are written, or not.
 */
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import type { Audit } from "../../../src/audit/audit.ts";
import type { AuditEvent } from "../../../src/audit/event.ts";
import { percentile } from "../support/bench.ts";

export const organizationId = "acme";
const perSecond = 1_000;
const turnMs = 4_000;
/** The first actions of a turn meet what the one before has left, and the first turn code that is not compiled. */
const settlingMs = 1_000;
const customers = 10_000;

export interface Actions {
  /** Milliseconds from when an action was due to when its caller hears of its end, sorted by nothing. */
  turn(audit: Audit | undefined): Promise<readonly number[]>;
  /** Actions that were done, and those that were audited. */
  readonly done: { all: number; audited: number };
  close(): Promise<void>;
}

export async function openActions(databaseUrl: string): Promise<Actions> {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 10 });
  await pool.query("CREATE TABLE customer (id int PRIMARY KEY, visits int NOT NULL)");
  await pool.query(`INSERT INTO customer SELECT n, 0 FROM generate_series(0, ${customers - 1}) AS n`);
  const done = { all: 0, audited: 0 };

  async function act(i: number, audit: Audit | undefined): Promise<void> {
    const intent = await audit?.intent(actionEvent(i), 30_000);
    await pool.query({
      ...{ name: "act", text: "UPDATE customer SET visits = visits + 1 WHERE id = $1", values: [i % customers] },
    });
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
      for (let i = 0; i < (perSecond * turnMs) / 1_000; i++) {
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
    async close() {
      const { rows } = await pool.query<{ visits: number }>("SELECT sum(visits)::int AS visits FROM customer");
      await pool.end();
      if (rows[0]?.visits !== done.all) throw new Error(`Of ${done.all} actions ${rows[0]?.visits} were done.`);
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
