/** A call that ends early stops its statement at the source, soon, and no other call's. */
import { expect } from "vitest";
import { Code, type QueryInput } from "../../../src/client/index.ts";
import { queryOf } from "../../../src/client/query.ts";
import { refusalOf } from "../../service/refusal.ts";
import { stopwatch } from "../../support/stopwatch.ts";
import type { Case, Cases, Stage } from "../case.ts";
import { readPages } from "../reading.ts";
import { expectStopped, untilAtWork, untilIdle } from "../stage.ts";
import { big, kept } from "../tables.ts";

/** The only permit of a connector is free, so its source has settled. */
async function expectFree(stage: Stage, connectorId: string): Promise<void> {
  const { rows } = await readPages({ ...stage, connectorId }, { resource: kept.name }, 100);
  expect(rows).toEqual(kept.rows);
}

const single = (stage: Stage) => stage.connector({ policy: { maxConcurrency: 1 } });

const leftStream: Case = {
  name: "when the loop over a stream's rows is left",
  needs: ["query"],
  timed: true,
  async run(stage) {
    const connectorId = await single(stage);
    for (const format of ["packed", "values"] as const) {
      for await (const _ of stage.client.stream(connectorId, { resource: big.name }, { format })) break;
      await expectStopped(stage);
      await expectFree(stage, connectorId);
    }
  },
};

const cancelledUnread: Case = {
  name: "when a stream is cancelled that nobody reads any more",
  needs: ["query"],
  timed: true,
  async run(stage) {
    const connectorId = await single(stage);
    const stream = stage.client.stream(connectorId, { resource: big.name });
    await stream.header;
    await untilAtWork(stage);
    stream.cancel();
    await expectStopped(stage);
    await expectFree(stage, connectorId);
  },
};

/** What is at work for a minute, and how each kind of call is made of it. */
function slowCases(slow: string): Case[] {
  const needs = ["query", "native_query"] as const;
  const query: QueryInput = { native: slow };
  const calls = {
    "a page": ({ client }: Stage, id: string, signal: AbortSignal) => client.query(id, query, { signal }),
    "a stream before its first row": ({ client }: Stage, id: string, signal: AbortSignal) =>
      Array.fromAsync(client.stream(id, query, { signal })),
  };
  return [
    ...Object.entries(calls).map(
      ([what, call]): Case => ({
        name: `when the caller cancels ${what}`,
        needs,
        timed: true,
        async run(stage) {
          const connectorId = await single(stage);
          const controller = new AbortController();
          const ended = expect(call(stage, connectorId, controller.signal)).rejects.toMatchObject({
            code: Code.Canceled,
          });
          await untilAtWork(stage, slow);
          controller.abort();
          await ended;
          await expectStopped(stage);
          await expectFree(stage, connectorId);
        },
      }),
    ),
    deadline("a page", slow, ({ client }, request, options) => client.rpc.query(request, options)),
    deadline("a stream", slow, ({ client }, request, options) =>
      Array.fromAsync(client.rpc.streamQuery(request, options)),
    ),
    innocents(slow),
  ];
}

const deadlineMs = 400;
const withDeadline = { headers: { "connect-timeout-ms": String(deadlineMs) } };
type Request = { readonly connectorId: string; readonly query: ReturnType<typeof queryOf> };

/** Told to the service alone: it must keep to the deadline by itself. */
function deadline(
  what: string,
  slow: string,
  call: (stage: Stage, request: Request, options: typeof withDeadline) => Promise<unknown>,
): Case {
  return {
    name: `when the deadline of ${what} passes, which says where the time went`,
    needs: ["query", "native_query"],
    timed: true,
    async run(stage) {
      const connectorId = await single(stage);
      // The first connection is no part of what is measured.
      await expectFree(stage, connectorId);
      const took = stopwatch();
      const refusal = await refusalOf(call(stage, { connectorId, query: queryOf({ native: slow }) }, withDeadline));
      expect(took()).toBeLessThan(deadlineMs + 250);
      expect(refusal).toMatchObject({ code: "DeadlineExceeded", reason: "DEADLINE_EXCEEDED", where: "upstream" });
      expect(Number(refusal.metadata.source_ms)).toBeGreaterThan(deadlineMs / 2);
      await expectStopped(stage);
      await expectFree(stage, connectorId);
    },
  };
}

/** Cancelled calls and others in turns over few connections. */
function innocents(slow: string): Case {
  return {
    name: "and never another call's",
    needs: ["query", "native_query"],
    async run(stage) {
      const connectorId = await stage.connector({ policy: { maxConcurrency: 2 } });
      for (let i = 0; i < 15; i++) {
        const controller = new AbortController();
        const cancelled = stage.client.query(connectorId, { native: slow }, { signal: controller.signal });
        const ended = expect(cancelled).rejects.toMatchObject({ code: Code.Canceled });
        const innocent = expectFree(stage, connectorId);
        // Before it is sent, on its way, and at work.
        if (i % 3 === 0) await untilAtWork(stage, slow);
        else await new Promise((resolve) => setTimeout(resolve, i));
        controller.abort();
        await Promise.all([ended, innocent, expectFree(stage, connectorId)]);
      }
      await untilIdle(stage);
    },
  };
}

export const stopCases: Cases = ({ native }) => [
  leftStream,
  cancelledUnread,
  ...(native === undefined ? [] : slowCases(native.slow)),
];
