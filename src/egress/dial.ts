/**
 * The one way to open a socket to anywhere outside.
 *
 * The name is resolved once, *all* its addresses are judged, and the connection goes
 * to an address that was judged: a name that resolves differently a moment later
 * gains nothing. (Smokescreen by Stripe does the same.)
 */
import { connect, isIP, type LookupFunction, type OnReadOpts, type Socket, type TcpNetConnectOpts } from "node:net";
import { orAborted } from "../abort.ts";
import { Failure } from "../failure.ts";
import { isHost, isMetadataName } from "./name.ts";
import type { OwnPlaces } from "./own.ts";
import type { EgressPolicy } from "./policy.ts";
import { type Resolve, type ResolvedAddress, resolveHere } from "./resolve.ts";
import type { Target } from "./rules.ts";

/** @param onread Memory that the socket reads into; see `net.connect`. */
export type Dial = (target: Target, signal?: AbortSignal, onread?: OnReadOpts) => Promise<Socket>;

export interface DialOptions {
  /** Where nobody is led. Default: nowhere. */
  readonly own?: OwnPlaces | undefined;
  /** Default: as the machine itself does. */
  readonly resolve?: Resolve;
}

/**
 * @returns A function that connects to `host:port`. It fails with `egress_denied`,
 *   with the signal's reason, or with Node's own error of the look-up or the
 *   connection.
 */
export function createDial(policy: EgressPolicy, { own, resolve = resolveHere }: DialOptions = {}): Dial {
  return async (target, signal, onread) => {
    const { host, port } = target;
    signal?.throwIfAborted();
    // What is no name may still be an address to the resolver, in a spelling that nobody judged.
    if (!isHost(host) || isMetadataName(host)) throw denied(target);
    const family = isIP(host);
    const addresses = family === 0 ? await orAborted(resolve(host), signal) : [{ address: host, family }];
    for (const { address } of addresses) {
      if (!policy.allows(address, target)) throw denied(target);
      const ownPlace = own === undefined ? false : await orAborted(isOwn(own, policy, address, target), signal);
      if (ownPlace) throw deniedOwn(host, port);
    }
    // What has been aborted by now tells no listener of its abort.
    signal?.throwIfAborted();
    const socket = await open({ host, port, ...(onread === undefined ? {} : { onread }) }, addresses, signal);
    const remote = socket.remoteAddress;
    if (remote === undefined || !policy.allows(remote, target)) {
      socket.destroy();
      throw denied(target);
    }
    return socket;
  };
}

/**
 * The server of the service's own database may have customers' databases, too, when the
 * operator names that very server: then only the service's own is closed.
 */
async function isOwn(own: OwnPlaces, policy: EgressPolicy, address: string, target: Target): Promise<boolean> {
  const place = await own.at(address, target.port);
  if (place === undefined) return false;
  const isOther = ![place.database, target.database].includes(undefined) && place.database !== target.database;
  return !(isOther && policy.names(address, target));
}

function open(
  options: TcpNetConnectOpts,
  addresses: readonly ResolvedAddress[],
  signal?: AbortSignal,
): Promise<Socket> {
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

function denied({ host, isClearText = false }: Target): Failure {
  const how = isClearText ? " without encryption" : "";
  const instead = isClearText ? "encryption (https)" : "a public address";
  return new Failure("egress_denied", `The address of "${host}" is not one that this service may connect to${how}.`, {
    where: "egress",
    remedy: `Use ${instead}, or ask the operator to allow this one in EGRESS_ALLOW. Private and local networks are denied by default.`,
  });
}

function deniedOwn(host: string, port: number): Failure {
  return new Failure("egress_denied", `"${host}" leads to this service itself at port ${port}.`, {
    where: "egress",
    remedy:
      "Use another server. Only when its database server holds customers' databases too may the operator name it, with its port, in EGRESS_ALLOW.",
  });
}
