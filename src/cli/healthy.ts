/**
 * Whether the replica on this machine says that it can do its work: for the image's HEALTHCHECK, and for probes that run
 * a command. It takes nothing of the service in, since it is started every few seconds.
 */
import http from "node:http";
import https from "node:https";
import { json } from "node:stream/consumers";

const usage = `Usage: node dist/cli/healthy.js [liveness]

Asks the replica on this machine by grpc.health.v1, and ends with 0 when it is ready; with "liveness",
when it answers at all. It reads PORT, and TLS_CERT as a sign that the replica speaks TLS; one with
TLS_CLIENT_AUTH=required does not answer it.
`;

/** Milliseconds until who has not answered is not healthy: less than what a probe is given. */
const answerMs = 2_500;

/** @throws Error when nobody answers, or not as grpc.health.v1 does */
async function statusOf(service: string, { PORT, TLS_CERT }: NodeJS.ProcessEnv): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>();
  const options = {
    ...{ host: "127.0.0.1", port: PORT || "8080", path: "/grpc.health.v1.Health/Check", method: "POST" },
    headers: { "content-type": "application/json" },
    signal: AbortSignal.timeout(answerMs),
    // The certificate is for the name that callers use. On this machine's own address nobody else listens, and nothing
    // that is secret is sent.
    rejectUnauthorized: false,
  };
  const request = TLS_CERT ? https.request(options, resolve) : http.request(options, resolve);
  request.on("error", reject).end(JSON.stringify({ service }));
  const { status } = (await json(await promise)) as { readonly status?: unknown };
  return status;
}

if (import.meta.main) {
  const [service = "", ...rest] = process.argv.slice(2);
  if (rest.length > 0 || !["", "liveness"].includes(service)) {
    process.stderr.write(usage);
    process.exitCode = 2;
  } else {
    const status = await statusOf(service, process.env).catch((error: Error) => error.message);
    process.stdout.write(`${status}\n`);
    process.exitCode = status === "SERVING" ? 0 : 1;
  }
}
