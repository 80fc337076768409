/** What listens to what the rooms tell. */
import type { ServiceAddress } from "../stream/cases.ts";

export const cases = {
  off: "the history alone, which is no observation but what callers ask for",
  on: "metrics and the log, as the service comes",
  traced: "besides, a span is recorded and sent of every call and each of its parts",
} as const;

export type CaseName = keyof typeof cases;

export interface Opening {
  readonly databaseUrl: string;
  readonly directory: string;
  /** Where spans are sent to. */
  readonly collectorUrl: string;
}

export type Addresses = Readonly<Record<CaseName, ServiceAddress>>;
