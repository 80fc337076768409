/** What changes the rows of an API: a request for each row, in the source's own form, sent once. */
import { beforeEach, describe, expect, test } from "vitest";
import type { Failure } from "../../../src/failure.ts";
import type { ActionRequest } from "../../../src/providers/contract/action.ts";
import type { FilterNode, Operand, Session } from "../../../src/providers/contract.ts";
import { type Answered, type Asked, sessionWith, type TestApi, testApi, textsOf } from "./api.ts";
import { callFor } from "./stage.ts";

const form = { encoding: "form_brackets", template: { source: { kind: "api" } }, row: "/data" };
const orders = {
  ...{ name: "orders", path: "/orders", primary_key: ["id"] },
  fields: [
    { name: "id", type: "string", nullable: false, read_only: true },
    { name: "amount", type: "decimal", nullable: false },
    { name: "city", type: "string", path: "/address/city" },
    { name: "due", type: "timestamp_tz", format: "epoch_seconds" },
    { name: "paid", type: "bool" },
    { name: "tags", type: "json" },
    { name: "address", type: "json" },
    { name: "file", type: "bytes" },
  ],
  changes: {
    create: { method: "POST", path: "/orders", returns: { format: "json" } },
    update: { method: "PATCH", path: "/orders/{id}", body: form },
    delete: { method: "DELETE", path: "/orders/{id}" },
    upsert: { method: "PUT", path: "/orders/{id}", query: { quiet: "1" }, body: { encoding: "multipart" } },
  },
};
const invoices = {
  ...orders,
  name: "invoices",
  changes: { create: { method: "POST", path: "/invoices", repeatable: "none" } },
};
const notes = {
  ...{ name: "notes", path: "/shops/{shop}/notes", primary_key: ["shop", "id"] },
  fields: [
    { name: "shop", type: "string", path: "/owner/shop" },
    { name: "id", type: "string" },
    { name: "owner", type: "json" },
    { name: "text", type: "string" },
  ],
  changes: {
    create: { method: "POST", path: "/shops/{shop}/notes" },
    update: { method: "PATCH", path: "/shops/{shop}/notes/{id}" },
  },
};

let api: TestApi;
let session: Required<Omit<Session, "test">>;
let answer: (asked: Asked) => Answered | Promise<Answered>;
beforeEach(async () => {
  answer = ({ body }) => ({ json: { id: `o-${api.asked.length}`, ...(body.startsWith("{") ? JSON.parse(body) : {}) } });
  api = await testApi((asked) => answer(asked));
  session = sessionWith(api.url, {
    ...{ idempotency_header: "Idempotency-Key", headers: { "X-Version": "7" } },
    resources: [orders, invoices, notes],
  });
});

const text = (value: string): Operand => ({ kind: "text", value });
const named = (...ids: string[]): FilterNode => {
  return { kind: "compare", field: "id", operator: "in", values: ids.map(text), path: "query.filter.compare" };
};
const shopIs = (value: string): FilterNode => {
  return { kind: "compare", field: "shop", operator: "eq", values: [text(value)], path: "query.filter.compare" };
};
const asking = { dryRun: false, maxAffectedRows: undefined, returning: [], maxBytes: 1_000_000 };
const execute = (action: ActionRequest["action"], more: Partial<ActionRequest> = {}) =>
  session.execute({ ...asking, action, ...more }, callFor());
const create = (amounts: readonly string[], resource = "orders"): ActionRequest["action"] => ({
  ...{ kind: "create", resource, fields: ["amount"], rows: amounts.map((amount) => [text(amount)]) },
});

