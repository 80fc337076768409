/**
 * The one way to open a socket to anywhere outside.
 *
 * The name is resolved once, *all* its addresses are judged, and the connection goes
 * to an address that was judged: a name that resolves differently a moment later
 * gains nothing. (Smokescreen by Stripe does the same.)
 */
import { lookup } from "node:dns/promises";
import { connect, isIP, type LookupFunction, type OnReadOpts, type Socket, type TcpNetConnectOpts } from "node:net";
import { orAborted } from "../abort.ts";
import { Failure } from "../failure.ts";
import type { EgressPolicy } from "./policy.ts";

interface Address {
  readonly address: string;
  readonly family: number;
}

/** @param onread Memory that the socket reads into; see `net.connect`. */
export type Dial = (
  target: { host: string; port: number },
  signal?: AbortSignal,
  onread?: OnReadOpts,
) => Promise<Socket>;

/**
 * @returns A function that connects to `host:port`. It fails with `egress_denied`,
 *   with the signal's reason, or with Node's own error of the look-up or the
 *   connection.
 */
export function createDial(policy: EgressPolicy): Dial {
  return async ({ host, port }, signal, onread) => {
    signal?.throwIfAborted();
    const addresses = await orAborted(resolve(host), signal);
    // What has been aborted by now tells no listener of its abort.
    signal?.throwIfAborted();
    for (const { address } of addresses) {
      if (!policy.allows(address)) throw denied(host);
    }
    const socket = await open({ host, port, ...(onread === undefined ? {} : { onread }) }, addresses, signal);
    const remote = socket.remoteAddress;
    if (remote === undefined || !policy.allows(remote)) {
      socket.destroy();
      throw denied(host);
    }
    return socket;
  };
}

async function resolve(host: string): Promise<Address[]> {
  const family = isIP(host);
  return family === 0 ? lookup(host, { all: true }) : [{ address: host, family }];
}

function open(options: TcpNetConnectOpts, addresses: readonly Address[], signal?: AbortSignal): Promise<Socket> {
  const judged: LookupFunction = (_name, _options, done) => done(null, [...addresses]);
  return new Promise((settle, reject) => {
    const socket = connect({ ...options, lookup: judged, autoSelectFamily: true, noDelay: true });
    const abort = () => socket.destroy(signal?.reason);
    signal?.addEventListener("abort", abort, { once: true });
    const done = () => {
      signal?.removeEventListener("abort", abort);
      socket.off("connect", connected).off("error", failed);
    };
    const connected = () => {
      done();
      settle(socket);
    };
    const failed = (error: Error) => {
      done();
      reject(error);
    };
    socket.once("connect", connected).once("error", failed);
  });
}

function denied(host: string): Failure {
  return new Failure("egress_denied", `The address of "${host}" is not one that this service may connect to.`, {
    where: "egress",
    remedy:
      "Use a public address, or ask the operator to allow the network in EGRESS_ALLOW. Private and local networks are denied by default.",
  });
}
