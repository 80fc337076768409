/** Durations: between milliseconds and the wire, to the microsecond. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type Duration, DurationSchema } from "@bufbuild/protobuf/wkt";
import type { Timings } from "../../execution/execution.ts";
import type { TimingsSchema } from "../../gen/connector/v1/query_pb.js";

export function durationToWire(ms: number): Duration {
  const microseconds = Math.round(ms * 1_000);
  const seconds = Math.floor(microseconds / 1_000_000);
  return create(DurationSchema, { seconds: BigInt(seconds), nanos: (microseconds - seconds * 1_000_000) * 1_000 });
}

export function durationToMs({ seconds, nanos }: Duration): number {
  return Number(seconds) * 1_000 + nanos / 1e6;
}

export function timingsToWire(timings: Timings): MessageInitShape<typeof TimingsSchema> {
  return {
    total: durationToWire(timings.total),
    rateLimit: durationToWire(timings.rateLimit),
    bulkhead: durationToWire(timings.bulkhead),
    backoff: durationToWire(timings.backoff),
    pool: durationToWire(timings.pool),
    connect: durationToWire(timings.connect),
    source: durationToWire(timings.source),
    transfer: durationToWire(timings.transfer),
  };
}
