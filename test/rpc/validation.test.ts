import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { ConnectError, createClient } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { type FilterSchema, Operator } from "../../src/gen/connector/v1/filter_pb.js";
import { type QueryRequest, QueryRequestSchema } from "../../src/gen/connector/v1/query_pb.js";
import { ConnectorService } from "../../src/gen/connector/v1/service_pb.js";
import { StreamQueryRequestSchema } from "../../src/gen/connector/v1/stream_pb.js";
import { BadRequestSchema } from "../../src/gen/google/rpc/error_details_pb.js";
import { validationInterceptor } from "../../src/rpc/validation.ts";
import { connectorId, type Serving, serve, transports } from "../server/serving.ts";
import { stopwatch } from "../support/stopwatch.ts";

type Filter = MessageInitShape<typeof FilterSchema>;

/** A server whose queries answer only what passes. */
async function validating(options: Serving = {}) {
  const seen: QueryRequest[] = [];
  const server = await serve({
    interceptors: [validationInterceptor()],
    service: {
      query: async (request) => {
        seen.push(request);
        return {};
      },
      async *streamQuery() {
        yield {};
      },
      grantConnector: async () => ({}),
    },
    ...options,
  });
  return { ...server, seen };
}

/** Every violated field and what is wrong with it. */
function violations(error: unknown): Record<string, string> {
  const [badRequest] = ConnectError.from(error).findDetails(BadRequestSchema);
  return Object.fromEntries((badRequest?.fieldViolations ?? []).map(({ field, description }) => [field, description]));
}

async function refusal(url: string, query: { filter?: Filter; fields?: string[] }): Promise<ConnectError> {
  const client = createClient(ConnectorService, transports(url).gRPC);
  return await client.query({ connectorId, query: { source: { case: "resource", value: "a" }, ...query } }).then(
    () => expect.unreachable("it was accepted"),
    (error) => error,
  );
}

const compare = (field = "name"): Filter => ({
  node: {
    case: "compare",
    value: { field, operator: Operator.EQ, values: [{ kind: { case: "string", value: "x" } }] },
  },
});
const and = (...filters: Filter[]): Filter => ({ node: { case: "and", value: { filters } } });
const or = (...filters: Filter[]): Filter => ({ node: { case: "or", value: { filters } } });
const not = (filter: Filter): Filter => ({ node: { case: "not", value: filter } });

describe("a request that breaks the rules", () => {
  test("names every wrong field, with every protocol", async () => {
    const { url, seen } = await validating();
    for (const [name, transport] of Object.entries(transports(url))) {
      const error = await createClient(ConnectorService, transport)
        .query({ connectorId: "x", query: { fields: ["", "a", "a"], limit: -1n, orderBy: [{}, {}] }, pageSize: -1 })
        .catch((cause) => cause);

      expect(error, name).toMatchObject({ code: 3 });
      expect(error.rawMessage, name).toMatch(/^connector_id: .* \(and 7 more\)$/);
      expect(violations(error), name).toEqual({
        connector_id: expect.stringContaining("UUID"),
        page_size: expect.any(String),
        "query.fields": expect.stringContaining("unique"),
        "query.fields[0]": expect.stringContaining("at least 1 char"),
        "query.limit": expect.any(String),
        "query.order_by[0].field": expect.any(String),
        "query.order_by[1].field": expect.any(String),
        "query.source": "set one of resource, native",
      });
    }
    expect(seen).toEqual([]);
  });

  test("is refused in a stream, too", async () => {
    const { url } = await validating();
    for (const [name, transport] of Object.entries(transports(url))) {
      const stream = createClient(ConnectorService, transport).streamQuery({ connectorId, format: 99 as never });
      const error = await Array.fromAsync(stream).catch((cause) => cause);
      expect(Object.keys(violations(error)), name).toEqual(["query", "format"]);
    }
  });

  test("with more wrong fields than an error can hold says how many there are", async () => {
    const { url } = await validating();

    const error = await refusal(url, { fields: Array.from({ length: 1_000 }, () => "") });

    expect(error.code).toBe(3);
    expect(error.rawMessage).toContain("(and 1000 more)");
    expect(Object.keys(violations(error)).length).toBeGreaterThan(20);
  });

  test("with a name of another form is told the form in words", async () => {
    const { url } = await validating();
    const client = createClient(ConnectorService, transports(url).gRPC);
    const told = async (call: Promise<unknown>) => violations(await call.then(undefined, (cause) => cause));
    const config = {};
    expect(await told(client.createConnector({ provider: "p", name: "Shop", labels: { "A b": "" }, config }))).toEqual({
      name: expect.stringMatching(/^must be 1 to 63 lower-case letters/),
      'labels["A b"]': expect.stringMatching(/^must be 1 to 63 lower-case letters/),
    });
    const visible = "must be 1 to 255 visible ASCII characters, without spaces";
    expect(await told(client.listAgentConnectors({ agent: "two words" }))).toEqual({ agent: visible });
    expect(await told(client.createApiKey({ principal: "p", scopes: ["s"], agent: "é" }))).toEqual({ agent: visible });
  });

  test("never has its values in the error", async () => {
    const { url } = await validating();

    const error = await createClient(ConnectorService, transports(url).gRPC)
      .query({ connectorId: "hunter2", query: { source: { case: "resource", value: "hunter2".repeat(100) } } })
      .catch((cause) => cause);

    expect(Object.keys(violations(error))).toEqual(["connector_id", "query.source.resource".replace("source.", "")]);
    expect(`${error.message} ${JSON.stringify(violations(error))}`).not.toContain("hunter2");
  });
});