test("values go as JSON has them, each at its place, and the rows come back", async () => {
  const fields = ["amount", "city", "due", "paid", "tags", "file"];
  const values = ["12345678901234567890.10", "Zürich", "2026-11-22 10:00:00Z", "t", '{"a": [1e400]}', "\\x00ff"].map(
    text,
  );
  const done = await execute(
    { kind: "create", resource: "orders", fields, rows: [values] },
    { returning: ["id", "amount"] },
  );
  expect(api.asked[0]?.body).toBe(
    '{"amount":12345678901234567890.10,"address":{"city":"Zürich"},"due":1795341600,"paid":true,"tags":{"a":[1e400]},"file":"AP8="}',
  );
  expect(api.asked[0]?.headers).toMatchObject({ "content-type": "application/json", "x-version": "7" });
  expect(textsOf(done)[0]?.[0]).toBe("o-1");
  expect(done).toMatchObject({ affectedRows: 1 });
});

test("an update names its rows, and a form has names in brackets", async () => {
  const values = [
    { field: "city", value: text("Bern & Co") },
    { field: "paid", value: { kind: "null" } },
  ] as const;
  expect(await execute({ kind: "update", resource: "orders", filter: named("a/1", "b"), values })).toMatchObject({
    affectedRows: 2,
  });
  expect(api.asked.map(({ method, path }) => `${method} ${path}`)).toEqual(["PATCH /orders/a%2F1", "PATCH /orders/b"]);
  expect([...new URLSearchParams(api.asked[0]?.body)]).toEqual([
    ["source[kind]", "api"],
    ["data[address][city]", "Bern & Co"],
    ["data[paid]", ""],
  ]);
});

test("an upsert takes the key into the path, and a multipart form has a part for each field", async () => {
  const rows = [[text("a"), text("7.50")]];
  await execute({ kind: "upsert", resource: "orders", fields: ["id", "amount"], rows, key: ["id"] });
  const [asked] = api.asked;
  expect([asked?.path, asked?.parameters.get("quiet")]).toEqual(["/orders/a", "1"]);
  const response = new Response(asked?.body, { headers: { "content-type": asked?.headers["content-type"] ?? "" } });
  expect([...(await response.formData())]).toEqual([["amount", "7.50"]]);
});

test("what is not there is no row that was touched", async () => {
  answer = ({ path }) => ({ status: path.endsWith("gone") ? 404 : 204 });
  expect(await execute({ kind: "delete", resource: "orders", filter: named("gone", "there") })).toMatchObject({
    affectedRows: 1,
  });
});

test("each row has the caller's key with its place, a single one the key itself, and both are the same again", async () => {
  for (let i = 0; i < 2; i++) await execute(create(["1", "2"]), { idempotencyKey: "key" });
  await execute(create(["1"]), { idempotencyKey: "key" });
  const keys = api.asked.map(({ headers }) => headers["idempotency-key"]);
  expect(keys).toEqual(["key-0", "key-1", "key-0", "key-1", "key"]);
  await execute(create(["1"]), { idempotencyKey: "ü".repeat(200) });
  expect(api.asked.at(-1)?.headers["idempotency-key"]).toMatch(/^[0-9a-f]{64}$/);
});

test("rows that fail leave the others as they are, and each has its result", async () => {
  answer = ({ body }) => (body.includes("2") ? { status: 422 } : { json: {} });
  expect(await execute(create(["1", "2", "3"]))).toMatchObject({
    affectedRows: 2,
    items: [{ ok: true }, { ok: false, reason: "statement_rejected" }, { ok: true }],
  });
  await expect(execute(create(["2"]))).rejects.toMatchObject({ kind: "statement_rejected" });
});

