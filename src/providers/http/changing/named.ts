/** Actions that are none of a row: `charges.refund`. */
import { text } from "node:stream/consumers";
import { type Failure, invalidRequest } from "../../../failure.ts";
import type { ActionRequest, ActionResult, NamedAction } from "../../contract/action.ts";
import type { Call } from "../../contract.ts";
import { didYouMean, nearest } from "../../query/nearest.ts";
import type { HttpAction, Json, Slot } from "../declaration.ts";
import type { HttpAnswer } from "../exchange.ts";
import { unknownOutcome } from "../failure.ts";
import { type Assignment, lineOf, requestOf } from "../request.ts";
import type { WrittenJson } from "../spelling.ts";
import { type ChangeParts, isUncertain, keyFor, passedOver } from "./change.ts";
import { checkInput } from "./input.ts";

/** @throws Failure `invalid_request` for `named.name`, with the nearest names */
export function actionNamed(name: string, actions: readonly HttpAction[]): HttpAction {
  const found = actions.find((action) => action.name === name);
  if (found !== undefined) return found;
  const near = nearest(
    name,
    actions.map((action) => action.name),
  );
  throw invalidRequest({ field: "named.name", description: `there is no action \`${name}\`.${didYouMean(near)}` });
}

/**
 * @throws Failure `invalid_request` for an input that the action does not take, `outcome_unknown`
 *   when it was sent and not answered
 */
export async function performed(
  action: HttpAction,
  request: ActionRequest<NamedAction>,
  parts: ChangeParts,
  call: Call,
): Promise<ActionResult> {
  const { input } = request.action;
  checkInput(input, action);
  const assignments = assignmentsOf(input as Readonly<Record<string, Json>>, action);
  const { method, path, query, body, idempotency } = action;
  if (request.dryRun) return { ...nothing, statement: lineOf({ method, path, query, body, assignments }) };
  const key = keyFor(idempotency, request.idempotencyKey, 0, 1);
  const marked =
    typeof idempotency === "object" && key !== undefined ? { [idempotency.header.toLowerCase()]: key } : {};
  const headers = { ...parts.headers, ...marked };
  const repeatable = idempotency !== "none";
  try {
    const sent = requestOf({ base: parts.base, method, path, query, body, assignments, headers, repeatable });
    const answer = await parts.client.send({ ...sent, maxBytes: request.maxBytes }, call);
    return { ...nothing, output: await outputOf(answer, action) };
  } catch (error) {
    throw isUncertain(error as Failure, action) ? unknownOutcome(error, parts.upstream) : error;
  }
}

const nothing: ActionResult = { affectedRows: 0, fields: [], batches: [], statement: "" };

function assignmentsOf(input: Readonly<Record<string, Json>>, { slots, body, path, query }: HttpAction): Assignment[] {
  const fixed = body?.template ?? query;
  const given = Object.entries(input).flatMap(([name, value]): Assignment[] => {
    const slot = Object.hasOwn(slots, name) ? (slots[name] as Slot) : undefined;
    if (slot !== undefined) return valuesFor(slot, name, value);
    if (Object.hasOwn(fixed, name)) {
      throw invalidRequest({ field: `named.input.${name}`, description: "is what the connector says it is" });
    }
    const isMember = body !== undefined;
    const elsewhere: Slot = isMember
      ? { in: "body", pointer: `/${name.replaceAll("~", "~0").replaceAll("/", "~1")}` }
      : { in: "query", name };
    return valuesFor(elsewhere, name, value);
  });
  const missing = Object.entries(slots).find(
    ([name, slot]) => slot.in === "path" && path.includes(`{${slot.name}}`) && !Object.hasOwn(input, name),
  );
  if (missing === undefined) return given;
  throw invalidRequest({ field: `named.input.${missing[0]}`, description: "is required" });
}

/** A list is a parameter for each element, and a member as it is. */
function valuesFor(slot: Slot, name: string, value: Json): Assignment[] {
  const path = `named.input.${name}`;
  if (slot.in === "body") return [{ slot, text: "", json: value as WrittenJson, path }];
  const values = Array.isArray(value) ? (value as readonly Json[]) : [value];
  return values.map((each) => ({ slot, text: textOf(each), json: null, path, several: true as const }));
}

const textOf = (value: Json) => (typeof value === "string" ? value : value === null ? "" : JSON.stringify(value));

/** What is no JSON says nothing but that it was done. */
async function outputOf(answer: HttpAnswer, { output }: HttpAction): Promise<Record<string, unknown>> {
  if (!/\bjson\b/i.test(answer.headers["content-type"] ?? "")) {
    await passedOver(answer);
    return {};
  }
  let value: unknown;
  try {
    value = JSON.parse(await text(answer.body));
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
  for (const step of output.split("/").slice(1)) {
    const name = step.replaceAll("~1", "/").replaceAll("~0", "~");
    value =
      typeof value === "object" && value !== null && Object.hasOwn(value, name)
        ? (value as Record<string, unknown>)[name]
        : undefined;
  }
  if (value === undefined || value === null) return {};
  return typeof value === "object" && !Array.isArray(value) ? (value as Record<string, unknown>) : { value };
}
