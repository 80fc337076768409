/** Tells the process that has started it the id of an engine's process, which it then keeps at work for ever. */
import { openConnection } from "../../../../src/providers/sql/engine/connection.ts";

if (import.meta.main) {
  const module = new URL("./counting.ts", import.meta.url).href;
  const connection = await openConnection(module, "counting", new AbortController().signal);
  const [[pid] = []] = await connection.rows({ text: "pid", parameters: [] }, 60_000);
  void connection.read({ text: "busy", parameters: [] }).next();
  process.send?.(Number(pid));
}
