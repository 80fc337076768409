/** No call outlives its deadline, whatever it waits for. */
import { Code, ConnectError, createClient, type HandlerContext } from "@connectrpc/connect";
import { describe, expect, onTestFinished, test } from "vitest";
import { Failure } from "../../src/failure.ts";
import { ConnectorService } from "../../src/gen/connector/v1/service_pb.js";
import { ErrorInfoSchema } from "../../src/gen/google/rpc/error_details_pb.js";
import { Health } from "../../src/gen/grpc/health/v1/health_pb.js";
import { leaveTimeToExecution } from "../../src/rpc/time-limit.ts";
import { stopwatch } from "../support/stopwatch.ts";
import { type Serving, serve, transports } from "./serving.ts";

type Service = NonNullable<Serving["service"]>;

const deadlineMs = 300;
/** How much later than its deadline a call may end: 100 ms, and as much again where other tests take the processors. */
const graceMs = 200;

/** Every client; a deadline is the server's alone to keep, as no client is told of it. */
async function clientsOf(serving: Serving, deadline: "deadline" | "none" = "deadline") {
  const { url } = await serve(serving);
  const abort = new AbortController();
  onTestFinished(() => abort.abort());
  const clients = Object.entries(transports(url)).map(async ([name, transport]) => {
    // A connection takes its time, and so does the first call of all.
    await createClient(Health, transport).check({});
    const headers = new Headers();
    if (deadline === "deadline") {
      const grpc = name.startsWith("gRPC");
      headers.set(grpc ? "grpc-timeout" : "connect-timeout-ms", grpc ? `${deadlineMs}m` : String(deadlineMs));
    }
    return { name, client: createClient(ConnectorService, transport), options: { headers, signal: abort.signal } };
  });
  return Promise.all(clients);
}

/** What a call failed with, and how many milliseconds after its deadline. */
async function failureOf(call: Promise<unknown>, limitMs = deadlineMs) {
  const took = stopwatch();
  const error = await call.then(
    () => expect.unreachable("it was answered"),
    (cause: unknown) => ConnectError.from(cause),
  );
  return { error, lateMs: took() - limitMs };
}

function expectLate({ error, lateMs }: Awaited<ReturnType<typeof failureOf>>, name: string): void {
  expect(lateMs, name).toBeLessThan(graceMs);
  expect(error.code, name).toBe(Code.DeadlineExceeded);
  expect(error.findDetails(ErrorInfoSchema)[0], name).toMatchObject({
    reason: "DEADLINE_EXCEEDED",
    metadata: { where: "service" },
  });
}

/** Waits until the test lets it go on. */
function gated() {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  return { wait: promise, release: resolve, fail: reject };
}

/** What no signal wakes. */
const hang = () => new Promise<never>(() => {});

/** Admits what is not the connector service's at once, and the rest when that comes. */
const admitting =
  (work: () => Promise<void>) =>
  async ({ service }: HandlerContext): Promise<void> => {
    if (service.typeName === ConnectorService.typeName) await work();
  };

