/** From a host's name to a connection that is logged in. */
import type { Dial } from "../../egress/dial.ts";
import { createTrust, encrypt } from "../../egress/tls.ts";
import { Failure } from "../../failure.ts";
import { dialPlain, type Endpoint, SourceSocket } from "../sql/socket.ts";
import { Authentication, firstMethod } from "./authentication.ts";
import { type Greeting, greeting, opening, response, tellsMetadata } from "./greeting.ts";
import { capabilities } from "./protocol.ts";
import { SourceWire } from "./wire.ts";

export interface Login extends Endpoint {
  readonly database: string;
  readonly user: string;
  /** The server's own key in PEM, for a password that must be sent without TLS. */
  readonly serverPublicKey?: string | undefined;
}

/** A server that has said its first words, encrypted as the connector asks for. */
export interface Greeted {
  readonly wire: SourceWire;
  readonly greeting: Greeting;
}

/**
 * Connects, and encrypts the connection if it should be.
 *
 * @throws Failure `tls_failed` when the server has no TLS, `configuration_rejected` when
 *   it is no MySQL; ServerError when it lets nobody in; else the errors of `dial` and of
 *   Node's TLS
 */
export async function openWire(endpoint: Endpoint, dial: Dial, signal: AbortSignal): Promise<Greeted> {
  const { host, port, database, tls } = endpoint;
  const target = { host, port, database };
  const source =
    tls === "disable" ? await dialPlain(target, dial, signal) : new SourceSocket(await dial(target, signal));
  return unlessAborted(new SourceWire(source), signal, async (wire) => {
    const greeted = await wire.exchange(undefined, greeting);
    if (tls !== "disable") await secure(wire, greeted, endpoint, signal);
    return { wire, greeting: greeted };
  });
}

async function secure(wire: SourceWire, greeted: Greeting, endpoint: Endpoint, signal: AbortSignal): Promise<void> {
  if ((greeted.capabilities & capabilities.tls) === 0) throw noTls();
  wire.send(opening(greeted, true));
  const { host, tls, ca, trust = createTrust() } = endpoint;
  await wire.encrypt((plain) => encrypt(plain, { host, trust, ca, anyName: tls === "verify_ca" }, signal));
}

/** What is known of a connection that is logged in. */
export interface LoggedIn {
  readonly wire: SourceWire;
  readonly isMariaDb: boolean;
  /** Columns are described with MariaDB's own types. */
  readonly extendedMetadata: boolean;
}

/**
 * Logs in on a connection that is open.
 *
 * @throws Failure `credential_rejected` when the server wants the password in a way that
 *   is refused; ServerError when it does not let the user in
 */
export function logIn(
  { wire, greeting: greeted }: Greeted,
  login: Login,
  password: string,
  signal: AbortSignal,
): Promise<LoggedIn> {
  const { user, database, serverPublicKey } = login;
  return unlessAborted(wire, signal, async () => {
    const encrypted = wire.tls !== "";
    const authentication = new Authentication(wire, { password, encrypted, serverPublicKey });
    const method = firstMethod(greeted.method, encrypted);
    const proof = authentication.begin(method, greeted.scramble);
    await wire.exchange(response(greeted, encrypted, { user, database, method, proof }), authentication);
    wire.ready();
    return { wire, isMariaDb: greeted.isMariaDb, extendedMetadata: tellsMetadata(greeted) };
  });
}

/** Does the work; a connection that it fails on, or that nobody waits for any more, is closed. */
async function unlessAborted<T>(
  wire: SourceWire,
  signal: AbortSignal,
  work: (wire: SourceWire) => Promise<T>,
): Promise<T> {
  const abort = () => wire.destroy(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    signal.throwIfAborted();
    return await work(wire);
  } catch (error) {
    wire.destroy(error as Error);
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

function noTls(): Failure {
  return new Failure("tls_failed", "The server does not offer TLS.", {
    where: "upstream",
    upstream: "mysql",
    remedy:
      'Switch TLS on at the server (ssl_cert, ssl_key). Only where the network itself is trusted, set "tls" to "disable" in the connector.',
  });
}
