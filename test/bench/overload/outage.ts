/** How much a source that is away still hears of calls, and how soon they are answered when it is back. */
import { faultProxy } from "../../support/fault-proxy.ts";
import type { Report } from "./calling.ts";
import type { Load, Stage } from "./stage.ts";

const connectors = 4;
const perSecond = 200;
const timeoutMs = 1_000;
const healthyMs = 1_500;
const outageMs = 6_000;
const afterwardsMs = 5_000;

export interface Outage {
  /** Calls that ended while the source was away. */
  readonly calls: number;
  /** How often the source was asked for them. */
  readonly attempts: number;
  /** Those that were some call's first. */
  readonly firstAttempts: number;
  /** Milliseconds from when the source is back until no call fails any more. */
  readonly recoveryMs: number;
}

export async function measureOutage(stage: Stage, load: Load, progress: (line: string) => void): Promise<Outage> {
  const { hostname: host, port } = new URL(stage.databaseUrl);
  const proxy = await faultProxy({ host, port: Number(port) });
  try {
    const ids: string[] = [];
    for (let i = 0; i < connectors; i++) ids.push(await stage.connect("outage", { port: proxy.port }));
    const target = stage.target("outage", ids, 0);
    const calls = (ms: number) => load.open({ target, perSecond, ms, timeoutMs });
    const healthy = await calls(healthyMs);
    if (failures(healthy) > 0) throw new Error(`Calls fail without an outage: ${JSON.stringify(healthy.failed)}.`);
    // The load goes on while the source goes away: some calls are lost on their way.
    const running = calls(outageMs);
    await proxy.set({ kind: "down" });
    const before = await countsOf(stage);
    const during = await running;
    const after = await countsOf(stage);
    progress(
      `${perSecond} calls/s through ${connectors} connectors without a source: ${JSON.stringify(during.failed)}`,
    );
    await proxy.set(undefined);
    const afterwards = await calls(afterwardsMs);
    if (afterwards.good === 0) throw new Error("No call is answered after the outage.");
    return {
      calls: after.calls - before.calls,
      attempts: after.attempts - before.attempts,
      firstAttempts: after.firstAttempts - before.firstAttempts,
      recoveryMs: afterwards.lastFailureMs,
    };
  } finally {
    await proxy.stop();
  }
}

function failures({ failed }: Report): number {
  return Object.values(failed).reduce((sum, count) => sum + count, 0);
}

/** What the service itself has counted up to now. */
async function countsOf({ served }: Stage) {
  const response = await fetch(served.metricsUrl);
  const text = await response.text();
  const sum = (series: RegExp) => {
    let total = 0;
    for (const [, value] of text.matchAll(series)) total += Number(value);
    return total;
  };
  return {
    calls: sum(/^connector_calls_total\{.*\} (\S+)/gm),
    attempts: sum(/^connector_attempts_total\{.*\} (\S+)/gm),
    firstAttempts: sum(/^connector_attempts_total\{.*attempt="1".*\} (\S+)/gm),
  };
}
