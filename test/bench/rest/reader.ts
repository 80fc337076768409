/** A process that reads the large resource through the service. */
import { createConnectorClient } from "../../../src/client/index.ts";
import type { ServiceAddress } from "../stream/cases.ts";
import { answerCommands } from "../support/child.ts";

interface Row {
  readonly id: bigint;
  readonly value: string;
  readonly ok: boolean;
}

answerCommands({
  /** Milliseconds for so many rows, which are compared with what the API has. */
  async time({ service, rows }: { readonly service: ServiceAddress; readonly rows: number }): Promise<number> {
    const client = createConnectorClient(service);
    try {
      const start = performance.now();
      let next = 0;
      for await (const row of client.stream<Row>(service.connectorId, { resource: "measurements", limit: rows })) {
        const isRight = Number(row.id) === next && row.value === `${next % 1_000}.25` && row.ok === (next % 3 !== 0);
        if (!isRight) throw new Error(`Read ${JSON.stringify(row, (_, value) => String(value))} as row ${next}.`);
        next++;
      }
      if (next !== rows) throw new Error(`Read ${next} rows of ${rows}.`);
      return performance.now() - start;
    } finally {
      client.close();
    }
  },
});
