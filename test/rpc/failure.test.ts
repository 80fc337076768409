/** Every failure has its code and its reason; what is none is a fault, of which only the log hears. */
import { readFileSync } from "node:fs";
import http2 from "node:http2";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { status } from "@grpc/grpc-js";
import { describe, expect, onTestFinished, test } from "vitest";
import { Failure, type FailureKind } from "../../src/failure.ts";
import { ReasonSchema } from "../../src/gen/connector/v1/error_pb.js";
import { ConnectorService } from "../../src/gen/connector/v1/service_pb.js";
import { RetryInfoSchema } from "../../src/gen/google/rpc/error_details_pb.js";
import { codes, toConnectError } from "../../src/rpc/failure.ts";
import { serve, transports } from "../server/serving.ts";
import { failuresOf, infoOf, secret, throwing } from "./failing.ts";

describe("the table of codes", () => {
  const source = readFileSync(new URL("../../proto/connector/v1/error.proto", import.meta.url), "utf8");
  // A comment begins with the code; the value that it describes follows.
  const stated = new Map<string, string>();
  let code = "";
  for (const line of source.split("\n")) {
    code = /^ {2}\/\/ ([A-Z_]+): /.exec(line)?.[1] ?? code;
    const reason = /^ {2}REASON_(\w+) = \d+;/.exec(line)?.[1];
    if (reason !== undefined && reason !== "UNSPECIFIED") stated.set(reason, code);
    if (reason !== undefined) code = "none stated";
  }

  test("has a kind for every reason of the contract, and no other", () => {
    const reasons = ReasonSchema.values
      .map(({ name }) => name.replace("REASON_", ""))
      .filter((name) => name !== "UNSPECIFIED");

    expect(Object.keys(codes).map((kind) => kind.toUpperCase())).toEqual(reasons);
  });

  test("gives every kind the code that the contract states", () => {
    const given = Object.entries(codes).map(([kind, code]) => [kind.toUpperCase(), status[code]]);

    expect(Object.fromEntries(given)).toEqual(Object.fromEntries(stated));
  });
});

describe("anything else that is thrown", () => {
  for (const [what, cause] of [
    ["an error", () => new Error(secret)],
    ["a string", () => secret],
    ["undefined", () => undefined],
    ["an internal error of the library", () => new ConnectError(secret, Code.Internal)],
    ["an error of unknown code", () => new ConnectError(secret, Code.Unknown, undefined, undefined, new Error(secret))],
  ] as [string, () => unknown][]) {
    test(`(${what}) is INTERNAL with the call's id, and its cause goes to the log only`, async () => {
      const log: { cause: unknown; requestId: string; method: string }[] = [];
      const { url } = await serve({
        service: throwing(cause),
        onInternal: (thrown, fault) => log.push({ cause: thrown, ...fault }),
      });

      const failures = await failuresOf(url);

      expect(log.length).toBe(failures.length);
      for (const [i, [name, error]] of failures.entries()) {
        const { requestId: callId, method } = log[i]!;
        expect(error.code, name).toBe(Code.Internal);
        expect(error.rawMessage, name).toBe(`internal error; quote call id ${callId}`);
        expect(infoOf(error), name).toMatchObject({
          reason: "INTERNAL",
          metadata: { where: "service", call_id: callId },
        });
        expect(`${error.message} ${JSON.stringify(error.details)}`, name).not.toContain(secret);
        expect(method).toMatch(/^connector\.v1\.ConnectorService\/(GetConnector|StreamQuery)$/);
      }
      if (cause() !== undefined) expect(String(log[0]?.cause)).toContain(secret);
    });
  }

  test("is told to the log when it is the service's own database, and the caller gets its own reason", async () => {
    const log: unknown[] = [];
    const failure = new Failure("service_unavailable", "It is away.", {
      cause: new Error(secret),
      retryAfterMs: 1_000,
    });
    const { url } = await serve({ service: throwing(() => failure), onInternal: (cause) => log.push(cause) });

    const failures = await failuresOf(url);

    expect(log).toEqual(failures.map(() => failure));
    for (const [name, error] of failures) {
      expect([error.code, infoOf(error)?.reason], name).toEqual([Code.Unavailable, "SERVICE_UNAVAILABLE"]);
      expect(error.findDetails(RetryInfoSchema)[0]?.retryDelay).toMatchObject({ seconds: 1n });
      expect(
        `${error.message} ${JSON.stringify(error.details, (_, value) => (typeof value === "bigint" ? `${value}` : value))}`,
      ).not.toContain(secret);
    }
  });

  test("is told to the log when an answer can't be written", async () => {
    const log: unknown[] = [];
    const { url } = await serve({
      // Not a 32-bit number.
      service: { query: async () => ({ attempts: 2 ** 40 }) },
      onInternal: (cause) => log.push(cause),
    });

    const error = await createClient(ConnectorService, transports(url).gRPC)
      .query({})
      .catch((cause) => cause);

    expect(infoOf(error)).toMatchObject({ reason: "INTERNAL" });
    expect(error.rawMessage).toMatch(/^internal error; quote call id /);
    expect(String(log[0])).toContain("attempts");
  });
});

