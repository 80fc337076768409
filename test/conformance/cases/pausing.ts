/** A session whose reader pauses: asked of the session itself, since the service's own buffers would hide it. */
import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "vitest";
import type { Dial } from "../../../src/egress/dial.ts";
import { createPlaces } from "../../../src/execution/session/places.ts";
import type { Call, ResourceQuery, Session } from "../../../src/providers/contract.ts";
import type { Cases, Stage } from "../case.ts";
import { big } from "../tables.ts";

const bigBytes = big.rows.reduce((sum, [, text]) => sum + (text?.length ?? 0), 0);
const quietMs = 50;

export const pausingCases: Cases = ({ network }) =>
  network === undefined
    ? []
    : [
        {
          name: "a session takes no more of the source than its reader takes of it, and gives all when that goes on",
          needs: ["query"],
          async run(stage) {
            const { session, read } = countedSession(stage);
            try {
              const stream = await session.stream?.(everything, callFor(60_000));
              if (stream === undefined) throw new Error("The session has no streams.");
              let rows = 0;
              for await (const batch of stream.batches) {
                if (rows === 0) expect(await settled(read)).toBeLessThan(bigBytes / 4);
                rows += batch.rows;
              }
              expect(rows).toBe(big.rows.length);
              expect(read()).toBeGreaterThanOrEqual(bigBytes);
            } finally {
              await session.close();
            }
          },
        },
      ];

const everything: ResourceQuery = {
  ...{ kind: "resource", resource: big.name, fields: [], filter: undefined, orderBy: [], limit: undefined },
};

/** A session of the provider's own, and the bytes that its sockets have read. */
function countedSession({ definition, source }: Stage): { session: Session; read: () => number } {
  const sockets: Socket[] = [];
  const dial: Dial = async ({ host, port }, _signal, onread) => {
    const socket = connect({ host, port, ...(onread === undefined ? {} : { onread }) }).setNoDelay();
    sockets.push(socket);
    await new Promise((resolve, reject) => socket.once("connect", resolve).once("error", reject));
    return socket;
  };
  const { config, credential } = source.target;
  const session = definition.open(definition.config.parse(config), definition.credential.parse(credential), {
    ...{ dial, maxConnections: 2, places: createPlaces({ perHost: 10, all: 10 }) },
  });
  return { session, read: () => sockets.reduce((sum, socket) => sum + socket.bytesRead, 0) };
}

/** The figure, when it has been the same for a while. */
async function settled(figure: () => number): Promise<number> {
  for (let [before, equal] = [-1, 0]; ; ) {
    const now = figure();
    equal = now === before ? equal + 1 : 0;
    if (equal === 3) return now;
    before = now;
    await delay(quietMs);
  }
}

function callFor(ms: number): Call {
  const signal = AbortSignal.timeout(ms);
  return { signal, deadline: performance.now() + ms, enter: () => {}, settling: () => {}, quota: () => {} };
}
