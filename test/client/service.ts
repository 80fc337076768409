/** A connector service on a real port whose answers a test writes, and a client of it. */
import http2 from "node:http2";
import type { AddressInfo } from "node:net";
import { create, fromBinary, type MessageInitShape } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { onTestFinished } from "vitest";
import { type ConnectorClient, createConnectorClient, type TransportOptions } from "../../src/client/index.ts";
import { ConnectorService } from "../../src/gen/connector/v1/service_pb.js";
import {
  Format,
  PackedBatchSchema,
  type StreamQueryResponse,
  StreamQueryResponseSchema,
} from "../../src/gen/connector/v1/stream_pb.js";
import { type Field, FieldSchema, type FieldType, type ValueSchema } from "../../src/gen/connector/v1/value_pb.js";
import { PackedWriter } from "../../src/rows/packed.ts";

export const connectorId = "0b8f0f2e-6f0a-4d3e-9a55-0b6b2ad1c3f7";

/** Serves these RPCs until the test ends. */
export async function clientOf(
  service: Partial<ServiceImpl<typeof ConnectorService>>,
  options: Partial<TransportOptions> = {},
  onSession: (session: http2.ServerHttp2Session) => void = () => undefined,
): Promise<ConnectorClient> {
  const server = http2.createServer(
    connectNodeAdapter({ routes: (router) => router.service(ConnectorService, service), acceptCompression: [] }),
  );
  server.on("session", onSession);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const client = createConnectorClient({ url: `http://127.0.0.1:${port}`, token: "t0ken", ...options });
  const calls: Promise<unknown>[] = [];
  server.on("stream", (stream) => calls.push(new Promise((resolve) => stream.once("close", resolve))));
  onTestFinished(async () => {
    // A call that the client has left open would keep the test from ending.
    await Promise.all(calls);
    client.close();
    await new Promise((resolve) => server.close(resolve));
  });
  return client;
}

export function fieldOf(name: string, type: FieldType, elementType?: FieldType, nativeType = ""): Field {
  return create(FieldSchema, { name, type, nullable: true, nativeType, ...(elementType && { elementType }) });
}

export function header(fields: readonly Field[], format = Format.PACKED): StreamQueryResponse {
  return part({ case: "header", value: { fields: [...fields], format } });
}

/** A batch of texts, null for null. */
export function packed(...rows: readonly (readonly (string | null)[])[]): StreamQueryResponse {
  const writer = new PackedWriter();
  for (const row of rows) {
    for (const cell of row) {
      if (cell === null) writer.null();
      else writer.text(cell);
    }
    writer.endRow();
  }
  const batch = writer.take();
  return part({ case: "packed", value: fromBinary(PackedBatchSchema, batch?.message ?? new Uint8Array()) });
}

export function values(...rows: readonly (readonly ValueKind[])[]): StreamQueryResponse {
  return part({
    case: "values",
    value: { rows: rows.map((kinds) => ({ values: kinds.map((kind) => ({ kind })) })) },
  });
}

export function trailer(rows = 0n): StreamQueryResponse {
  return part({ case: "trailer", value: { rows } });
}

export type ValueKind = NonNullable<MessageInitShape<typeof ValueSchema>["kind"]>;

function part(value: NonNullable<MessageInitShape<typeof StreamQueryResponseSchema>["part"]>): StreamQueryResponse {
  return create(StreamQueryResponseSchema, { part: value });
}

/** A service that streams these messages. */
export function streaming(...messages: readonly StreamQueryResponse[]): Partial<ServiceImpl<typeof ConnectorService>> {
  return {
    async *streamQuery() {
      yield* messages;
    },
  };
}

export async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
}
