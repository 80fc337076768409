/** What an agent with a grant on some fields is told of a failure: no name of another. */
import { expect, test } from "vitest";
import { Failure, invalidRequest } from "../../../src/failure.ts";
import type { ReadQuery } from "../../../src/providers/contract.ts";
import type { Grant } from "../../../src/registry/grant/grant.ts";
import { tellable } from "../../../src/registry/grant/telling.ts";

const asked = { resource: "shop.orders" } as ReadQuery;
const grant = { agent: "bot", resources: [{ resource: "shop.orders", fields: ["id", "state"] }] } as unknown as Grant;
const told = (failure: Failure) => tellable(failure, grant, asked);

test("fields that would have been good are named when they are granted", () => {
  const description = "the source can't order by `state`; it can by `id`";
  const failure = told(invalidRequest({ field: "query.order_by[0].field", description }));
  expect(failure.message).toContain(description);
  expect(failure.fields).toEqual([{ field: "query.order_by[0].field", description }]);
});

test("and not when one of them is not", () => {
  const description = "the source can't order by `state`; it can by `id`, `hidden`";
  const failure = told(invalidRequest({ field: "query.order_by[0].field", description }));
  const beyond = "can't be done with the fields that are granted";
  expect(failure).toMatchObject({
    message: `query.order_by[0].field: ${beyond}`,
    fields: [{ field: "query.order_by[0].field", description: beyond }],
  });
});

test("neither a message nor a remedy names another", () => {
  const remedy = "Declare `hidden` otherwise.";
  const failure = told(new Failure("configuration_rejected", "The field `hidden` of `orders` is a text.", { remedy }));
  expect(JSON.stringify([failure.message, failure.remedy])).not.toContain("hidden");
  expect(failure.kind).toBe("configuration_rejected");
});

test("parts of the request and the resource are named as ever", () => {
  const message = "Rows of `orders` are left out: set `query.allow_post_filter`.";
  expect(told(new Failure("invalid_request", message)).message).toBe(message);
});
