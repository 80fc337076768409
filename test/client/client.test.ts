import { inspect } from "node:util";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { and, field, not, or } from "../../src/client/filter.ts";
import { Operator } from "../../src/gen/connector/v1/filter_pb.js";
import { Paging, type QueryRequest } from "../../src/gen/connector/v1/query_pb.js";
import { FieldType } from "../../src/gen/connector/v1/value_pb.js";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "../../src/gen/google/rpc/error_details_pb.js";
import { clientOf, collect, connectorId, fieldOf, header, packed, streaming, trailer } from "./service.ts";

test("every call carries the token, also one that changes", async () => {
  const tokens: (string | null)[] = [];
  let count = 0;
  const client = await clientOf(
    {
      async getConnector(_, { requestHeader }) {
        tokens.push(requestHeader.get("authorization"));
        return { connector: { id: connectorId } };
      },
    },
    { token: () => `token-${count++}` },
  );

  await client.getConnector(connectorId);
  await client.getConnector(connectorId);

  expect(tokens).toEqual(["Bearer token-0", "Bearer token-1"]);
});

test("a connector is made from plain objects", async () => {
  const client = await clientOf({
    async createConnector({ provider, name, config, credential }) {
      return { connector: { provider, name, config: { ...config, secret: credential?.password ?? null } } };
    },
  });

  const connector = await client.createConnector({
    provider: "postgresql",
    name: "cities",
    config: { host: "db", port: 5432 },
    credential: { password: "p" },
  });

  expect(connector).toMatchObject({ provider: "postgresql", config: { host: "db", port: 5432, secret: "p" } });
});

test("all connectors are listed, page after page", async () => {
  const client = await clientOf({
    async listConnectors({ pageToken }) {
      return pageToken === "" ? { connectors: [{ id: "a" }], nextPageToken: "2" } : { connectors: [{ id: "b" }] };
    },
  });

  expect((await collect(client.listConnectors())).map(({ id }) => id)).toEqual(["a", "b"]);
});

test("a query's parts arrive as they were written", async () => {
  const requests: QueryRequest[] = [];
  const client = await clientOf({
    async query(request) {
      requests.push(request);
      return {};
    },
  });

  await client.query(connectorId, {
    resource: "cities",
    fields: ["name"],
    where: { country: ["CH", "AT"], population: 2n ** 60n, mayor: null },
    filter: or(and(field("a").gt(1), not(field("b").isNull())), field("c").in(["x", "y"])),
    orderBy: ["-population", "name"],
    limit: 10,
  });

  const query = requests[0]?.query;
  expect(query).toMatchObject({
    source: { case: "resource", value: "cities" },
    fields: ["name"],
    where: { country: ["CH", "AT"], population: "1152921504606846976", mayor: null },
    orderBy: [
      { field: "population", descending: true },
      { field: "name", descending: false },
    ],
    limit: 10n,
  });
  expect(query?.filter?.node).toMatchObject({
    case: "or",
    value: {
      filters: [
        {
          node: {
            case: "and",
            value: {
              filters: [
                { node: { case: "compare", value: { field: "a", operator: Operator.GT } } },
                { node: { case: "not", value: { node: { value: { field: "b", operator: Operator.IS_NULL } } } } },
              ],
            },
          },
        },
        { node: { value: { field: "c", operator: Operator.IN, values: [{ kind: { value: "x" } }, { kind: {} }] } } },
      ],
    },
  });
});

test.each([
  [null, "null", 0],
  [true, "bool", true],
  [5, "int64", 5n],
  [5.5, "double", 5.5],
  [-0, "double", -0],
  [2 ** 53, "double", 2 ** 53],
  [2n ** 63n - 1n, "int64", 2n ** 63n - 1n],
  [2n ** 63n, "uint64", 2n ** 63n],
  [2n ** 64n, "text", "18446744073709551616"],
  ["text", "string", "text"],
  [Uint8Array.of(1, 2), "bytes", Uint8Array.of(1, 2)],
  [new Date(0), "text", "1970-01-01T00:00:00.000Z"],
  [Temporal.PlainDate.from("2026-11-22"), "text", "2026-11-22"],
])("the parameter %s is sent as %s", async (parameter, kind, value) => {
  const requests: QueryRequest[] = [];
  const client = await clientOf({
    async query(request) {
      requests.push(request);
      return {};
    },
  });

  await client.query(connectorId, { native: "select $1", parameters: [parameter] });

  expect(requests[0]?.query?.source).toMatchObject({
    case: "native",
    value: { text: "select $1", parameters: [{ kind: { case: kind, value } }] },
  });
});

