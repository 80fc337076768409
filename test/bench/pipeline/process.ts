/** The process whose CPU is measured. */
import { answerCommands } from "../support/child.ts";
import { type Cost, turn } from "../support/turn.ts";
import type { CaseName, Places, Turn } from "./cases.ts";
import { type Contender, type Contenders, openContenders } from "./contenders.ts";
import { cellsOf, idOf } from "./table.ts";

const cleanup = new AsyncDisposableStack();
let contenders: Contenders = {};

answerCommands(
  {
    /** Opens every case, and says which there are. */
    async open(places: Places): Promise<CaseName[]> {
      contenders = await openContenders(places, cleanup);
      return Object.keys(contenders) as CaseName[];
    },

    /** Compares what a case reads with what the table holds. */
    async check({ name, calls }: { name: CaseName; calls: number }): Promise<void> {
      const contender = contenderOf(name);
      for (let call = 0; call < calls; call++) {
        const id = idOf(call * 37);
        const { cells } = await contender.read(id, true);
        if (cells?.join("|") !== cellsOf(id).join("|")) throw new Error(`${name} read ${cells} for ${id}.`);
      }
    },

    /** Makes so many calls, and what they put off. */
    async turn({ name, calls, concurrency }: Turn): Promise<Cost> {
      const contender = contenderOf(name);
      const { rows, cost } = await turn(
        { calls, concurrency },
        {
          read: async (number) => (await contender.read(idOf(number), false)).rows,
          settle: contender.settle,
        },
      );
      if (rows !== calls) throw new Error(`${name} read ${rows} rows by ${calls} calls.`);
      return cost;
    },
  },
  () => cleanup.disposeAsync(),
);

function contenderOf(name: CaseName): Contender {
  const contender = contenders[name];
  if (contender === undefined) throw new Error(`There is no case "${name}".`);
  return contender;
}
