/** What an API does besides changing rows: actions that the connector names, each with an input of its own. */
import { beforeEach, expect, test } from "vitest";
import type { ActionRequest, NamedAction } from "../../../src/providers/contract/action.ts";
import type { Session } from "../../../src/providers/contract.ts";
import { type Answered, sessionWith, type TestApi, testApi } from "./api.ts";
import { callFor } from "./stage.ts";

const ping = { ...{ name: "ping", method: "GET", path: "/ping" }, query: { account: "own" } };
const endless = {
  ...{ name: "endless", path: "/endless" },
  input: {
    type: "object",
    properties: { text: { type: "string", pattern: "^(a+)+$" }, pattern: { type: "integer" } },
    additionalProperties: false,
  },
};
const many = Object.fromEntries(
  Array.from({ length: 26 }, (_, i) => {
    const next = i === 25 ? { type: "integer" } : { $ref: `#/$defs/d${i + 1}` };
    return [`d${i}`, { anyOf: [next, { allOf: [next] }] }];
  }),
);
const branching = {
  ...{ name: "branching", path: "/branching" },
  input: { type: "object", properties: { text: { $ref: "#/$defs/d0" } }, $defs: many },
};
const close = { ...{ name: "close", path: "/close" }, body: { template: { account: "own" } } };
const refund = {
  ...{ name: "orders.refund", path: "/orders/{id}/refund", output: "/refund" },
  parameters: { notify: "notify" },
  input: {
    type: "object",
    properties: { id: { type: "string" }, amount: { type: "number" }, notify: { type: "boolean" } },
    required: ["id"],
    additionalProperties: false,
  },
};

let api: TestApi;
let session: Required<Omit<Session, "test">>;
let answer: () => Answered;
beforeEach(async () => {
  answer = () => ({ json: {} });
  api = await testApi(() => answer());
  session = sessionWith(api.url, {
    ...{ idempotency_header: "Idempotency-Key", headers: { "X-Version": "7" } },
    actions: [refund, ping, close, endless, branching],
  });
});

const asking = { dryRun: false, maxAffectedRows: undefined, returning: [], maxBytes: 1_000_000 };
const perform = (input: NamedAction["input"], more: Partial<ActionRequest> = {}, name = "orders.refund") =>
  session.perform({ ...asking, ...more, action: { kind: "named", name, input } }, callFor());

test.each(["ping", "close"])("what the connector says of the action %s is not for its caller to say", async (name) => {
  await expect(perform({ account: "other" }, {}, name)).rejects.toMatchObject({
    ...{ kind: "invalid_request", fields: [expect.objectContaining({ field: "named.input.account" })] },
  });
  expect(api.asked).toEqual([]);
  await perform({ other: "1" }, {}, name);
  expect(api.asked).toHaveLength(1);
});

test.each(["endless", "branching"])(
  "an input schema that takes forever to hold against holds nobody up: %s",
  async (name) => {
    const begin = performance.now();
    await perform({ text: `${"a".repeat(40)}!` }, {}, name);
    expect(performance.now() - begin).toBeLessThan(5_000);
    expect(api.asked).toHaveLength(1);
  },
);

test("what of an input schema is quick to hold against is, beside what is not", async () => {
  await expect(perform({ text: "a", pattern: "b" }, {}, "endless")).rejects.toMatchObject({ kind: "invalid_request" });
  await expect(perform({ other: "a" }, {}, "endless")).rejects.toMatchObject({ kind: "invalid_request" });
});

test("a named action's input goes where it belongs, and its answer comes back", async () => {
  answer = () => ({ json: { refund: { id: "r-1", state: "done" } } });
  const { output } = await perform({ id: "o 1", amount: 12.5, notify: true }, { idempotencyKey: "k" });
  expect(output).toEqual({ id: "r-1", state: "done" });
  const [asked] = api.asked;
  expect([asked?.path, asked?.parameters.toString(), asked?.body]).toEqual([
    "/orders/o%201/refund",
    "notify=true",
    '{"amount":12.5}',
  ]);
  expect(asked?.headers["idempotency-key"]).toBe("k");
});

test.each([
  ["an input that lacks what it needs", { amount: 1 }, "named.input.id"],
  ["a value of another type", { id: "a", amount: "much" }, "named.input.amount"],
  ["what the action does not take", { id: "a", more: 1 }, "named.input.more"],
] as const)("%s is refused", async (_, input, field) => {
  await expect(perform(input)).rejects.toMatchObject({
    kind: "invalid_request",
    fields: [expect.objectContaining({ field })],
  });
  expect(api.asked).toEqual([]);
});

test("an action that there is not is refused with the nearest, and a dry run sends nothing", async () => {
  await expect(perform({}, {}, "orders.refnud")).rejects.toMatchObject({
    message: expect.stringContaining("`orders.refund`"),
  });
  const { statement } = await perform({ id: "canary", amount: 1 }, { dryRun: true });
  expect(statement).toBe("POST /orders/{id}/refund\nJSON body: /amount");
  expect(api.asked).toEqual([]);
});
