import { expect, test } from "vitest";
import {
  describe as describedBy,
  found,
  inPath,
  integer,
  listOf,
  object,
  operation,
  parameter,
  text,
  thing,
} from "./document.ts";

type Parts = Record<string, unknown>;

const id = inPath("thing_id");
const bodyOf = (schema: unknown, type = "application/json") => ({
  requestBody: { required: true, content: { [type]: { schema } } },
});
const nameOnly = object({ name: text }, { required: ["name"] });

/** `/things` with these operations, and `/things/{thing_id}` with those. */
const things = (collection: Parts, item: Parts = {}) =>
  describedBy({ "/things": { get: operation(listOf(thing)), ...collection }, "/things/{thing_id}": item });

test("POST creates a row, PATCH updates it, DELETE deletes it, by the key that names it in the path", () => {
  const description = things(
    { post: operation(thing, bodyOf(nameOnly)) },
    { patch: operation(thing, { ...bodyOf(object({ name: text })), parameters: [id] }), delete: { parameters: [id] } },
  );
  const { changes } = found(description, "things");
  expect(changes.create).toMatchObject({ method: "POST", path: "/things", identifiedBy: [], idempotency: "none" });
  expect(changes.create?.body).toEqual({ encoding: "json", template: {}, row: "", fields: ["name"] });
  expect(changes.create?.returns).toEqual({ kind: "json", rows: "", absent: "none" });
  expect(changes.update).toMatchObject({ method: "PATCH", path: "/things/{id}", identifiedBy: ["id"] });
  expect(changes.delete).toMatchObject({
    method: "DELETE",
    identifiedBy: ["id"],
    body: undefined,
    idempotency: "natural",
  });
  expect(description.actions).toEqual([]);
});

test("a row in an object of the body is written there", () => {
  const { changes } = found(
    things({ post: operation(object({ thing }), bodyOf(object({ thing: nameOnly }))) }),
    "things",
  );
  expect(changes.create?.body).toMatchObject({ row: "/thing", fields: ["name"] });
  expect(changes.create?.returns).toEqual({ kind: "json", rows: "/thing", absent: "none" });
});

test("a form is written as one", () => {
  const { changes } = found(things({ post: bodyOf(nameOnly, "application/x-www-form-urlencoded") }), "things");
  expect(changes.create?.body?.encoding).toBe("form_brackets");
});

test("the header that carries a caller's key is the operation's own", () => {
  const header = { name: "Idempotency-Key", in: "header", required: true, schema: text };
  const { changes } = found(things({ post: { ...bodyOf(nameOnly), parameters: [header] } }), "things");
  expect(changes.create?.idempotency).toEqual({ header: "Idempotency-Key" });
});

test("a change that needs more than a row's fields is an action, and one that takes more is both", () => {
  const needs = bodyOf(object({ name: text, password: text }, { required: ["password"] }));
  const needy = things({ post: { ...needs, operationId: "addThing" } });
  expect(found(needy, "things").changes).toEqual({});
  expect(needy.actions.map(({ name }) => name)).toEqual(["addThing"]);
  const takes = things({ post: { ...bodyOf(object({ name: text, notify: text })), operationId: "addThing" } });
  expect(found(takes, "things").changes.create?.body?.fields).toEqual(["name"]);
  expect(takes.actions.map(({ name }) => name)).toEqual(["addThing"]);
});

test("what a thing belongs to is part of its changes", () => {
  const team = inPath("team");
  const description = describedBy({
    "/teams/{team}/things": { get: operation(listOf(thing), { parameters: [team] }) },
    "/teams/{team}/things/{thing_id}": { parameters: [team, id], delete: {} },
  });
  const { changes } = found(description, "teams.things");
  expect(changes.delete).toMatchObject({ path: "/teams/{team}/things/{id}", identifiedBy: ["team", "id"] });
});

test("any other operation is an action, with what it asks for as one JSON Schema", () => {
  const components = { schemas: { Reason: { type: "string", enum: ["broken", "late"], description: "Why." } } };
  const body = bodyOf(
    object({ reason: { $ref: "#/components/schemas/Reason" }, amount: integer }, { required: ["reason"] }),
  );
  const refund = {
    ...body,
    operationId: "refund",
    summary: "Gives it back.",
    parameters: [inPath("charge"), parameter("notify", { type: "boolean" })],
  };
  const { actions } = describedBy({ "/charges/{charge}/refund": { post: refund } }, { components });
  expect(actions).toMatchObject([
    {
      ...{ name: "refund", description: "Gives it back.", method: "POST", path: "/charges/{charge}/refund" },
      input: {
        type: "object",
        properties: {
          reason: { type: "string", enum: ["broken", "late"], description: "Why." },
          ...{ amount: { type: "integer" }, charge: { type: "string" }, notify: { type: "boolean" } },
        },
        required: ["reason", "charge"],
      },
      slots: { charge: { in: "path", name: "charge" }, notify: { in: "query", name: "notify" } },
      body: { encoding: "json", template: {} },
    },
  ]);
});

test("an action without a name is called by its path", () => {
  const { actions } = describedBy({ "/charges/{charge}/refund": { post: { parameters: [inPath("charge")] } } });
  expect(actions.map(({ name }) => name)).toEqual(["charges.refund.post"]);
});

test("what a body wants and does not describe is written when it is a field", () => {
  const wants = bodyOf(object({ name: text }, { required: ["name", "id"] }));
  expect(found(things({ post: wants }), "things").changes.create?.body?.fields).toEqual(["name", "id"]);
});
