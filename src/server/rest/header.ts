/** Headers between REST and the Connect protocol. */

/** Of the body that the handler gets, not of the one that came. */
const ofTheBody = ["content-length", "content-encoding", "accept-encoding", "connect-accept-encoding"];

const millisecondsOf: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1 };

/** A request's headers as the handlers take them. They know a deadline as gRPC says it (`5S`), too. */
export function connectHeader(given: Headers, contentType: string): Headers {
  const header = new Headers(given);
  for (const name of ofTheBody) header.delete(name);
  header.set("content-type", contentType);
  const [, amount, unit] = /^(\d{1,8})([HMSm])$/.exec(header.get("grpc-timeout") ?? "") ?? [];
  if (unit !== undefined && !header.has("connect-timeout-ms")) {
    header.set("connect-timeout-ms", String(Number(amount) * (millisecondsOf[unit] ?? 1)));
  }
  return header;
}

/** What the handler says besides of its answer, for one that is written anew. */
export function answerHeader(given: Headers | undefined): Headers {
  const header = new Headers(given);
  for (const name of ["content-type", "content-length", "content-encoding", "accept-encoding"]) header.delete(name);
  for (const name of [...header.keys()].filter((key) => key.startsWith("connect-"))) header.delete(name);
  header.set("cache-control", "no-store");
  header.set("x-content-type-options", "nosniff");
  return header;
}