describe("rows that an API takes several of at once", () => {
  const inParallel = { ...orders, name: "parallel", changes: { create: { ...orders.changes.create, concurrency: 3 } } };
  const amounts = ["0", "1", "2", "3", "4", "5", "6"];
  const amountOf = ({ body }: Asked) => String(JSON.parse(body).amount);
  beforeEach(() => {
    session = sessionWith(api.url, { idempotency_header: "Idempotency-Key", resources: [inParallel] });
  });

  test("are sent so many at once and no more, and come back in their order", async () => {
    let [running, most] = [0, 0];
    const together = Promise.withResolvers<void>();
    answer = async (asked) => {
      most = Math.max(most, ++running);
      if (running === 3) together.resolve();
      // The first of them are answered last.
      await together.promise;
      if (asked === api.asked[0]) await new Promise((resolve) => setTimeout(resolve, 50));
      running--;
      return { json: { id: `o-${amountOf(asked)}` } };
    };
    const done = await execute(create(amounts, "parallel"), { returning: ["id"], idempotencyKey: "key" });
    expect(done).toMatchObject({ affectedRows: 7 });
    expect(textsOf(done)).toEqual(amounts.map((amount) => [`o-${amount}`]));
    expect(most).toBe(3);
    const keys = api.asked.map((asked) => [amountOf(asked), asked.headers["idempotency-key"]]);
    expect(keys.toSorted()).toEqual(amounts.map((amount) => [amount, `key-${amount}`]));
  });

  test("have each its own result, in their order", async () => {
    answer = (asked) => (amountOf(asked) === "1" ? { status: 422 } : { json: {} });
    const { items, affectedRows } = await execute(create(amounts, "parallel"));
    expect(items?.map((item) => (item.ok ? "" : item.reason))).toEqual(["", "statement_rejected", "", "", "", "", ""]);
    expect(affectedRows).toBe(6);
  });

  test("are sent no more when one stops them, and those on their way are waited for", async () => {
    const all = Promise.withResolvers<void>();
    answer = async (asked) => {
      if (api.asked.length === 3) all.resolve();
      await all.promise;
      if (amountOf(asked) !== "0") await new Promise((resolve) => setTimeout(resolve, 200));
      return amountOf(asked) === "0" ? { status: 429, headers: { "retry-after": "3" } } : { json: {} };
    };
    const { items, affectedRows } = await execute(create(amounts, "parallel"));
    expect(items?.map(({ ok }) => ok)).toEqual([false, true, true, false, false, false, false]);
    expect([affectedRows, api.asked.length]).toEqual([2, 3]);
  });

  test.each([
    ["1", { rows_before: "1", rows_after: "1" }],
    ["12", { rows_before: "1" }],
  ])("count those before the one that nobody knows of, and those after it where all are known", async (lost, told) => {
    const all = Promise.withResolvers<void>();
    answer = async (asked) => {
      if (api.asked.length === 3) all.resolve();
      await all.promise;
      // Those that are not known are known to be so before the others are answered.
      if (lost.includes(amountOf(asked))) return { status: 500 };
      await new Promise((resolve) => setTimeout(resolve, 200));
      return { json: {} };
    };
    const once = { create: { ...inParallel.changes.create, repeatable: "none" } };
    session = sessionWith(api.url, { resources: [{ ...inParallel, changes: once }] });
    const failed = execute(create(amounts, "parallel")).catch((error: Failure) => [error.kind, error.metadata]);
    expect(await failed).toEqual(["outcome_unknown", told]);
  });
});

test("what stops one row stops those behind it, which are not sent", async () => {
  answer = () => (api.asked.length === 1 ? { json: {} } : { status: 429, headers: { "retry-after": "3" } });
  const { items } = await execute(create(["1", "2", "3"]));
  expect(items?.map((item) => (item.ok ? "" : item.reason))).toEqual([
    "",
    "upstream_rate_limited",
    "upstream_rate_limited",
  ]);
  expect(api.asked).toHaveLength(2);
});

test.each([
  ["no answer", { lost: true }],
  ["a fault in the middle of its work", { status: 500 }],
  ["a gateway that lost it", { status: 504 }],
] as const)(
  "after %s nobody knows what became of it: it is not sent again, nor is anything after it",
  async (_, lost) => {
    answer = () => (api.asked.length === 1 ? { json: {} } : lost);
    const failed = execute(create(["1", "2", "3"], "invoices"));
    await expect(failed).rejects.toMatchObject({ kind: "outcome_unknown", metadata: { rows_before: "1" } });
    expect(api.asked).toHaveLength(2);
  },
);

