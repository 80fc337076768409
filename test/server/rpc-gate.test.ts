/** What is known of every RPC, whatever the protocol: its id, its trace, and how it ended. */
import { createClient } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { Failure } from "../../src/failure.ts";
import { ConnectorService } from "../../src/gen/connector/v1/service_pb.js";
import type { Observation, RpcEnded } from "../../src/observability/observation.ts";
import type { Span } from "../../src/observability/span.ts";
import type { Fault } from "../../src/rpc/failure.ts";
import { traceOf } from "../../src/rpc/trace.ts";
import { failuresOf, throwing } from "../rpc/failing.ts";
import { type Serving, serve, transports } from "./serving.ts";

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const span: Span = {
  ...{ traceId, id: "00f067aa0ba902b7", parentId: undefined, sampled: true },
  ...{ recorded: true, state: undefined, startMs: 0 },
};

/** A server whose calls belong to one trace, and what it tells. */
async function observed(options: Serving) {
  const ended: RpcEnded[] = [];
  const faults: Fault[] = [];
  const observe = (each: Observation) => void (each.kind === "rpc_ended" && ended.push(each));
  const { url } = await serve({
    ...{ observe, trace: () => span, onInternal: (_, fault) => faults.push(fault) },
    ...options,
  });
  return { url, ended, faults };
}

test("the end of each is told once, with what the caller was told", async () => {
  const { url, ended } = await observed({
    service: throwing(() => new Failure("rate_limited", "Too many.", { where: "rate_limit" })),
  });
  await failuresOf(url);
  const protocols = Object.keys(transports(url));
  expect(ended).toHaveLength(protocols.length * 2);
  for (const { service, code, reason, span: told, ms } of ended) {
    expect({ service, code, reason, told }).toEqual({
      ...{ service: "connector.v1.ConnectorService", code: "resource_exhausted" },
      ...{ reason: "rate_limited", told: span },
    });
    expect(ms).toBeGreaterThan(0);
  }
  expect(new Set(ended.map(({ method }) => method))).toEqual(new Set(["GetConnector", "StreamQuery"]));
  expect(new Set(ended.map(({ protocol }) => protocol))).toEqual(new Set(["connect", "grpc", "grpc-web"]));
});

test("one that is refused before it is read counts, and one that succeeds is ok", async () => {
  const refusing = await observed({
    service: {},
    admit: () => {
      throw new Failure("unauthenticated", "Who are you?");
    },
  });
  await failuresOf(refusing.url);
  expect(new Set(refusing.ended.map(({ code, reason }) => `${code} ${reason}`))).toEqual(
    new Set(["unauthenticated unauthenticated"]),
  );
  const fine = await observed({ service: { getConnector: async () => ({}), async *streamQuery() {} } });
  for (const transport of Object.values(transports(fine.url))) {
    const client = createClient(ConnectorService, transport);
    await client.getConnector({});
    await Array.fromAsync(client.streamQuery({}));
  }
  expect(fine.ended).toHaveLength(Object.keys(transports(fine.url)).length * 2);
  expect(new Set(fine.ended.map(({ code }) => code))).toEqual(new Set(["ok"]));
});

test("one whose caller leaves is cancelled", async () => {
  const began = Promise.withResolvers<void>();
  const { url, ended } = await observed({
    service: {
      async *streamQuery(_, { signal }) {
        yield {};
        began.resolve();
        await new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      },
    },
  });
  const leaving = new AbortController();
  const client = createClient(ConnectorService, transports(url).gRPC);
  const reading = Array.fromAsync(client.streamQuery({}, { signal: leaving.signal })).catch(() => {});
  await began.promise;
  leaving.abort();
  await reading;
  await expect.poll(() => ended.map(({ code, reason }) => `${code} ${reason}`)).toEqual(["cancelled cancelled"]);
});

test("a handler finds the trace, and a fault is told with it and with the caller's id, which comes back", async () => {
  const traces: unknown[] = [];
  const { url, faults } = await observed({
    service: {
      async getConnector(_, context) {
        traces.push(traceOf(context));
        throw new Error("of the program");
      },
    },
  });
  const ids: (string | null)[] = [];
  for (const transport of Object.values(transports(url))) {
    const client = createClient(ConnectorService, transport);
    const error = await client.getConnector({}, { headers: { "x-request-id": "order-42" } }).catch((cause) => cause);
    ids.push(error.metadata.get("x-request-id"));
    expect(error.message).toContain("quote call id order-42");
  }
  expect(new Set(ids)).toEqual(new Set(["order-42"]));
  expect(new Set(traces)).toEqual(new Set([span]));
  for (const fault of faults) {
    expect(fault).toEqual({ requestId: "order-42", traceId, method: "connector.v1.ConnectorService/GetConnector" });
  }
  expect(faults).toHaveLength(ids.length);
});