describe("a call that ends early", () => {
  test("by its client's reset is no fault of the service, whatever the client calls it", async () => {
    const log: unknown[] = [];
    const begun = Promise.withResolvers<AbortSignal>();
    const { url } = await serve({
      service: {
        getConnector(_, { signal }) {
          begun.resolve(signal);
          return aborted(signal);
        },
      },
      onInternal: (cause) => log.push(cause),
    });
    const session = http2.connect(url);
    onTestFinished(() => session.destroy());
    const call = session.request({
      ...{ ":method": "POST", ":path": "/connector.v1.ConnectorService/GetConnector" },
      "content-type": "application/json",
    });
    call.on("error", () => {}).end("{}");
    const signal = await begun.promise;
    call.close(http2.constants.NGHTTP2_INTERNAL_ERROR);
    const reason = await aborted(signal).catch((cause) => cause);
    // Whatever is told of the call has been told then.
    await fetch(url);

    expect(toConnectError(reason).code).toBe(Code.Canceled);
    expect(log).toEqual([]);
  });

  for (const [what, instead] of [
    ["passes its signal's reason on", (reason) => reason],
    ["makes an AbortError of it", () => new DOMException("aborted", "AbortError")],
    ["makes Connect's `canceled` of it", () => ConnectError.from(new DOMException("late", "TimeoutError"))],
  ] as [string, (reason: unknown) => unknown][]) {
    test(`by its deadline is DEADLINE_EXCEEDED when the handler ${what}`, async () => {
      const { url } = await serve({
        service: {
          getConnector: (_, { signal }) => aborted(signal).catch((reason) => Promise.reject(instead(reason))),
        },
      });
      // No client of Connect: those watch their deadlines themselves.
      const response = await fetch(`${url}/connector.v1.ConnectorService/GetConnector`, {
        method: "POST",
        headers: { "content-type": "application/json", "connect-timeout-ms": "50" },
        body: "{}",
      });

      expect(await response.json()).toMatchObject({
        code: "deadline_exceeded",
        details: [{ debug: { reason: "DEADLINE_EXCEEDED", domain: "connector.v1" } }],
      });
    });
  }

  test("by a timeout of its own is DEADLINE_EXCEEDED, too", () => {
    const error = toConnectError(AbortSignal.abort(new DOMException("", "TimeoutError")).reason);

    expect([error.code, infoOf(error)?.reason]).toEqual([Code.DeadlineExceeded, "DEADLINE_EXCEEDED"]);
  });

  test("by its caller is CANCELLED for the handler, with every protocol", async () => {
    const ends: Promise<ConnectError>[] = [];
    const { url } = await serve({
      service: {
        async *streamQuery(_, { signal }) {
          ends.push(aborted(signal).catch((cause) => toConnectError(cause)));
          yield {};
          await aborted(signal);
        },
      },
    });
    for (const transport of Object.values(transports(url))) {
      const abort = new AbortController();
      const stream = createClient(ConnectorService, transport).streamQuery({}, { signal: abort.signal });
      await expect(
        (async () => {
          for await (const _ of stream) abort.abort();
        })(),
      ).rejects.toMatchObject({ code: Code.Canceled });
    }

    for (const end of await Promise.all(ends)) {
      expect([end.code, infoOf(end)?.reason]).toEqual([Code.Canceled, "CANCELLED"]);
    }
  });
});

describe("a call that is not admitted", () => {
  test("is answered with its failure before its body is read, with every protocol", async () => {
    let ran = false;
    const { url } = await serve({
      admit: ({ service }) => {
        if (service.typeName === ConnectorService.typeName) throw new Failure("unauthenticated", "There is no token.");
      },
      service: throwing(() => {
        ran = true;
      }),
    });

    for (const [name, error] of await failuresOf(url)) {
      expect([error.code, infoOf(error)?.reason], name).toEqual([Code.Unauthenticated, "UNAUTHENTICATED"]);
    }
    expect(ran).toBe(false);
  });
});

test("every kind becomes an error with its reason", () => {
  for (const kind of Object.keys(codes) as FailureKind[]) {
    const error = toConnectError(new Failure(kind, "x"));
    expect([error.code, infoOf(error)?.reason]).toEqual([codes[kind], kind.toUpperCase()]);
  }
});

test("only a fault of the service has a stack, which costs more than the rest of a refusal", () => {
  expect(new Failure("bulkhead_full", "It is full.").stack).not.toContain("failure.test.ts");
  expect(new Failure("internal", "It broke.").stack).toContain("failure.test.ts");
  expect(new Error("Another.").stack).toContain("failure.test.ts");
});

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));
}
