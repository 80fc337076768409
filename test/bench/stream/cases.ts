/** The ways of reading that are compared. */
import pg from "pg";
import { createConnectorClient } from "../../../src/client/index.ts";
import { readByCopyBinary, readByCopyText } from "./copy.ts";
import { readByCursor } from "./cursor.ts";
import { readByDriver } from "./mysql-driver.ts";
import { type NamedRow, tableName } from "./shape.ts";
import { type Sink, sinkRow } from "./sink.ts";

/** Where to read from. */
export interface Target {
  readonly databaseUrl: string;
  readonly service: ServiceAddress;
}

/** A running service with a connector to the database. */
export interface ServiceAddress {
  readonly url: string;
  readonly token: string;
  readonly connectorId: string;
}

export interface Case {
  /** What is done with every cell. */
  readonly description: string;
  /** Reads the whole table. */
  read(target: Target, sink: Sink): Promise<void>;
}

export const cases = {
  cursor: direct(
    "pg-cursor, 1,000 rows a read, default parsers: objects with Date, parsed JSON, int8 as string",
    (client, sink) => readByCursor(client, sink, "default"),
  ),
  cursor_identity: direct("pg-cursor, 1,000 rows a read, identity parsers: objects of strings", (client, sink) =>
    readByCursor(client, sink, "identity"),
  ),
  copy_text: direct("COPY text, split into rows and cells, unescaped: strings", readByCopyText),
  copy_binary: direct("COPY binary, every cell decoded: number, bigint, string", readByCopyBinary),
  driver: {
    description: "mysql2, query(sql).stream(), default parsers: objects with Date, parsed JSON, bigint as number",
    read: ({ databaseUrl }, sink) => readByDriver(databaseUrl, sink),
  },
  packed: streamed("packed", "StreamQuery PACKED, every cell decoded by the client: number, bigint, string"),
  values: streamed("values", "StreamQuery VALUES, every cell decoded by the client: number, bigint, string"),
} as const satisfies Record<string, Case>;

export type CaseName = keyof typeof cases;

/** The ways through the service, which are the same for every provider. */
export const throughService: readonly CaseName[] = ["packed", "values"];

function direct(description: string, read: (client: pg.Client, sink: Sink) => Promise<void>): Case {
  return {
    description,
    async read({ databaseUrl }, sink) {
      const client = new pg.Client({ connectionString: databaseUrl });
      await client.connect();
      try {
        await client.query("SET TimeZone = 'UTC'");
        await read(client, sink);
      } finally {
        await client.end();
      }
    },
  };
}

function streamed(format: "packed" | "values", description: string): Case {
  return {
    description,
    async read({ service }, sink) {
      const client = createConnectorClient(service);
      try {
        const stream = client.stream<NamedRow>(service.connectorId, { resource: tableName }, { format });
        for await (const row of stream) sinkRow(sink, row);
      } finally {
        client.close();
      }
    },
  };
}