test("all pages of a query are read, with typed rows", async () => {
  const client = await clientOf({
    async query({ pageToken, pageSize }) {
      const page = Number(pageToken || "1");
      return {
        fields: [fieldOf("n", FieldType.INT32), fieldOf("tags", FieldType.ARRAY, FieldType.STRING)],
        rows: [
          {
            values: [
              { kind: { case: "int64", value: BigInt(page * pageSize) } },
              { kind: { case: "text", value: "{a,b}" } },
            ],
          },
        ],
        paging: Paging.KEYSET,
        nextPageToken: page < 3 ? `${page + 1}` : "",
      };
    },
  });

  const pages = await collect(
    client.queryAll<{ n: number; tags: string[] }>(connectorId, { resource: "x" }, { pageSize: 7 }),
  );

  expect(pages.map(({ paging, rows }) => [paging, rows[0]?.n, rows[0]?.tags])).toEqual([
    ["keyset", 7, ["a", "b"]],
    ["keyset", 14, ["a", "b"]],
    ["keyset", 21, ["a", "b"]],
  ]);
});

test.each(["connect", "grpc"] as const)("an error over %s says what, where, why and what to do", async (protocol) => {
  const client = await clientOf(
    {
      async getConnector() {
        throw new ConnectError("slow down", Code.ResourceExhausted, undefined, [
          { desc: ErrorInfoSchema, value: create(ErrorInfoSchema, rateLimited) },
          { desc: BadRequestSchema, value: { fieldViolations: [{ field: "query.limit", description: "too many" }] } },
          { desc: RetryInfoSchema, value: { retryDelay: { seconds: 1n, nanos: 500_000_000 } } },
        ]);
      },
    },
    { protocol },
  );

  const error = await client.getConnector(connectorId).catch((cause: unknown) => cause);

  expect(error).toMatchObject({
    name: "ConnectorError",
    message: "slow down",
    code: Code.ResourceExhausted,
    reason: "RATE_LIMITED",
    where: "rate_limit",
    remedy: "Wait.",
    fields: [{ field: "query.limit", description: "too many" }],
    retryAfterMs: 1_500,
  });
});

const rateLimited: MessageInitShape<typeof ErrorInfoSchema> = {
  reason: "RATE_LIMITED",
  domain: "connector.v1",
  metadata: { where: "rate_limit", remedy: "Wait." },
};

test("a service that is not there is unavailable", async () => {
  const client = await clientOf({}, { url: "http://127.0.0.1:1" });

  await expect(client.listProviders()).rejects.toMatchObject({ name: "ConnectorError", code: Code.Unavailable });
});

test("a row is read by name, by place and whole, and shows itself", async () => {
  const fields = [
    fieldOf("id", FieldType.INT64),
    fieldOf("at", FieldType.TIMESTAMP_TZ),
    fieldOf("doc", FieldType.JSON),
    fieldOf("raw", FieldType.BYTES),
  ];
  const cells = ["5", "2026-11-22 13:45:00.123456+00", '{"a": [1]}', "\\x0102"];
  const client = await clientOf(streaming(header(fields), packed(cells), trailer(1n)));
  const [row] = await collect(client.stream(connectorId, { resource: "x" }));
  if (row === undefined) throw new Error("There is no row.");

  expect(row.id).toBe(5n);
  // `at` is a method of the row, so the field of that name is read by get().
  expect(row.get("at")).toBe("2026-11-22 13:45:00.123456+00");
  expect(row.at(0)).toBe(5n);
  expect(row.date("at")?.toISOString()).toBe("2026-11-22T13:45:00.123Z");
  expect(row.instant("at")?.toString()).toBe("2026-11-22T13:45:00.123456Z");
  expect(row.json("doc")).toEqual({ a: [1] });
  expect(row.toObject()).toEqual({ id: 5n, at: cells[1], doc: cells[2], raw: Uint8Array.of(1, 2) });
  expect(JSON.stringify(row)).toBe(JSON.stringify({ id: "5", at: cells[1], doc: cells[2], raw: "AQI=" }));
  expect(inspect(row)).toContain("id: 5n");
  expect(() => row.get("nme")).toThrow('no field "nme". It has: id, at, doc, raw');
  expect(() => row.at(4)).toThrow(RangeError);
  expect(() => row.date("id")).toThrow(TypeError);
});
