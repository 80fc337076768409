/** A source that goes away: told as such, never a result that is silently short. */
import { expect } from "vitest";
import { queryOf } from "../../../src/client/query.ts";
import { allRows, refusalOf } from "../../service/refusal.ts";
import { type FaultProxy, faultProxy } from "../../support/fault-proxy.ts";
import type { Case, CaseOf, Cases, Scene, Stage } from "../case.ts";
import type { Network } from "../fixture.ts";
import { readPages } from "../reading.ts";
import { untilIdle } from "../stage.ts";
import { big } from "../tables.ts";

/** A connector that reaches the source through a proxy, which the case may harm. */
export async function through(scene: Scene, network: Network, work: Work): Promise<void> {
  const target = await scene.target();
  const proxy = await faultProxy(network.addressOf(target));
  try {
    const address = { host: "127.0.0.1", port: proxy.port };
    const connectorId = await scene.connector({ target: network.at(target, address) });
    await work(proxy, connectorId);
  } finally {
    await proxy.stop();
  }
}

type Work = (proxy: FaultProxy, connectorId: string) => Promise<void>;

/** As `through`; the source works on nothing afterwards. */
async function throughUntilIdle(stage: Stage, network: Network, work: Work): Promise<void> {
  try {
    await through(stage, network, work);
  } finally {
    await untilIdle(stage);
  }
}

const lost = { code: "Unavailable", where: "upstream", remedy: expect.stringContaining("again") };
/** Bytes of an answer after which its connection ends: while it is made, in the first rows, and far in the middle. */
const cuts = [1, 100, 1_000, 5_000, 50_000, 500_000, 5_000_000];

export const lossCases: Cases = ({ network }) => (network === undefined ? [] : casesOf(network));

function casesOf(network: Network): Case[] {
  const needs = ["query"] as const;
  return [
    ...(["down", "reset_peer"] as const).map(
      (kind): Case => ({
        name: `${kind === "down" ? "closed" : "reset"} in the middle of a stream: unavailable, after the rows already sent`,
        needs,
        run: (stage) =>
          throughUntilIdle(stage, network, async (proxy, connectorId) => {
            const stream = stage.client.stream(connectorId, { resource: big.name, orderBy: ["id"] });
            let rows = 0;
            const reading = (async () => {
              for await (const batch of stream.batches()) {
                if (rows === 0) await proxy.set({ kind });
                for (const { id } of batch) expect(Number(id)).toBe(rows++);
              }
            })();
            expect(await refusalOf(reading)).toMatchObject({ ...lost, reason: "UPSTREAM_LOST" });
            expect(rows).toBeGreaterThan(0);
            expect(rows).toBeLessThan(big.rows.length);
            await expect(stream.trailer).rejects.toMatchObject({ reason: "UPSTREAM_LOST" });
          }),
      }),
    ),
    ...cuts.map(
      (bytes): Case => ({
        name: `every connection cut after ${bytes} bytes: an error of the stream, and of the page`,
        needs,
        run: (stage) =>
          throughUntilIdle(stage, network, async (proxy, connectorId) => {
            await proxy.set({ kind: "limit_data", bytes, direction: "downstream" });
            const { client } = stage;
            const refusal = await refusalOf(allRows(client.stream(connectorId, { resource: big.name })));
            expect(refusal).toMatchObject(lost);
            expect(refusal.reason).toMatch(/^UPSTREAM_(LOST|UNREACHABLE)$/);
            // A page of so many bytes is whole before the connection ends.
            if (bytes > 1_000_000) return;
            expect(await refusalOf(client.query(connectorId, { resource: big.name }, { pageSize: 200 }))).toMatchObject(
              {
                code: "Unavailable",
              },
            );
          }),
      }),
    ),
    ...silenceCases(network),
  ];
}

/** What nobody says: that a connection is gone, or that an answer comes no more. */
export function silenceCases(network: Network): CaseOf<Scene>[] {
  const needs = ["query"] as const;
  return [
    {
      name: "a connection that was lost while nobody used it is replaced, and nobody hears of it",
      needs,
      run: (stage) =>
        through(stage, network, async (proxy, connectorId) => {
          for (const kind of ["reset_peer", "down"] as const) {
            const read = () => readPages({ ...stage, connectorId }, stage.probe.query, 100);
            expect((await read()).rows).toEqual(stage.probe.rows);
            await proxy.set({ kind });
            await proxy.set(undefined);
            expect((await read()).rows).toEqual(stage.probe.rows);
          }
        }),
    },
    {
      name: "a source that says nothing any more is ended by the deadline",
      needs,
      timed: true,
      run: (stage) =>
        through(stage, network, async (proxy, connectorId) => {
          await proxy.set({ kind: "timeout" });
          const query = queryOf(stage.probe.query);
          const options = { headers: { "connect-timeout-ms": "400" } };
          const refusal = await refusalOf(stage.client.rpc.query({ connectorId, query }, options));
          expect(refusal).toMatchObject({ code: "DeadlineExceeded", reason: "DEADLINE_EXCEEDED", where: "upstream" });
          await proxy.set(undefined);
        }),
    },
  ];
}
