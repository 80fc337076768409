/** The log: JSON lines. */
import { type DestinationStream, type Logger, pino } from "pino";
import { Failure } from "../failure.ts";

export type Log = Logger;
export const logLevels = ["trace", "debug", "info", "warn", "error", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

/** @param to Default: standard output. */
export function createLog(level: LogLevel, to: DestinationStream = pino.destination(1)): Log {
  return pino({ level, base: null, serializers: { err: describeError } }, to);
}

/** Errors whose message can only speak of the program itself. */
const programErrors = new Set(["TypeError", "ReferenceError", "RangeError", "AssertionError"]);

/**
 * What may be known of an error. Of a driver's, a server's or a parser's only its
 * kind and its place: their messages may quote values.
 */
function describeError(error: unknown): object {
  if (!(error instanceof Error)) return { type: typeof error };
  const { name, stack = "", cause } = error;
  const code = "code" in error && typeof error.code === "string" ? error.code : undefined;
  const mayBeTold = error instanceof Failure || programErrors.has(name);
  return {
    type: name,
    ...(code === undefined ? {} : { code }),
    ...(error instanceof Failure ? { kind: error.kind } : {}),
    ...(mayBeTold ? { message: error.message } : {}),
    // Without the first lines, which repeat the message.
    stack: stack
      .split("\n")
      .filter((line) => /^\s+at /.test(line))
      .map((line) => line.trim()),
    ...(cause === undefined ? {} : { cause: describeError(cause) }),
  };
}
