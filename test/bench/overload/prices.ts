/** What a call costs the service's CPU that it answers, and one that it refuses. */
import type { Load, Stage } from "./stage.ts";

/** So long it takes until calls that wait have come to their line. Milliseconds. */
const settleMs = 1_000;
/** Calls that the service refuses, and answers, one after the other in so many lanes. */
const priced = { calls: 2_000, concurrency: 16 };
/** One that runs, and as many as a connector's line holds. */
const filling = { calls: 101, sourceMs: 600_000 };

/** Microseconds of the service's CPU for each call that it refuses, and that it answers. */
export async function measurePrices(
  stage: Stage,
  [load, filler]: readonly [Load, Load],
): Promise<{ readonly refusedUs: number; readonly answeredUs: number }> {
  const price = async (connectorId: string) => {
    const loop = { target: stage.target("noisy", [connectorId], 0), ...priced };
    await load.closed(loop);
    const before = await stage.service.call<number>("cpuUs");
    const report = await load.closed(loop);
    return { us: ((await stage.service.call<number>("cpuUs")) - before) / report.sent, report };
  };
  const answered = await price(await stage.connect("noisy"));
  const full = await stage.connect("noisy", { maxConcurrency: 1 });
  await filler.hold({ target: stage.target("noisy", [full], filling.sourceMs), calls: filling.calls });
  await new Promise((resolve) => setTimeout(resolve, settleMs));
  const refused = await price(full);
  await filler.letGo();
  if (refused.report.goodMs.length > 0) throw new Error("Calls were to be refused that were answered.");
  return { refusedUs: refused.us, answeredUs: answered.us };
}
