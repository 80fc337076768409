/** What is read through a connector: test, schema, queries, streams, explanations. */
import { type ConnectorClient, field } from "../../../src/client/index.ts";
import { count } from "../../../src/demo/figures.ts";
import { curl } from "../curl.ts";
import { expect, refused, type Section } from "../report.ts";
import type { Stage } from "../stage.ts";
import { connected, writable } from "./connected.ts";

/** Rows of a source's own table that are read. */
const most = 10_000;

const testing: Section<Stage> = {
  title: "Test a connector",
  async run(stage, did) {
    for (const { id, source } of await connected(stage)) {
      const { ok, checks } = await did(`TestConnector of ${source.provider}`, () => stage.client.testConnector(id));
      expect(ok, checks.map(({ message }) => message).join(" "));
    }
  },
};

const schema: Section<Stage> = {
  title: "Describe it",
  async run(stage, did) {
    for (const { id, resource, source } of await connected(stage)) {
      const request = { namePrefix: resource };
      const { resources } = await did(`GetSchema of ${source.provider}, of what is called ${resource}`, () =>
        stage.client.getSchema(id, request),
      );
      const first = resources[0];
      expect((first?.fields.length ?? 0) > 0, "It is described without fields.");
    }
  },
};

const querying: Section<Stage> = {
  title: "Query it, page by page",
  async run(stage, did) {
    const { client } = stage;
    for (const { id, resource, source } of await connected(stage)) {
      await did(`Query of ${source.provider}, the first page`, () => client.query(id, { resource }, { pageSize: 5 }));
    }
    const { id, table } = await writable(stage);
    const query = {
      resource: table.name,
      filter: field("region").eq("eu"),
      orderBy: ["-id"],
      fields: ["id", "amount"],
    };
    const first = await did("Query with a filter and an order", () =>
      client.query<{ id: bigint; amount: string }>(id, query, { pageSize: 3 }),
    );
    const second = await did("Query of the page behind it", () =>
      client.query<{ id: bigint; amount: string }>(id, query, { pageSize: 3, pageToken: first.nextPageToken }),
    );
    const ids = [...first.rows, ...second.rows].map((row) => row.id).join();
    expect(ids === "10000,9998,9996,9994,9992,9990", `The pages hold ${ids}.`);
    expect(first.rows[0]?.amount === "10000.25", "A decimal has lost digits.");
    const error = await did("Query of a misspelt field is refused with UNKNOWN_FIELD and the right name", () =>
      refused("UNKNOWN_FIELD", client.query(id, { resource: table.name, fields: ["amout"] })),
    );
    expect(error.message.includes("amount"), error.message);
    const native = `SELECT COUNT(*) AS n FROM ${table.name}`;
    const counted = await did("Query by a statement of the source's own", () =>
      client.query<{ n: bigint }>(id, { native }),
    );
    expect(counted.rows[0]?.n === 10_000n, `It counts ${counted.rows[0]?.n}.`);
    await did("a statement that writes is refused with STATEMENT_REJECTED", () =>
      refused("STATEMENT_REJECTED", client.query(id, { native: `DELETE FROM ${table.name}` })),
    );
  },
};

const explaining: Section<Stage> = {
  title: "Explain a query",
  async run(stage, did) {
    for (const { id, resource, source } of await connected(stage)) {
      const { statement } = await did(`ExplainQuery of ${source.provider}`, () =>
        stage.client.explainQuery(id, { resource, limit: 5 }),
      );
      expect(statement.includes(resource.split(".").at(-1) ?? ""), "The statement does not name what is read.");
    }
  },
};

async function streamed(client: ConnectorClient, id: string, resource: string, format: "packed" | "values") {
  const stream = client.stream(id, { resource, limit: most }, { format });
  let rows = 0;
  for await (const batch of stream.batches()) rows += batch.length;
  const trailer = await stream.trailer;
  expect(Number(trailer.rows) === rows, `The trailer says ${trailer.rows} rows, and ${rows} have come.`);
  return rows;
}

