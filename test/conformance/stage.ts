/** Sets a stage up, and waits for what happens on it. */
import { randomUUID } from "node:crypto";
import { expect } from "vitest";
import type { Provider } from "../../src/providers/contract.ts";
import { testService } from "../support/service.ts";
import { stopwatch } from "../support/stopwatch.ts";
import type { Scene, Stage } from "./case.ts";
import type { Fixture, Target } from "./fixture.ts";
import { allTables, forbidden, kept } from "./tables.ts";

export type Closable<S> = S & { close(): Promise<void> };

export async function openStage(definition: Provider, fixture: Fixture): Promise<Closable<Stage>> {
  await using opening = new AsyncDisposableStack();
  const [service, source] = await Promise.all([testService({ ...fixture.environment }), fixture.open()]);
  opening.defer(() => source.close());
  opening.defer(() => service.stop());
  await source.create(allTables(fixture));
  await source.forbid?.(forbidden);
  const { client } = service;
  const target = async () => source.target;
  const connector = connecting(client, definition, target);
  const connectorId = await connector({});
  const create: Stage["create"] = async (tables) => {
    await source.create(tables);
    if (fixture.declared) await client.updateConnector(connectorId, { config: source.target.config });
  };
  const opened = opening.move();
  const close = () => opened.disposeAsync();
  const probe = { query: { resource: kept.name }, rows: kept.rows.map((row) => [...row]) };
  return { definition, fixture, source, service, client, connectorId, probe, target, create, connector, close };
}

/** Makes connectors of a provider. */
export function connecting(
  client: Scene["client"],
  { id: provider }: Provider,
  standard: () => Promise<Target>,
): Scene["connector"] {
  return async ({ target, policy = {} }) => {
    const name = `c-${randomUUID()}`;
    return (await client.createConnector({ provider, name, ...(target ?? (await standard())), policy })).id;
  };
}

/** Milliseconds that a statement may live on after its call has ended. */
const afterlifeMs = 250;
/** Milliseconds after which nobody waits any more for what should be at once. */
const limitMs = 30_000;

/**
 * Waits until the source works on no statement of the service. Gives the milliseconds for which
 * it did; what asking takes is not counted. At once where it can't be seen.
 */
export function untilIdle(stage: Stage): Promise<number> {
  return until(stage, (texts) => texts.length === 0);
}

/** Waits until the source works on this statement, or on any: what is asked of its catalogue before it counts, too. */
export async function untilAtWork(stage: Stage, statement = ""): Promise<void> {
  await until(stage, (texts) => texts.some((text) => text.includes(statement)));
}

async function until({ source }: Stage, expected: (texts: readonly string[]) => boolean): Promise<number> {
  if (source.running === undefined) return 0;
  const took = stopwatch();
  for (let otherMs = 0; ; ) {
    const askedMs = took();
    const texts = await source.running();
    if (expected(texts)) return otherMs;
    otherMs = askedMs;
    if (otherMs > limitMs) throw new Error(`For half a minute the source works on: ${texts.join("; ") || "nothing"}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** The statement ends soon after its call. */
export async function expectStopped(stage: Stage): Promise<void> {
  expect(await untilIdle(stage)).toBeLessThan(afterlifeMs);
}
