/** Translates actions between wire and domain; holds no rules. */
import { create, type JsonObject } from "@bufbuild/protobuf";
import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import type { Audit } from "../audit/audit.ts";
import type { AuditEvent } from "../audit/event.ts";
import { type ActionAsked, type Intent, targetOf } from "../execution/acting.ts";
import { Failure, type FailureOptions } from "../failure.ts";
import { type ExecuteRequest, ExecuteResponseSchema } from "../gen/connector/v1/action_pb.js";
import type { ConnectorService } from "../gen/connector/v1/service_pb.js";
import type { ActionResult, AnyAction } from "../providers/contract/action.ts";
import type { Grant } from "../registry/grant/grant.ts";
import type { ConnectorRow } from "../registry/registry.ts";
import { ValueEncoder } from "../rows/values.ts";
import { actorOf } from "./actor.ts";
import { boundsOf } from "./bounds.ts";
import { connectorFor } from "./caller.ts";
import type { Rooms } from "./rooms.ts";
import { canonical } from "./wire/canonical.ts";
import { addEncoded, decoded, speaksJson } from "./wire/encoded.ts";
import { fieldToWire } from "./wire/fields.ts";
import { timingsToWire } from "./wire/timings.ts";

/** Cells that are given back; typed values take somewhat more, and clients refuse messages of more than 4 MiB. */
const maxReturnedBytes = 2_000_000;

export function executeHandlers(rooms: Rooms): Pick<ServiceImpl<typeof ConnectorService>, "execute"> {
  const { execution, audit } = rooms;
  return {
    async execute(request, context) {
      const connector = await connectorFor(rooms, context, request.connectorId);
      const bounds = await boundsOf(rooms, context, connector);
      const action = bounds.action(request);
      const asked = askedOf({ request, action, grant: bounds.grant }, audit, context, connector);
      const executing = bounds.run(
        (caller) => inAction(action.kind, execution.execute(connector, asked, caller)),
        action,
      );
      const { result, replayed, timings } = await executing;
      const response = create(ExecuteResponseSchema, {
        affectedRows: BigInt(result.affectedRows),
        fields: result.fields.map(fieldToWire),
        statement: result.statement,
        items: itemsOf(result),
        replayed,
        timings: timingsToWire(timings),
        ...(result.output && { output: result.output as JsonObject }),
      });
      const rows = encodedRows(result);
      // Without its first tag, which protobuf-es writes itself.
      if (rows.length > 0) addEncoded(response, ExecuteResponseSchema.field.rows.number, rows.subarray(1));
      return speaksJson(context) ? decoded(ExecuteResponseSchema, response) : response;
    },
  };
}

function itemsOf({ items = [] }: ActionResult) {
  return items.map((item, index) =>
    item.ok ? { index, ok: true } : { index, ok: false, reason: item.reason.toUpperCase(), message: item.message },
  );
}

function encodedRows({ fields, batches }: ActionResult): Uint8Array {
  const encoder = new ValueEncoder(fields, ExecuteResponseSchema.field.rows.number);
  // Each copied, since the encoder's bytes are good until its next batch only.
  return Buffer.concat(batches.map((batch) => Buffer.from(encoder.encode(batch))));
}

interface Acting {
  readonly request: ExecuteRequest;
  /** As far as it is allowed. */
  readonly action: AnyAction;
  readonly grant: Grant | undefined;
}

function askedOf(
  { request, action, grant }: Acting,
  audit: Audit,
  context: HandlerContext,
  connector: ConnectorRow,
): ActionAsked {
  const { idempotencyKey, dryRun, maxAffectedRows, returning } = request;
  // The key is not part of what it stands for; what the grant has made of the request is.
  const within = grant === undefined ? [] : [grant.agent, grant.resources];
  const requestHash = audit.hashOf(
    canonical("Execute", connector.organizationId, connector.id, { ...request, idempotencyKey: "" }, ...within),
  );
  const event: AuditEvent = {
    ...{ event: `action.${action.kind}`, organizationId: connector.organizationId, actor: actorOf(context) },
    ...{ connectorId: connector.id, resource: targetOf(action), details: { request_hash: requestHash } },
  };
  return {
    request: {
      ...{ action, dryRun, returning, maxBytes: maxReturnedBytes },
      idempotencyKey: idempotencyKey === "" ? undefined : idempotencyKey,
      maxAffectedRows: maxAffectedRows === 0n ? undefined : Number(maxAffectedRows),
    },
    idempotency:
      idempotencyKey === "" ? undefined : { key: idempotencyKey, requestHash: Buffer.from(requestHash, "hex") },
    async intend(timeoutMs, em): Promise<Intent> {
      const intent = await (em === undefined ? audit.intent(event, timeoutMs) : audit.intentIn(em, event, timeoutMs));
      return {
        ended: (end) => audit.outcome(intent, end),
        endedIn(end) {
          const outcome = audit.outcomeOf(intent, end);
          return (within) => audit.outcomeIn(within, outcome);
        },
      };
    },
  };
}

/** What is wrong with a part of it that queries have, too, is wrong in the action. */
async function inAction<T>(kind: AnyAction["kind"], work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof Failure) || error.fields.length === 0) throw error;
    const fields = error.fields.map(({ field, description }) => {
      return { field: field.replace(/^query\./, `${kind}.`), description };
    });
    throw new Failure(error.kind, error.message, { ...error, cause: error.cause, fields } as FailureOptions);
  }
}