const streaming: Section<Stage> = {
  title: "Stream it to the end, in both formats",
  async run(stage, did) {
    const ways = [
      ["Connect", stage.client],
      ["gRPC-Web", stage.web],
    ] as const;
    for (const { id, resource, source } of await connected(stage)) {
      for (const [protocol, client] of ways) {
        for (const format of ["packed", "values"] as const) {
          const rows = await did(`StreamQuery of ${source.provider}, ${format.toUpperCase()} over ${protocol}`, () =>
            streamed(client, id, resource, format),
          );
          expect(source.table === undefined || rows === source.table.rows, `${count(rows)} rows have come.`);
        }
      }
      await did("StreamQuery over gRPC, by grpc-js", () => streamedByGrpc(stage, id, resource));
    }
  },
};

async function streamedByGrpc({ grpc }: Stage, connector_id: string, resource: string): Promise<void> {
  type Message = { part: string; values?: { rows: unknown[] }; trailer?: { rows: string } };
  const request = { connector_id, query: { resource, limit: most }, format: "FORMAT_VALUES" };
  let rows = 0;
  let trailer: string | undefined;
  for await (const message of grpc.stream<Message>("connector.v1.ConnectorService", "streamQuery", request)) {
    rows += message.values?.rows.length ?? 0;
    trailer = message.trailer?.rows ?? trailer;
  }
  expect(trailer === String(rows), `The trailer says ${trailer} rows, and ${rows} have come.`);
}

const leaving: Section<Stage> = {
  title: "Leave a stream early",
  async run(stage, did) {
    const { id, table } = await writable(stage);
    const endless = `SELECT a.id FROM ${table.name} a, ${table.name} b`;
    const stream = stage.client.stream(id, { native: endless });
    await did("StreamQuery of 100,000,000 rows, left after the first", async () => {
      for await (const _ of stream) break;
    });
    const error = await stream.trailer.then(
      () => undefined,
      (thrown: { reason?: string }) => thrown.reason,
    );
    expect(error === "CANCELLED", "The stream looks complete.");
  },
};

const rest: Section<Stage> = {
  title: "REST, by curl",
  async run(stage, did) {
    const { url, key, caFile } = stage;
    const asked = { key, caFile };
    const listed = await did("GET /api/connectors", () =>
      curl<{ connectors: unknown[] }>(`${url}/api/connectors?pageSize=1`, asked),
    );
    expect(listed.status === 200 && listed.json.connectors.length > 0, `It is answered with ${listed.status}.`);
    for (const { id, resource, source } of await connected(stage)) {
      const at = `${url}/api/connectors/${id}`;
      const tested = await did(`POST …/test of ${source.provider}`, () =>
        curl<{ ok?: boolean }>(`${at}/test`, { ...asked, json: {} }),
      );
      expect(tested.json.ok === true, tested.body);
      const page = await did("POST …/query", () =>
        curl<{ rows: unknown[] }>(`${at}/query`, { ...asked, json: { query: { resource }, pageSize: 2 } }),
      );
      expect(page.status === 200, page.body);
      const lines = await did("POST …/query:stream, a line of JSON for each row", () =>
        curl(`${at}/query:stream`, { ...asked, json: { query: { resource, limit: 1_000 } } }),
      );
      expect(/^application\/(x-)?ndjson/.test(lines.type), `Its type is ${lines.type}.`);
    }
    const wrong = await did("GET of a connector that is not there is problem JSON", () =>
      curl<{ status: number }>(`${url}/api/connectors/${crypto.randomUUID()}`, asked),
    );
    expect(wrong.status === 404 && wrong.type.startsWith("application/problem+json"), `${wrong.status} ${wrong.type}`);
  },
};

export const reading: readonly Section<Stage>[] = [testing, schema, querying, explaining, streaming, leaving, rest];
