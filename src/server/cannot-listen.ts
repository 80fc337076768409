import { Failure } from "../failure.ts";

/**
 * An address that can't be had is the operator's to change.
 *
 * @param variable What sets the port.
 */
export function cannotListen(host: string, port: number, variable: string, cause: unknown): unknown {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : undefined;
  if (code === undefined) return cause;
  const place = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  const taken = code === "EADDRINUSE";
  return new Failure(
    "configuration_rejected",
    taken ? `Another program listens on ${place} already.` : `The service can't listen on ${place} (${code}).`,
    {
      where: "service",
      remedy: taken
        ? `Stop it, or choose another port with ${variable}.`
        : `Choose another address with HOST and ${variable}.`,
      cause,
    },
  );
}
