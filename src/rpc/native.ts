/** Tells the audit log of every native statement: before it is sent, and how it ended. */
import type { HandlerContext } from "@connectrpc/connect";
import type { AuditEvent, End } from "../audit/event.ts";
import { Failure } from "../failure.ts";
import type { Query } from "../gen/connector/v1/query_pb.js";
import type { ConnectorRow } from "../registry/registry.ts";
import { actorOf } from "./actor.ts";
import type { Rooms } from "./rooms.ts";

/** How long a statement may take whose caller gives it no time, in milliseconds: no less than the service gives it. */
const defaultMs = 3_600_000;

/** Is told how the statement ended, once. Whoever asked for it does not wait for that. */
export type Ended = (end: End) => void;

/**
 * @returns undefined for what is no native statement
 * @throws Failure "service_unavailable" when the log can't be written: the statement must not be sent then
 */
export async function beginNative(
  { audit }: Rooms,
  context: HandlerContext,
  { organizationId, id: connectorId }: ConnectorRow,
  { source }: Query,
): Promise<Ended | undefined> {
  if (source.case !== "native") return undefined;
  const { text, parameters } = source.value;
  const event: AuditEvent = {
    ...{ event: "query.native", organizationId, actor: actorOf(context), connectorId },
    details: { method: context.method.name, statement_hash: audit.hashOf(text), parameters: parameters.length },
  };
  const intent = await audit.intent(event, context.timeoutMs() ?? defaultMs);
  // What can't be written for long is found by the sweeper, which calls it unknown.
  return (end) => void audit.outcome(intent, end).catch(() => {});
}

/** A statement with one answer. */
export async function toldOf<T>(ended: Ended | undefined, work: Promise<T>, rows: (result: T) => number): Promise<T> {
  if (ended === undefined) return work;
  try {
    const result = await work;
    ended({ outcome: "succeeded", rows: rows(result) });
    return result;
  } catch (error) {
    ended(endOf(error));
    throw error;
  }
}

/** One whose answer is a stream; `rows` gives those that came up to now. */
export async function* streamToldOf<T>(
  ended: Ended | undefined,
  stream: AsyncIterable<T>,
  rows: () => number,
): AsyncGenerator<T> {
  // Who reads no further has cancelled.
  let end: End = { outcome: "failed", reason: "cancelled" };
  try {
    yield* stream;
    end = { outcome: "succeeded" };
  } catch (error) {
    end = endOf(error);
    throw error;
  } finally {
    ended?.({ ...end, rows: rows() });
  }
}

function endOf(error: unknown): End {
  return { outcome: "failed", reason: error instanceof Failure ? error.kind : "internal" };
}
