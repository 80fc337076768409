/** The faults that scenarios are made of. */
import type { Fault } from "../support/fault-proxy.ts";

/** What happens to the server itself. */
export type ServerFault =
  /** SIGSTOP, and SIGCONT when it is lifted. */
  | { readonly kind: "freeze" }
  /** SIGKILL, and a new start when it is lifted. */
  | { readonly kind: "kill" };

export type Moment =
  /** No connection is open, and the call needs one. */
  | "connect"
  /** The connections that are open are unused. */
  | "idle"
  /** A statement runs and has given no row. */
  | "mid_query"
  /** Some rows of a stream have come. */
  | "mid_result"
  /** A transaction is being committed. */
  | "commit";

export interface NamedFault {
  readonly name: string;
  readonly fault: Fault | ServerFault;
  /** When a call must succeed all the same. */
  readonly passes?: readonly Moment[];
  /** When no call can succeed while the fault lasts. Whatever is in neither list may end in both ways. */
  readonly stops?: readonly Moment[];
}

const always: readonly Moment[] = ["connect", "idle", "mid_query", "mid_result", "commit"];

/** Each has its place in `npm test`. */
export const networkFaults: readonly NamedFault[] = [
  { name: "latency", fault: { kind: "latency", latencyMs: 10, jitterMs: 5 }, passes: always },
  { name: "latency beyond the deadline", fault: { kind: "latency", latencyMs: 3_000 }, stops: always },
  { name: "down", fault: { kind: "down" }, stops: always },
  { name: "bandwidth", fault: { kind: "bandwidth", bytesPerSecond: 500_000 }, passes: always },
  { name: "slow close", fault: { kind: "slow_close", delayMs: 500 }, passes: always },
  { name: "reset", fault: { kind: "reset_peer" }, stops: always },
  { name: "timeout", fault: { kind: "timeout" }, stops: always },
  {
    name: "slicing",
    fault: { kind: "slicer", averageBytes: 64, variationBytes: 60, delayMs: 0 },
    passes: always,
  },
  { name: "corruption", fault: { kind: "corruption", rate: 0.005, direction: "downstream" } },
  { name: "limit", fault: { kind: "limit_data", bytes: 500, direction: "downstream" } },
  { name: "blackhole", fault: { kind: "blackhole" }, stops: ["connect"] },
  { name: "forgotten connections", fault: { kind: "forgotten" }, stops: ["mid_query", "mid_result"] },
  { name: "half open to the server", fault: { kind: "half_open", direction: "upstream" }, stops: ["connect", "idle"] },
  { name: "half open from the server", fault: { kind: "half_open", direction: "downstream" }, stops: always },
];

/** The same with other attributes, for `npm run torture`. */
export const moreNetworkFaults: readonly NamedFault[] = [
  { name: "latency with much jitter", fault: { kind: "latency", latencyMs: 100, jitterMs: 100 } },
  { name: "latency to the server", fault: { kind: "latency", latencyMs: 20, direction: "upstream" }, passes: always },
  {
    name: "latency from the server",
    fault: { kind: "latency", latencyMs: 5_000, direction: "downstream" },
    stops: always,
  },
  { name: "bandwidth of a modem", fault: { kind: "bandwidth", bytesPerSecond: 5_000 } },
  { name: "bandwidth of a telegraph", fault: { kind: "bandwidth", bytesPerSecond: 50 }, stops: ["connect", "idle"] },
  { name: "reset after a while", fault: { kind: "reset_peer", afterMs: 15 }, stops: ["mid_query", "mid_result"] },
  { name: "reset late", fault: { kind: "reset_peer", afterMs: 200 }, stops: ["mid_query", "mid_result"] },
  { name: "slicing byte by byte", fault: { kind: "slicer", averageBytes: 1, delayMs: 1 } },
  { name: "heavy corruption", fault: { kind: "corruption", rate: 0.1, direction: "downstream" } },
  { name: "rare corruption", fault: { kind: "corruption", rate: 0.0005, direction: "downstream" } },
  { name: "limit at once", fault: { kind: "limit_data", bytes: 1, direction: "downstream" }, stops: always },
  { name: "limit in the login", fault: { kind: "limit_data", bytes: 100, direction: "downstream" } },
  { name: "limit in the rows", fault: { kind: "limit_data", bytes: 5_000, direction: "downstream" } },
  { name: "limit of what is sent", fault: { kind: "limit_data", bytes: 200, direction: "upstream" } },
  {
    name: "very slow close",
    fault: { kind: "slow_close", delayMs: 2_500 },
    passes: ["connect", "mid_query", "mid_result"],
  },
];

export const serverFaults: readonly NamedFault[] = [
  { name: "frozen server", fault: { kind: "freeze" }, stops: always },
  { name: "killed server", fault: { kind: "kill" }, stops: always },
];