describe("a request that keeps them", () => {
  test("reaches its handler", async () => {
    const { url, seen } = await validating();
    for (const transport of Object.values(transports(url))) {
      const filter = and(compare(), not(or(compare("a"), compare("b"))));
      await createClient(ConnectorService, transport).query({
        connectorId,
        query: { source: { case: "resource", value: "a" }, filter },
      });
    }
    expect(seen.length).toBe(7);
  });
});

describe("a filter", () => {
  test("is checked at every node, and each wrong one is named once", async () => {
    const { url } = await validating();
    const wrong: Filter = { node: { case: "compare", value: {} } };

    const error = await refusal(url, { filter: and({}, wrong, or(not(and(compare(), not({})))), and()) });

    expect(Object.keys(violations(error)).sort()).toEqual([
      "query.filter.and.filters[0].node",
      "query.filter.and.filters[1].compare.field",
      "query.filter.and.filters[1].compare.operator",
      "query.filter.and.filters[2].or.filters[0].not.and.filters[1].not.node",
      "query.filter.and.filters[3].and.filters",
    ]);
    expect(error.findDetails(BadRequestSchema)[0]?.fieldViolations.length).toBe(5);
  });

  test("is found in a list, too", async () => {
    const { url } = await validating();
    const client = createClient(ConnectorService, transports(url).gRPC);

    const error = await client
      .grantConnector({
        connectorId,
        agent: "a",
        resources: [{ resource: "r" }, { resource: "s", rowFilter: and({}) }],
      })
      .catch((cause) => cause);

    expect(violations(error)).toHaveProperty(["resources[1].row_filter.and.filters[0].node"]);
  });
});

/** Bytes of a request whose filter is so many `not` deep, written from the inside. */
function deepBinary(depth: number): Uint8Array {
  const parts: Uint8Array[] = [];
  let size = 0;
  const wrap = (field: number) => {
    const head = [(field << 3) | 2];
    for (let rest = size; ; rest >>>= 7) {
      head.push(rest < 0x80 ? rest : (rest & 0x7f) | 0x80);
      if (rest < 0x80) break;
    }
    parts.push(Uint8Array.from(head));
    size += head.length;
  };
  for (let i = 0; i < depth; i++) wrap(3);
  wrap(4);
  wrap(2);
  return Buffer.concat(parts.reverse());
}