describe("a call with a deadline ends with it", () => {
  test("when its handler waits for what never comes, with every protocol", async () => {
    const clients = await clientsOf({ service: { getConnector: hang } });

    const failures = clients.map(({ client, options }) => failureOf(client.getConnector({}, options)));
    for (const [i, failure] of (await Promise.all(failures)).entries()) expectLate(failure, clients[i]!.name);
  });

  test("when it is not admitted for ever, with every protocol, unary and streaming", async () => {
    const clients = await clientsOf({ admit: admitting(hang) });

    await Promise.all(
      clients.map(async ({ name, client, options }) => {
        const calls = [client.getConnector({}, options), Array.fromAsync(client.streamQuery({}, options))];
        for (const failure of await Promise.all(calls.map((call) => failureOf(call)))) expectLate(failure, name);
      }),
    );
  });

  test("when a stream waits before its first message or between two, with every protocol", async () => {
    const service = (messages: number): Service => ({
      async *streamQuery() {
        for (let i = 0; i < messages; i++) yield {};
        await hang();
      },
    });
    for (const messages of [0, 2]) {
      const clients = await clientsOf({ service: service(messages) });
      const failures = clients.map(({ client, options }) =>
        failureOf(Array.fromAsync(client.streamQuery({}, options))),
      );
      for (const [i, failure] of (await Promise.all(failures)).entries()) {
        expectLate(failure, `${clients[i]!.name}, after ${messages}`);
      }
    }
  });

  test("and says what of the service was slow, where that is known", async () => {
    const [known] = await clientsOf({ service: { getConnector: hang }, slowPart: () => "The service's own database" });
    const [unknown] = await clientsOf({ service: { getConnector: hang }, slowPart: () => undefined });

    const [late, later] = await Promise.all(
      [known, unknown].map(async (one) => (await failureOf(one!.client.getConnector({}, one!.options))).error),
    );

    expect(late?.rawMessage).toMatch(/^The service's own database did not answer in time\./);
    expect(later?.rawMessage).toMatch(/^The service did not answer in time\./);
  });

  test("and what it left behind may fail later, and cleans up when it wakes", async () => {
    const gate = gated();
    const cleaned = gated();
    const clients = await clientsOf({
      service: {
        getConnector: async () => {
          await gate.wait;
          throw new Error("much later");
        },
        async *streamQuery() {
          try {
            await gate.wait;
            yield {};
          } finally {
            cleaned.release();
          }
        },
      },
    });
    const { client, options } = clients[0]!;
    await Promise.all([
      failureOf(client.getConnector({}, options)),
      failureOf(Array.fromAsync(client.streamQuery({}, options))),
    ]);

    gate.release();

    await cleaned.wait;
  });
});

describe("a call without a deadline", () => {
  const limits = { defaultTimeoutMs: deadlineMs };

  test("ends with the service's own limit, of which its admission is a part", async () => {
    const half = { admit: admitting(() => new Promise((resolve) => setTimeout(resolve, deadlineMs / 2))) };
    const clients = await clientsOf({ service: { getConnector: hang }, limits, ...half }, "none");

    const failures = clients.map(({ client, options }) => failureOf(client.getConnector({}, options)));
    for (const [i, failure] of (await Promise.all(failures)).entries()) expectLate(failure, clients[i]!.name);
  });

  test("lasts longer when execution keeps its time, and no longer than any call may", async () => {
    const longest = deadlineMs + 100;
    const timed =
      (work: () => Promise<object>) =>
      (_: unknown, context: HandlerContext): Promise<object> => {
        leaveTimeToExecution(context.values);
        return work();
      };
    const answering = timed(() => new Promise((resolve) => setTimeout(resolve, deadlineMs + 50, {})));
    const [one] = await clientsOf({ service: { getConnector: answering }, limits }, "none");
    const [another] = await clientsOf(
      { service: { getConnector: timed(hang) }, limits: { ...limits, maxTimeoutMs: longest } },
      "none",
    );

    expect(await one!.client.getConnector({}, one!.options)).toBeDefined();
    const { error } = await failureOf(another!.client.getConnector({}, another!.options), longest);
    expect(error.code).toBe(Code.DeadlineExceeded);
  });

  test("may stream for as long as it likes once it has begun", async () => {
    const clients = await clientsOf(
      {
        service: {
          async *streamQuery() {
            yield {};
            await new Promise((resolve) => setTimeout(resolve, deadlineMs * 2));
            yield {};
          },
        },
        limits,
      },
      "none",
    );

    await Promise.all(
      clients.map(async ({ name, client, options }) =>
        expect(await Array.fromAsync(client.streamQuery({}, options)), name).toHaveLength(2),
      ),
    );
  });
});

test("a handler that answers its deadline by itself is heard", async () => {
  const clients = await clientsOf({
    service: {
      getConnector: (_, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => reject(new Failure("slow_reader", "It was me.")), { once: true });
        }),
    },
  });

  for (const { name, client, options } of clients.slice(0, 2)) {
    const { error } = await failureOf(client.getConnector({}, options));
    expect(error.code, name).toBe(Code.ResourceExhausted);
  }
});
