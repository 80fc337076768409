/** How a replica goes: what runs is ended well. */
import { expect, type Section } from "../report.ts";
import type { Stage } from "../stage.ts";
import { connected } from "./connected.ts";

const draining: Section<Stage> = {
  title: "Stop it while a stream runs",
  async run(stage, did) {
    const [first] = await connected(stage);
    if (first === undefined || stage.own === undefined) return;
    const rows = stage.client.stream(first.id, { resource: first.resource })[Symbol.asyncIterator]();
    await rows.next();
    const ending = stage.own.terminate();
    const read = await did("SIGTERM, and the stream that runs is read to its end", async () => {
      let count = 1;
      while (!(await rows.next()).done) count++;
      return count;
    });
    expect(first.source.table === undefined || read === first.source.table.rows, `${read} rows have come.`);
    const code = await did("the service ends by itself", () => ending);
    expect(code === 0, `It ended with ${code}.`);
  },
};

export const stopping: readonly Section<Stage>[] = [draining];
