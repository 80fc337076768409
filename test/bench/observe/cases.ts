/** What listens to what the rooms tell. */
import type { ServiceAddress } from "../stream/cases.ts";

/** Cases that are compared are of one service: two that run the same code differ by as much as observation costs. */
export const cases = {
  off: { service: "plain", what: "the history alone, which is no observation but what callers ask for" },
  on: { service: "plain", what: "metrics and the log, as the service comes" },
  unsampled: {
    service: "tracing",
    what: "the same in a service that sends traces, of a call that its caller left out",
  },
  traced: { service: "tracing", what: "a span is recorded and sent of the call and each of its parts" },
} as const;

export type CaseName = keyof typeof cases;
export type ServiceName = (typeof cases)[CaseName]["service"];

export interface Opening {
  readonly databaseUrl: string;
  readonly directory: string;
  /** Where spans are sent to. */
  readonly collectorUrl: string;
}

export type Addresses = Readonly<Record<ServiceName, ServiceAddress>>;
