/** What a call is a part of, told by whoever takes it in. */
import { createContextKey, type HandlerContext } from "@connectrpc/connect";
import type { Caller } from "../execution/call.ts";

type Trace = Caller["trace"];

const traceKey = createContextKey<Trace>(undefined, { description: "span of the RPC" });

export function traceOf({ values }: Pick<HandlerContext, "values">): Trace {
  return values.get(traceKey);
}

export function setTrace({ values }: Pick<HandlerContext, "values">, trace: Trace): void {
  values.set(traceKey, trace);
}