test("what is given back is no more than an answer holds: the change that came to more is told, and none is sent after it", async () => {
  answer = () => ({ json: { id: "x".repeat(100) } });
  const giving = (maxBytes: number) => execute(create(["1", "2", "3"]), { returning: ["id"], maxBytes });
  await expect(giving(250)).rejects.toMatchObject({
    ...{ kind: "outcome_unknown", message: expect.stringContaining("was made"), metadata: { rows_before: "2" } },
  });
  expect(api.asked).toHaveLength(3);
  await expect(giving(50)).rejects.toMatchObject({ metadata: { rows_before: "0" } });
  expect(api.asked).toHaveLength(4);
  expect(await giving(500)).toMatchObject({ affectedRows: 3 });
});

test("a change whose answer announces more than anybody reads is told as made", async () => {
  answer = () => ({ headers: { "content-length": "1000000000000" }, json: { id: "x".repeat(100_000) } });
  await expect(execute(create(["1"]), { returning: ["id"], maxBytes: 1_000 })).rejects.toMatchObject({
    ...{ kind: "outcome_unknown", message: expect.stringContaining("was made") },
  });
});

test.each([501, 503])("after %i it was not begun", async (status) => {
  answer = () => ({ status });
  await expect(execute(create(["1"], "invoices"))).rejects.toMatchObject({ kind: "upstream_unavailable" });
});

test.each([
  [
    "a condition that names no rows",
    { kind: "compare", field: "amount", operator: "gt", values: [text("1")], path: "query.filter" },
  ],
  ["more than a name", { kind: "and", operands: [named("a"), { ...named("x"), field: "city" } as FilterNode] }],
  ["none at all", undefined],
] as const)("an update by %s is refused", async (_, filter) => {
  const values = [{ field: "city", value: text("Bern") }];
  await expect(execute({ kind: "update", resource: "orders", filter, values })).rejects.toMatchObject({
    ...{ kind: "invalid_request", message: expect.stringContaining("by") },
  });
  expect(api.asked).toEqual([]);
});

test("nothing is sent of an action that can't be carried out as it is", async () => {
  await expect(execute(create(["1", "2"]), { maxAffectedRows: 1 })).rejects.toMatchObject({
    kind: "too_many_affected",
  });
  await expect(execute(create(["many"]))).rejects.toMatchObject({ kind: "invalid_request" });
  const writing: ActionRequest["action"] = { kind: "create", resource: "orders", fields: ["id"], rows: [[text("x")]] };
  await expect(execute(writing)).rejects.toMatchObject({ message: expect.stringContaining("the source sets it") });
  await expect(execute({ kind: "delete", resource: "invoices", filter: named("a") })).rejects.toMatchObject({
    ...{ kind: "unsupported", message: expect.stringContaining("There is create.") },
  });
  const dry = await execute({ kind: "delete", resource: "orders", filter: named("canary", "b") }, { dryRun: true });
  expect(dry).toMatchObject({ affectedRows: 2, statement: "DELETE /orders/{id}" });
  expect(api.asked).toEqual([]);
});

const owner = text('{"shop":"b"}');
test.each([
  ["create", "the same field twice", { fields: ["shop", "text", "shop"], rows: [[text("a"), text("t"), text("b")]] }],
  ["create", "a field and what holds it", { fields: ["shop", "owner"], rows: [[text("a"), owner]] }],
  [
    "update",
    "what holds a name of the row",
    { values: [{ field: "owner", value: owner }], filter: { kind: "and", operands: [shopIs("a"), named("n")] } },
  ],
] as const)("a %s of %s is refused: which of them counts nobody could say", async (kind, _, more) => {
  const writing = execute({ kind, resource: "notes", ...more } as ActionRequest["action"]);
  await expect(writing).rejects.toMatchObject({
    ...{ kind: "invalid_request", message: expect.stringContaining("same place") },
  });
  expect(api.asked).toEqual([]);
});
