/** How long an exchange lives on at the API whose call was cancelled. */
import { setTimeout as delay } from "node:timers/promises";
import { createConnectorClient } from "../../../src/client/index.ts";
import type { ServiceAddress } from "../stream/cases.ts";
import type { Child } from "../support/child.ts";

/** A call is cancelled up to so long after its start. */
const latestCancelMs = 100;
/** So long an exchange is watched after its cancel. */
const watchMs = 250;

interface Endless {
  readonly open: number;
  readonly lastMs: number;
}

/** Milliseconds of each cancel, of streams that wait for the answer and of those that read it. */
export async function cancelLatencies(service: ServiceAddress, api: Child, cancels: number): Promise<number[]> {
  const client = createConnectorClient(service);
  const latencies: number[] = [];
  try {
    for (let cancel = 0; cancel < cancels; cancel++) {
      const controller = new AbortController();
      const resource = cancel % 2 === 0 ? "silent" : "endless";
      const stream = client.stream(service.connectorId, { resource }, { signal: controller.signal });
      const read = (async () => {
        for await (const _ of stream);
      })().catch(() => {});
      await begun(api);
      await delay(Math.random() * latestCancelMs);
      const cancelled = performance.timeOrigin + performance.now();
      controller.abort();
      await read;
      latencies.push(await lastedAfter(cancelled, api));
    }
    return latencies;
  } finally {
    client.close();
  }
}

async function begun(api: Child): Promise<void> {
  while ((await api.call<Endless>("endless")).open === 0) await delay(2);
}

async function lastedAfter(cancelled: number, api: Child): Promise<number> {
  for (let watched = 0; watched < 4 * watchMs; watched += 5) {
    const { open, lastMs } = await api.call<Endless>("endless");
    if (open === 0) return Math.max(0, lastMs - cancelled);
    await delay(5);
  }
  throw new Error(`An exchange outlives its cancel by ${4 * watchMs} ms.`);
}
