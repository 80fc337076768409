/** An engine that counts, for tests of the processes that engines have. */
import { serveEngine } from "../../../../src/providers/sql/engine/serving.ts";
import type { Row } from "../../../../src/providers/sql/run.ts";

const columns = [{ name: "n", type: "int64", nullable: false, nativeType: "count" }] as const;

/** Rows of some text: `count 5` rows, `busy` for ever at the first one, `die`, `fail`, `environment`, `pid`. */
function* rowsOf(text: string): Generator<Row> {
  const [word, count] = text.split(" ");
  if (word === "busy") for (;;);
  if (word === "die") process.kill(process.pid, "SIGKILL");
  if (word === "environment") yield [JSON.stringify([process.env, process.execArgv])];
  if (word === "pid") yield [`${process.pid}`];
  for (let n = 1; n <= Number(count); n++) yield [`${n}`];
  if (word === "fail") throw Object.assign(new Error("It fails."), { code: "COUNTING", at: Number(count) });
}

if (import.meta.main) {
  serveEngine((opening) => {
    if (opening === "refused") throw Object.assign(new Error("It does not open."), { code: "COUNTING" });
    return { run: ({ text }) => ({ columns, rows: rowsOf(text) }) };
  });
}
