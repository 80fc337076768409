import { once } from "node:events";
import { Code, createClient } from "@connectrpc/connect";
import type { ClientReadableStream } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { Health, HealthCheckResponse_ServingStatus as Status } from "../../src/gen/grpc/health/v1/health_pb.js";
import { call, grpcClient } from "./grpc-js.ts";
import { serve, transports } from "./serving.ts";

const service = "connector.v1.ConnectorService";

/** A store that answers or not, as the test says. */
function store() {
  let fails = false;
  let asked = 0;
  return {
    get asked() {
      return asked;
    },
    break: () => {
      fails = true;
    },
    mend: () => {
      fails = false;
    },
    ready: async () => {
      asked++;
      if (fails) throw new Error("no connection");
    },
  };
}

describe("health", () => {
  test("is SERVING while the probe succeeds, for the server and its service, with every protocol", async () => {
    const { url } = await serve();
    for (const transport of Object.values(transports(url))) {
      const client = createClient(Health, transport);
      expect(await client.check({})).toMatchObject({ status: Status.SERVING });
      expect(await client.check({ service })).toMatchObject({ status: Status.SERVING });
      expect(await client.list({})).toMatchObject({
        statuses: {
          "": { status: Status.SERVING },
          [service]: { status: Status.SERVING },
          liveness: { status: Status.SERVING },
        },
      });
    }
  });

  test("is NOT_SERVING while the probe fails", async () => {
    const { url } = await serve({ ready: () => Promise.reject(new Error("no connection")) });

    expect(await createClient(Health, transports(url).gRPC).check({})).toMatchObject({ status: Status.NOT_SERVING });
  });

  test("says that the process lives while the probe fails or hangs", async () => {
    for (const ready of [() => Promise.reject(new Error("no connection")), () => new Promise<void>(() => {})]) {
      const { url } = await serve({ ready });
      const client = createClient(Health, transports(url).gRPC);
      expect(await client.check({ service: "liveness" })).toMatchObject({ status: Status.SERVING });
    }
  });

  test("is NOT_SERVING when the probe hangs, and does not ask another one meanwhile", async () => {
    let asked = 0;
    const { url } = await serve({
      ready: () => {
        asked++;
        return new Promise(() => {});
      },
    });
    const client = createClient(Health, transports(url).gRPC);

    const answers = await Promise.all([client.check({}), client.check({ service }), client.list({})]);

    expect(answers[0]).toMatchObject({ status: Status.NOT_SERVING });
    expect(asked).toBe(1);
  });

  test("asks the probe at most once a second", async () => {
    const backend = store();
    const { url } = await serve(backend);
    const client = createClient(Health, transports(url).gRPC);

    for (let i = 0; i < 20; i++) await client.check({});

    expect(backend.asked).toBe(1);
  });

  test("of an unknown service is NOT_FOUND, and SERVICE_UNKNOWN for a watcher", async () => {
    const { url } = await serve();
    const client = createClient(Health, transports(url).gRPC);

    await expect(client.check({ service: "nobody" })).rejects.toMatchObject({ code: Code.NotFound });
    const watch = client.watch({ service: "nobody" })[Symbol.asyncIterator]();
    expect((await watch.next()).value).toMatchObject({ status: Status.SERVICE_UNKNOWN });
  });

  test("is sent to a watcher when it changes, and only then", async () => {
    const backend = store();
    const { url } = await serve(backend);
    const watch = createClient(Health, transports(url).gRPC).watch({})[Symbol.asyncIterator]();

    expect((await watch.next()).value).toMatchObject({ status: Status.SERVING });
    backend.break();
    expect((await watch.next()).value).toMatchObject({ status: Status.NOT_SERVING });
    backend.mend();
    expect((await watch.next()).value).toMatchObject({ status: Status.SERVING });
  });

  test("turns NOT_SERVING for a watcher when the server drains, which ends the watch", async () => {
    const server = await serve();
    const watch = createClient(Health, transports(server.url).gRPC).watch({})[Symbol.asyncIterator]();
    expect((await watch.next()).value).toMatchObject({ status: Status.SERVING });

    const drained = server.drain(10_000);

    expect((await watch.next()).value).toMatchObject({ status: Status.NOT_SERVING });
    expect((await watch.next()).done).toBe(true);
    expect(await drained).toEqual({ finished: 1, aborted: 0 });
  });

  test("is understood by a grpc-js client", async () => {
    const { port } = await serve();
    const client = grpcClient(port, "grpc.health.v1.Health", "grpc/health/v1/health.proto");
    const watch = client.makeServerStreamRequest.call(
      client,
      "/grpc.health.v1.Health/Watch",
      () => Buffer.alloc(0),
      (bytes) => bytes,
      {},
    ) as ClientReadableStream<Buffer>;

    expect(await call(client, "check", { service })).toEqual({ status: Status.SERVING });
    const [first] = await once(watch, "data");
    expect([...first]).toEqual([8, Status.SERVING]);
    watch.on("error", () => {}).cancel();
  });
});
