/** A socket to a PostgreSQL server, encrypted as the connector asks for. */
import type { Socket } from "node:net";
import type { Dial } from "../../egress/dial.ts";
import { createTrust, encrypt } from "../../egress/tls.ts";
import { Failure } from "../../failure.ts";
import { dialPlain, type Endpoint, SourceSocket } from "../sql/socket.ts";
import { notPostgresql } from "./protocol.ts";

/** SSLRequest: its own length and the code 1234.5679. */
const sslRequest = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);
const accepted = "S".charCodeAt(0);
/** A plain no, or the error of a server that does not know the question. */
const declined = new Set(Buffer.from("NE"));

/**
 * @throws Failure of kind `tls_failed` when the server has no TLS, of kind
 *   `configuration_rejected` when it is no PostgreSQL, else the errors of `dial` and of
 *   Node's TLS.
 */
export async function openSocket(endpoint: Endpoint, dial: Dial, signal: AbortSignal): Promise<SourceSocket> {
  const { host, port, database, tls, ca } = endpoint;
  const target = { host, port, database };
  if (tls === "disable") return dialPlain(target, dial, signal);
  const socket = await dial(target, signal);
  const abort = () => socket.destroy(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    await askForTls(socket);
    const trust = endpoint.trust ?? createTrust();
    return new SourceSocket(await encrypt(socket, { host, trust, ca, anyName: tls === "verify_ca" }, signal));
  } catch (error) {
    socket.destroy();
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

async function askForTls(socket: Socket): Promise<void> {
  socket.write(sslRequest);
  const answer = await firstBytes(socket);
  const [word = 0] = answer;
  if (word !== accepted && !declined.has(word)) throw notPostgresql();
  if (word !== accepted) {
    throw new Failure("tls_failed", "The server does not offer TLS.", {
      where: "upstream",
      upstream: "postgresql",
      remedy:
        'Switch TLS on at the server (ssl = on). Only where the network itself is trusted, set "tls" to "disable" in the connector.',
    });
  }
  // Anything behind the answer was put there by somebody in between (CVE-2021-23222).
  if (answer.length > 1) {
    throw new Failure("tls_failed", "The server sent data before the TLS handshake.", {
      where: "upstream",
      upstream: "postgresql",
      remedy: "Check what stands between the service and the database.",
    });
  }
}

async function firstBytes(socket: Socket): Promise<Buffer> {
  await readable(socket);
  const bytes = socket.read() as Buffer | null;
  // The end of a socket is readable, too.
  if (bytes === null) throw closedByServer();
  return bytes;
}

function closedByServer(): Error {
  return Object.assign(new Error("the connection was closed by the server"), { code: "ECONNRESET" });
}

/** Resolves when there is something to read; a socket that ends before is lost. */
function readable(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = () => socket.off("readable", happened).off("error", failed).off("close", closed);
    const happened = () => {
      done();
      resolve();
    };
    const failed = (error: Error) => {
      done();
      reject(error);
    };
    const closed = () => failed(closedByServer());
    socket.once("readable", happened).once("error", failed).once("close", closed);
  });
}
