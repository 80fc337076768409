/** Gives every RPC its id and its place in a trace before anything else is done with it, and tells of its end. */
import { randomUUID } from "node:crypto";
import { Code, ConnectError, type HandlerContext } from "@connectrpc/connect";
import { codeToString } from "@connectrpc/connect/protocol-connect";
import { ConnectorService } from "../gen/connector/v1/service_pb.js";
import type { Observe } from "../observability/observation.ts";
import type { Tracing } from "../observability/tracing.ts";
import { reasonOf } from "../rpc/error-details.ts";
import { setCallId } from "../rpc/failure.ts";
import { setTrace } from "../rpc/trace.ts";

export interface RpcGateOptions {
  /** Default: no RPC belongs to a trace. */
  readonly trace?: Tracing["begin"] | undefined;
  /** Is told of the ends of the connector service's RPCs. Default: nobody is. */
  readonly observe?: Observe | undefined;
}

type Gate = (context: HandlerContext) => void | Promise<void>;

/** In both directions. */
const idHeader = "x-request-id";
/** What a caller may call its call: nothing that breaks a line of a log, and no more than the audit log keeps. */
const wellFormed = /^[\w.:=@+-]{1,64}$/;

/** @param gate Comes next, and must see to it that the context is aborted with the error that the caller gets */
export function rpcGate(gate: Gate, { trace, observe }: RpcGateOptions): Gate {
  return (context) => {
    const { requestHeader, responseHeader, values, service } = context;
    const given = requestHeader.get(idHeader);
    const id = given !== null && wellFormed.test(given) ? given : randomUUID();
    setCallId(values, id);
    responseHeader.set(idHeader, id);
    if (service.typeName !== ConnectorService.typeName) return gate(context);
    const span = trace?.(requestHeader.get("traceparent"), requestHeader.get("tracestate"));
    setTrace(context, span);
    if (observe !== undefined) tellEnd(context, span?.recorded ? { observe, span } : { observe });
    return gate(context);
  };
}

/** Every handler aborts its own context when the call is over: with the error that it is answered with, or with none. */
function tellEnd(
  context: HandlerContext,
  { observe, span }: { observe: Observe; span?: ReturnType<Tracing["begin"]> },
) {
  const { service, method, protocolName: protocol, signal } = context;
  const controller = context as HandlerContext & { abort(reason?: unknown): void };
  const abort = controller.abort;
  const startMs = performance.now();
  controller.abort = (answered) => {
    controller.abort = abort;
    // Who has left is answered with nothing.
    const error = answered instanceof ConnectError ? answered : signal.aborted ? signal.reason : undefined;
    const ms = performance.now() - startMs;
    const about = { service: service.typeName, method: method.name, protocol };
    observe({ kind: "rpc_ended", ...about, ...endOf(error), ms, span });
    abort(answered);
  };
}

function endOf(error: unknown): { readonly code: string; readonly reason: string | undefined } {
  if (error === undefined) return { code: "ok", reason: undefined };
  const { code, reason } =
    error instanceof ConnectError
      ? { code: error.code, reason: reasonOf(error) }
      : { code: Code.Canceled, reason: undefined };
  // gRPC's word.
  if (code === Code.Canceled) return { code: "cancelled", reason: reason ?? "cancelled" };
  return { code: codeToString(code), reason };
}
