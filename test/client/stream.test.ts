import { once } from "node:events";
import type { ServerHttp2Session } from "node:http2";
import { Code, ConnectError } from "@connectrpc/connect";
import { expect, expectTypeOf, test } from "vitest";
import { ConnectorError } from "../../src/client/error.ts";
import { Format, type StreamQueryResponse } from "../../src/gen/connector/v1/stream_pb.js";
import { FieldType } from "../../src/gen/connector/v1/value_pb.js";
import { clientOf, collect, connectorId, fieldOf, header, packed, streaming, trailer } from "./service.ts";

const cities = [fieldOf("name", FieldType.STRING), fieldOf("population", FieldType.INT64)];
const all = { resource: "cities" };

/** A service that streams without end, and says when its caller went away. */
function endless(row: readonly string[]) {
  const { promise: cancelled, resolve } = Promise.withResolvers<void>();
  const sent = { batches: 0 };
  const batch = packed(...Array.from({ length: 100 }, () => row));
  const service = {
    async *streamQuery(_: unknown, { signal }: { signal: AbortSignal }): AsyncGenerator<StreamQueryResponse> {
      signal.addEventListener("abort", () => resolve());
      yield header(cities);
      for (; !signal.aborted; sent.batches++) yield batch;
    },
    async testConnector() {
      return { ok: true };
    },
  };
  return { service, cancelled, sent };
}

test("rows come in order, between a header and a trailer", async () => {
  const client = await clientOf(
    streaming(header(cities), packed(["Zürich", "400000"], ["Bern", null]), packed(["Chur", "9"]), trailer(3n)),
  );
  const stream = client.stream<{ name: string; population: bigint | null }>(connectorId, all);

  const { fields, format } = await stream.header;
  const rows = await collect(stream);

  expect(fields.map(({ name }) => name)).toEqual(["name", "population"]);
  expect(format).toBe(Format.PACKED);
  expect(rows.map((row) => [row.name, row.population])).toEqual([
    ["Zürich", 400000n],
    ["Bern", null],
    ["Chur", 9n],
  ]);
  expectTypeOf(rows[0]?.population).toEqualTypeOf<bigint | null | undefined>();
  expect((await stream.trailer).rows).toBe(3n);
});

test("batches can be read as they came", async () => {
  const client = await clientOf(
    streaming(header(cities), packed(["a", "1"], ["b", "2"]), packed(["c", "3"]), trailer(3n)),
  );

  const batches = await collect(client.stream(connectorId, all).batches());

  expect(batches.map((batch) => batch.length)).toEqual([2, 1]);
  expect(batches[0]?.row(1).toObject()).toEqual({ name: "b", population: 2n });
  expect(() => batches[0]?.row(2)).toThrow(RangeError);
});

test("a stream of no rows has a header and a trailer", async () => {
  const client = await clientOf(streaming(header(cities), trailer()));
  const stream = client.stream(connectorId, all);

  expect(await collect(stream)).toEqual([]);
  expect((await stream.header).fields).toHaveLength(2);
  expect((await stream.trailer).rows).toBe(0n);
});

test("a stream without its trailer is an error, after the rows that came", async () => {
  const client = await clientOf(streaming(header(cities), packed(["a", "1"])));
  const stream = client.stream(connectorId, all);
  const seen: unknown[] = [];

  const reading = (async () => {
    for await (const row of stream) seen.push(row.name);
  })();

  await expect(reading).rejects.toThrow("not complete");
  await expect(stream.trailer).rejects.toMatchObject({ code: Code.DataLoss });
  expect(seen).toEqual(["a"]);
});

test("an error in the middle comes after the rows that came", async () => {
  const client = await clientOf({
    async *streamQuery() {
      yield header(cities);
      yield packed(["a", "1"]);
      throw new ConnectError("the source went away", Code.Unavailable);
    },
  });
  const batches = client.stream(connectorId, all).batches()[Symbol.asyncIterator]();

  expect((await batches.next()).value).toHaveLength(1);
  await expect(batches.next()).rejects.toMatchObject({ name: "ConnectorError", code: Code.Unavailable });
});

test("an error instead of a header is the error of the header and of the rows", async () => {
  const client = await clientOf({
    // biome-ignore lint/correctness/useYield: the service fails before its first message
    async *streamQuery() {
      throw new ConnectError("no such connector", Code.NotFound);
    },
  });
  const stream = client.stream(connectorId, all);

  await expect(stream.header).rejects.toBeInstanceOf(ConnectorError);
  await expect(collect(stream)).rejects.toMatchObject({ code: Code.NotFound });
});

