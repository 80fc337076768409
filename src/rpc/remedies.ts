import type { FailureKind } from "../failure.ts";

/** What a caller can do about a failure that does not say so itself: its message says what to put right. */
export const remedies: Partial<Record<FailureKind, string>> = {
  invalid_request: "Put right what the message names, and send the request again.",
  too_large: "Ask for less, or send less, at once: a request may hold 4 MiB.",
  deadline_exceeded: "Give the call more time, or ask for less.",
  cancelled: "Call again, if the answer is still wanted.",
  not_implemented: "The README lists the RPCs that the service has.",
  internal: "Try again; if it goes on, tell the operator the call's id, which the service's log has.",
};