const deepJson = (depth: number) => `{"query":{"filter":${'{"not":'.repeat(depth)}{}${"}".repeat(depth)}}}`;
const deepStruct = (depth: number) => `{"query":{"where":{"a":${"[".repeat(depth)}${"]".repeat(depth)}}}}`;
const wideJson = (nodes: number) =>
  `{"connectorId":"${connectorId}","query":{"resource":"a","filter":{"and":{"filters":[${Array(nodes).fill("{}")}]}}}}`;
const wideBinary = (nodes: number) => {
  const filters = Array<Filter>(nodes).fill({});
  const filter: Filter = { node: { case: "and", value: { filters } } };
  const query = { source: { case: "resource" as const, value: "a" }, filter };
  return toBinary(QueryRequestSchema, create(QueryRequestSchema, { connectorId, query }));
};
const manyWrong = (count: number) =>
  toBinary(QueryRequestSchema, create(QueryRequestSchema, { query: { fields: Array(count).fill("") } }));
// Every list within its limit, and 300,000 nodes all the same.
const bushyJson = () => {
  const list = (items: string[]) => `{"and":{"filters":[${items}]}}`;
  const inner = list(Array(999).fill("{}"));
  return `{"connectorId":"${connectorId}","query":{"resource":"a","filter":${list(Array(300).fill(inner))}}}`;
};

describe("a request made to overload", () => {
  for (const [what, type, body] of [
    ["1,000 deep in JSON", "json", () => deepJson(1_000)],
    ["100,000 deep in JSON", "json", () => deepJson(100_000)],
    ["500,000 deep in JSON", "json", () => deepJson(500_000)],
    ["1,000 deep in bytes", "proto", () => deepBinary(1_000)],
    ["100,000 deep in bytes", "proto", () => deepBinary(100_000)],
    ["700,000 deep in bytes", "proto", () => deepBinary(700_000)],
    ["a `where` 1,000,000 deep", "json", () => deepStruct(1_000_000)],
    ["1 MB wide in JSON", "json", () => wideJson(330_000)],
    ["1 MB wide in bytes", "proto", () => wideBinary(500_000)],
    ["1 MB bushy", "json", bushyJson],
    ["4 MB of wrong fields", "proto", () => manyWrong(2_000_000)],
    ["larger than a message may be", "json", () => wideJson(2_000_000)],
  ] as [string, string, () => string | Uint8Array][]) {
    test(`(${what}) is refused soon, and the server goes on`, async () => {
      const { url } = await validating();
      const content = body();
      const send = (bytes: string | Uint8Array) =>
        fetch(`${url}/connector.v1.ConnectorService/Query`, {
          method: "POST",
          headers: { "content-type": `application/${type}` },
          body: bytes as string,
        });
      const took = stopwatch();

      const response = await send(content);
      const answer = (await response.json()) as { code: string; message: string };

      expect(answer.code).toMatch(/^(invalid_argument|resource_exhausted)$/);
      expect(answer.message).not.toMatch(/call stack|internal/);
      expect(took()).toBeLessThan(5_000);
      const next = await createClient(ConnectorService, transports(url).gRPC).query({
        connectorId,
        query: { source: { case: "resource", value: "a" }, filter: compare() },
      });
      expect(next.rows).toEqual([]);
    });
  }

  test("is refused in a stream over gRPC, too", async () => {
    const { url } = await validating();
    const request = {
      connectorId,
      query: { source: { case: "resource" as const, value: "a" }, filter: nested(1_000) },
    };
    expect(toBinary(StreamQueryRequestSchema, create(StreamQueryRequestSchema, request)).length).toBeGreaterThan(1_000);
    for (const name of ["gRPC", "gRPC-Web, HTTP/1.1", "Connect, HTTP/2, binary"] as const) {
      const stream = createClient(ConnectorService, transports(url)[name]).streamQuery(request);
      const error = await Array.fromAsync(stream).catch((cause) => cause);
      expect(error, name).toMatchObject({ code: 3, rawMessage: "The request is nested too deeply." });
    }
  });
});

function nested(depth: number): Filter {
  let filter = compare();
  for (let i = 0; i < depth; i++) filter = not(filter);
  return filter;
}
