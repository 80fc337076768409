/** Requests that no client of ours would send: too large, too deep, of unknown fields, not readable at all. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { field, or, type QueryInput } from "../../src/client/index.ts";
import { allRows, cities, expectAllAsBefore, refusalOf, refusalOfQuery } from "./refusal.ts";
import { type Source, serviceWithSource } from "./source.ts";

let source: Source;

beforeAll(async () => {
  source = await serviceWithSource(cities);
});
afterEach(() => expectAllAsBefore(source));
afterAll(() => source.stop());

const invalid = { code: "InvalidArgument", reason: "INVALID_REQUEST", where: "request" };

interface RawError {
  readonly code: string;
  readonly message: string;
  readonly details: readonly { readonly debug: { reason?: string; metadata?: Record<string, string> } & Fields }[];
}
interface Fields {
  readonly fieldViolations?: readonly { field: string }[];
}

/** The refusal of a request's bytes as a client without our library reads it. */
async function rawRefusal(body: string | Uint8Array<ArrayBuffer>, method = "Query") {
  const { url, token } = source.service;
  const response = await fetch(`${url}/connector.v1.ConnectorService/${method}`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${token}`,
      "content-type": typeof body === "string" ? "application/json" : "application/proto",
    },
    body,
  });
  const { code, message, details } = (await response.json()) as RawError;
  const debugs = details.map(({ debug }) => debug);
  const { reason, metadata: { remedy = "", where = "" } = {} } = debugs.find((debug) => debug.reason) ?? {};
  expect(remedy).toMatch(/^[A-Z].{10,}\.$/);
  const fields = debugs.flatMap(({ fieldViolations = [] }) => fieldViolations.map((violation) => violation.field));
  return { status: response.status, code, message, reason, where, fields };
}

describe("a filter that is too deep is refused", () => {
  const tooDeep = { status: 400, code: "invalid_argument", reason: "INVALID_REQUEST", where: "request" };

  /** `not` over `not`, as JSON. */
  function json(depth: number): string {
    const leaf = '{"compare":{"field":"name","operator":"OPERATOR_IS_NULL"}}';
    const filter = `${'{"not":'.repeat(depth)}${leaf}${"}".repeat(depth)}`;
    return `{"connectorId":"${source.connectorId}","query":{"resource":"city","filter":${filter}}}`;
  }

  /** The same as bytes, written from the inside to the outside. */
  function binary(depth: number): Uint8Array<ArrayBuffer> {
    const text = (number: number, value: string) => lengthDelimited(number, Buffer.from(value));
    const parts = [lengthDelimited(4, Buffer.concat([text(1, "name"), Buffer.from([2 << 3, 10])]))];
    let size = parts[0]?.length ?? 0;
    const wrap = (number: number) => {
      const head = headOf(number, size);
      size += head.length;
      parts.push(head);
    };
    for (let i = 0; i < depth; i++) wrap(3);
    wrap(4);
    const resource = text(1, "city");
    size += resource.length;
    parts.push(resource);
    wrap(2);
    parts.push(text(1, source.connectorId));
    return Uint8Array.from(Buffer.concat(parts.reverse()));
  }

  test.each([1_000, 100_000])("by %i levels, as JSON and as bytes", async (depth) => {
    expect(await rawRefusal(json(depth))).toMatchObject(tooDeep);
    expect(await rawRefusal(binary(depth))).toMatchObject(tooDeep);
  });

  test("by one level, with its place", async () => {
    const refusal = await rawRefusal(binary(32));
    expect(refusal).toMatchObject({ ...tooDeep, message: expect.stringContaining("at most 32 levels deep") });
    expect(refusal.fields).toEqual([expect.stringMatching(/^query\.filter\.not\.not/)]);
    expect((await rawRefusal(json(32))).message).toBe(refusal.message);
  });
});

describe("a filter of 1 MB", () => {
  const operand = "x".repeat(100);

  test("in one operand is carried out", async () => {
    const query: QueryInput = { resource: "city", filter: field("name").eq("x".repeat(1_000_000)) };
    expect((await source.client.query(source.connectorId, query)).rows).toEqual([]);
    expect(await allRows(source.client.stream(source.connectorId, query))).toEqual([]);
  });

  test("in very many nodes is refused", async () => {
    const filters = Array.from({ length: 10_000 }, () => field("name").eq(operand));
    const refusal = await refusalOfQuery(source, { resource: "city", filter: or(...filters) });
    expect(refusal).toMatchObject({ ...invalid, fields: ["query.filter.or.filters"] });
  });

  test("in nodes that are many together is refused", async () => {
    const tens = (of: () => ReturnType<typeof or>) => or(...Array.from({ length: 21 }, of));
    const filter = tens(() => tens(() => tens(() => field("name").eq(operand))));
    const refusal = await refusalOfQuery(source, { resource: "city", filter });
    expect(refusal).toMatchObject({ ...invalid, message: expect.stringContaining("at most 1000 nodes") });
  });

  test("in the operands of IN is refused", async () => {
    const filter = field("name").in(Array.from({ length: 10_000 }, (_, i) => `${i}${operand}`));
    const refusal = await refusalOfQuery(source, { resource: "city", filter });
    expect(refusal).toMatchObject({ ...invalid, fields: ["query.filter.compare.values"] });
  });
});

test("a request of more than 4 MiB is refused as too large", async () => {
  const filter = field("name").eq("x".repeat(5_000_000));
  const refusal = await refusalOf(source.client.query(source.connectorId, { resource: "city", filter }));
  expect(refusal).toMatchObject({ code: "ResourceExhausted", reason: "TOO_LARGE" });
});

describe("JSON that is not of the contract is refused", () => {
  test.each<[string, (id: string) => string, string[]]>([
    ["an unknown field", (id) => `{"connectorId":"${id}","query":{"resource":"city"},"pageSise":1}`, ["pageSise"]],
    ["an unknown field inside", (id) => `{"connectorId":"${id}","query":{"resource":"city","filtr":{}}}`, ["filtr"]],
    ["a field of a wrong type", (id) => `{"connectorId":"${id}","pageSize":"many"}`, ["page_size"]],
    ["no query", (id) => `{"connectorId":"${id}"}`, ["query"]],
    ["an id that is none", () => '{"connectorId":"1","query":{"resource":"city"}}', ["connector_id"]],
    ["a name that every object has", (id) => where(id, '{"__proto__":"x"}'), ["query.where.__proto__"]],
    ["an object to compare with", (id) => where(id, '{"name":{"eq":"x"}}'), ["query.where.name"]],
    ["no end", () => '{"connectorId":', []],
    ["no object", () => "[]", []],
  ])("%s", async (_what, body, fields) => {
    const refusal = await rawRefusal(body(source.connectorId));
    expect(refusal).toMatchObject({ status: 400, code: "invalid_argument", where: "request", fields });
    expect(refusal.reason).toBe(fields[0]?.endsWith("__proto__") ? "UNKNOWN_FIELD" : "INVALID_REQUEST");
  });

  test("an unknown operator", async () => {
    const compare = '{"field":"name","operator":"OPERATOR_LIKE"}';
    const query = `{"resource":"city","filter":{"compare":${compare}}}`;
    const refusal = await rawRefusal(`{"connectorId":"${source.connectorId}","query":${query}}`);
    expect(refusal).toMatchObject({ status: 400, reason: "INVALID_REQUEST" });
    expect(refusal.message).toContain("no connector.v1.Operator");
  });

  const where = (id: string, map: string) => `{"connectorId":"${id}","query":{"resource":"city","where":${map}}}`;
});

test("bytes that are no message are refused", async () => {
  const refusal = await rawRefusal(Uint8Array.from(Buffer.from("not a message at all")));
  expect(refusal).toMatchObject({ status: 400, code: "invalid_argument", reason: "INVALID_REQUEST" });
});

/** A field's number and wire type, and the size of what follows; see protobuf's "Encoding". */
function headOf(number: number, size: number): Buffer {
  const bytes = [(number << 3) | 2];
  for (let left = size; ; left >>>= 7) {
    if (left < 0x80) return Buffer.from([...bytes, left]);
    bytes.push((left & 0x7f) | 0x80);
  }
}

function lengthDelimited(number: number, content: Uint8Array): Buffer {
  return Buffer.concat([headOf(number, content.length), content]);
}
