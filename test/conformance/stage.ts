/** Sets a stage up, and waits for what happens on it. */
import { randomUUID } from "node:crypto";
import { expect } from "vitest";
import type { Provider } from "../../src/providers/contract.ts";
import { testService } from "../support/service.ts";
import { stopwatch } from "../support/stopwatch.ts";
import type { Stage } from "./case.ts";
import type { Fixture } from "./fixture.ts";
import { allTables, forbidden } from "./tables.ts";

export type ClosableStage = Stage & { close(): Promise<void> };

export async function openStage(definition: Provider, fixture: Fixture): Promise<ClosableStage> {
  await using opening = new AsyncDisposableStack();
  const [service, source] = await Promise.all([testService({ ...fixture.environment }), fixture.open()]);
  opening.defer(() => source.close());
  opening.defer(() => service.stop());
  await source.create(allTables(fixture));
  await source.forbid?.(forbidden);
  const { client } = service;
  const connector: Stage["connector"] = async ({ target = source.target, policy = {} }) => {
    const name = `c-${randomUUID()}`;
    return (await client.createConnector({ provider: definition.id, name, ...target, policy })).id;
  };
  const connectorId = await connector({});
  const opened = opening.move();
  const close = () => opened.disposeAsync();
  return { definition, fixture, source, service, client, connectorId, connector, close };
}

/** Milliseconds that a statement may live on after its call has ended. */
export const afterlifeMs = 250;
/** Milliseconds after which nobody waits any more for what should be at once. */
const limitMs = 30_000;

/**
 * Waits until the source works on so many statements of the service; at once where it can't be seen.
 * Gives the milliseconds for which it was another number; what asking takes is not counted.
 */
export async function untilRunning({ source }: Stage, expected: number): Promise<number> {
  if (source.running === undefined) return 0;
  const took = stopwatch();
  for (let otherMs = 0; ; ) {
    const askedMs = took();
    const running = await source.running();
    if (running === expected) return otherMs;
    otherMs = askedMs;
    if (otherMs > limitMs) throw new Error(`The source still works on ${running} statements and not on ${expected}.`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** The statement ends soon after its call; whoever can't see it, sees that its connector's only permit is free. */
export async function expectStopped(stage: Stage): Promise<void> {
  expect(await untilRunning(stage, 0)).toBeLessThan(afterlifeMs);
}
