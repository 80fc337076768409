/** Calls that end early, and answers that never do. */
import { expect } from "vitest";
import { Code } from "../../../src/client/index.ts";
import { refusalOf } from "../../service/refusal.ts";
import { through } from "../cases/loss.ts";
import type { Network } from "../fixture.ts";
import { readPages } from "../reading.ts";
import type { ReadCase, ReadStage } from "./api.ts";

const needs = ["query"] as const;

/** A call of each kind. */
const calls: Readonly<
  Record<string, (stage: ReadStage, connectorId: string, signal: AbortSignal) => Promise<unknown>>
> = {
  "a page": ({ client, probe }, id, signal) => client.query(id, probe.query, { signal }),
  "a stream": ({ client, probe }, id, signal) => Array.fromAsync(client.stream(id, probe.query, { signal })),
};

/** Bytes of an answer after which its connection ends: in its status line, and in its headers or its body. */
const cuts = [1, 150];

export const stopCases = (network: Network): readonly ReadCase[] => [
  ...Object.entries(calls).map(
    ([what, call]): ReadCase => ({
      name: `${what} that its caller cancels ends at once, and the next is answered`,
      needs,
      run: (stage) =>
        through(stage, network, async (proxy, connectorId) => {
          const read = () => readPages({ ...stage, connectorId }, stage.probe.query, 100);
          expect((await read()).rows).toEqual(stage.probe.rows);
          await proxy.set({ kind: "timeout" });
          const leaving = new AbortController();
          const called = call(stage, connectorId, leaving.signal);
          setTimeout(() => leaving.abort(), 20);
          await expect(called).rejects.toMatchObject({ code: Code.Canceled });
          await proxy.set(undefined);
          expect((await read()).rows).toEqual(stage.probe.rows);
        }),
    }),
  ),
  {
    name: "a stream whose loop is left, and one that is cancelled unread, hold nothing",
    needs,
    async run(stage) {
      const { client, probe } = stage;
      const connectorId = await stage.connector({ policy: { maxConcurrency: 1 } });
      for await (const _ of client.stream(connectorId, probe.query)) break;
      const stream = client.stream(connectorId, probe.query);
      await stream.header;
      stream.cancel();
      expect((await readPages({ ...stage, connectorId }, probe.query, 100)).rows).toEqual(probe.rows);
    },
  },
  ...cuts.map(
    (bytes): ReadCase => ({
      name: `an answer that is cut after ${bytes} bytes is an error, of a page and of a stream`,
      needs,
      run: (stage) =>
        through(stage, network, async (proxy, connectorId) => {
          await proxy.set({ kind: "limit_data", bytes, direction: "downstream" });
          for (const call of Object.values(calls)) {
            const refusal = await refusalOf(call(stage, connectorId, new AbortController().signal));
            expect(refusal).toMatchObject({ code: "Unavailable", where: "upstream" });
            expect(refusal.reason).toMatch(/^UPSTREAM_(?:LOST|UNREACHABLE)$/);
          }
        }),
    }),
  ),
];
