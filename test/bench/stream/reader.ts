/** A process that reads the table by one case. */
import { createConnectorClient } from "../../../src/client/index.ts";
import { answerCommands } from "../support/child.ts";
import { type CaseName, cases, type ServiceAddress, type Target } from "./cases.ts";
import { tableName } from "./shape.ts";
import { CheckingSink, CountingSink } from "./sink.ts";

interface Reading {
  readonly name: CaseName;
  readonly target: Target;
}

answerCommands({
  /** The sums of all columns. */
  async check({ name, target }: Reading): Promise<string[]> {
    const sink = new CheckingSink();
    await cases[name].read(target, sink);
    return sink.sums();
  },

  /** Milliseconds for the whole table, and the cells seen. */
  async time({ name, target }: Reading): Promise<{ ms: number; cells: number }> {
    const sink = new CountingSink();
    const start = performance.now();
    await cases[name].read(target, sink);
    return { ms: performance.now() - start, cells: sink.cells };
  },

  /** Reads some rows and drops them. */
  async warm({ service, rows }: { service: ServiceAddress; rows: number }): Promise<void> {
    const client = createConnectorClient(service);
    for await (const _ of client.stream(service.connectorId, { resource: tableName, limit: rows }).batches());
    client.close();
  },

  /** Opens a stream, reads one row of it, and no more for so many milliseconds. */
  async stall({ service, ms }: { service: ServiceAddress; ms: number }): Promise<void> {
    const client = createConnectorClient(service);
    const rows = client.stream(service.connectorId, { resource: tableName })[Symbol.asyncIterator]();
    await rows.next();
    await new Promise((resolve) => setTimeout(resolve, ms));
    await rows.return?.();
    client.close();
  },
});