test("a batch that does not hold what it says is an error and not wrong rows", async () => {
  const wrong = packed(["a", "1"]);
  if (wrong.part.case === "packed") wrong.part.value.lengths = [2, 3];
  const client = await clientOf(streaming(header(cities), wrong, trailer(1n)));

  await expect(collect(client.stream(connectorId, all))).rejects.toMatchObject({ code: Code.Internal });
});

test("leaving the loop cancels the call", async () => {
  const { service, cancelled } = endless(["a", "1"]);
  const client = await clientOf(service);
  const stream = client.stream(connectorId, all);

  for await (const row of stream) {
    expect(row.name).toBe("a");
    break;
  }

  await cancelled;
  await expect(stream.trailer).rejects.toMatchObject({ reason: "CANCELLED" });
});

test("cancel() ends a call whose header alone was read", async () => {
  const { service, cancelled } = endless(["a", "1"]);
  const client = await clientOf(service);
  {
    using stream = client.stream(connectorId, all);
    await stream.header;
  }
  await cancelled;
});

test("the caller's signal ends the loop as cancelled", async () => {
  const { service, cancelled } = endless(["a", "1"]);
  const client = await clientOf(service);
  const controller = new AbortController();

  const reading = (async () => {
    for await (const _ of client.stream(connectorId, all, { signal: controller.signal })) controller.abort();
  })();

  await expect(reading).rejects.toMatchObject({ code: Code.Canceled });
  await cancelled;
});

test.each(["timeoutMs", "signal"])("a time limit given as %s ends the loop as deadline_exceeded", async (how) => {
  const { service } = endless(["a", "1"]);
  const client = await clientOf(service);
  const options = how === "signal" ? { signal: AbortSignal.timeout(50) } : { timeoutMs: 50 };

  await expect(collect(client.stream(connectorId, all, options))).rejects.toMatchObject({
    code: Code.DeadlineExceeded,
  });
});

test("the rows of a stream are read once only", async () => {
  const client = await clientOf(streaming(header(cities), trailer()));
  const stream = client.stream(connectorId, all);
  await collect(stream);

  await expect(collect(stream)).rejects.toThrow("once only");
});

test.each(["connect", "grpc"] as const)(
  "over %s, a reader that stalls holds the service at its window and holds up nobody else",
  async (protocol) => {
    const { service, sent } = endless(["x".repeat(10_000), "1"]);
    const client = await clientOf(service, { protocol, windowBytes: 4 * 1024 * 1024 });
    const rows = client.stream(connectorId, all)[Symbol.asyncIterator]();
    await rows.next();

    // The service has been held when batches stop coming while other calls are answered.
    let before = -1;
    for (let still = 0; still < 20; ) {
      expect((await client.testConnector(connectorId)).ok).toBe(true);
      still = sent.batches === before ? still + 1 : 0;
      before = sent.batches;
    }

    // A batch is 1 MB: the window, and what either side's own buffers hold.
    expect(sent.batches).toBeGreaterThanOrEqual(4);
    expect(sent.batches).toBeLessThan(12);
    await rows.return?.();
  },
);

test("the window is opened for each stream and for the connection", async () => {
  const sessions: ServerHttp2Session[] = [];
  const ok = { testConnector: async () => ({ ok: true }) };
  const client = await clientOf(ok, {}, (session) => sessions.push(session));

  await client.testConnector(connectorId);
  await client.testConnector(connectorId);

  expect(sessions).toHaveLength(1);
  expect(sessions[0]?.remoteSettings.initialWindowSize).toBe(4 * 1024 * 1024);
  // Of the connection's window the answers have used a little.
  expect(sessions[0]?.state.remoteWindowSize).toBeGreaterThan(3 * 1024 * 1024);
});

test("a call after a lost connection opens another one", async () => {
  const client = await clientOf({
    async testConnector() {
      return { ok: true };
    },
    async *streamQuery(_, { signal }) {
      yield header(cities);
      await once(signal, "abort");
    },
  });
  const stream = client.stream(connectorId, all);
  await stream.header;

  client.close();

  await expect(collect(stream)).rejects.toBeInstanceOf(ConnectorError);
  expect((await client.testConnector(connectorId)).ok).toBe(true);
});
