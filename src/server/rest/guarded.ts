/** What is thrown while REST or its reference answers. */
import { createContextValues } from "@connectrpc/connect";
import { callIdOf, type FaultOptions, isOwnFault, toConnectError } from "../../rpc/failure.ts";
import { traceOf } from "../../rpc/trace.ts";
import type { Answering } from "../router.ts";
import { problemAnswer, problemOf } from "./problem.ts";

/**
 * Answers what is thrown before the answer begins with a problem, and tells `onInternal` of what
 * nobody has foreseen. A call's own failures are in its handler's answer, and are none of these.
 *
 * @param asked `GET /docs`
 */
export function guarded(answering: Answering, asked: string, { onInternal }: FaultOptions): Answering {
  return {
    ...answering,
    async answer(request) {
      try {
        return await answering.answer(request);
      } catch (cause) {
        const contextValues = request.contextValues ?? createContextValues();
        const callId = callIdOf(contextValues);
        const error = toConnectError(cause, () => callId);
        const traceId = traceOf({ values: contextValues })?.traceId;
        if (isOwnFault(cause, error)) onInternal?.(cause, { requestId: callId, traceId, method: asked });
        return problemAnswer(problemOf(error, { callId }));
      }
    },
  };
}
