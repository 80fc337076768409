/**
 * Where the service itself listens and what it lives on: no connector leads there, even
 * where a range that holds it is open.
 */
import { networkInterfaces } from "node:os";
import { type Address, contains, parseAddress, range } from "./address.ts";
import type { Resolve } from "./resolve.ts";

export interface OwnPlace {
  /** A name, an address, or one of the unspecified addresses that mean all of this machine's. */
  readonly host: string;
  readonly port: number;
  /** The database that is the service's own, at a server that may have others. */
  readonly database?: string | undefined;
}

export interface OwnPlaces {
  add(place: OwnPlace): void;
  /** The place that an address and a port lead to. Never fails. */
  at(address: string, port: number): Promise<OwnPlace | undefined>;
}

const defaultPorts: Readonly<Record<string, number>> = {
  ...{ "postgres:": 5432, "postgresql:": 5432, "redis:": 6379, "rediss:": 6379, "http:": 80, "https:": 443 },
};

/** The place of a server that the operator has given by its URL. */
export function placeOf(url: string): OwnPlace {
  const { protocol, hostname, port, pathname, searchParams } = new URL(url);
  const host = searchParams.get("host") ?? hostname.replace(/^\[|\]$/g, "");
  const isLocal = host === "" || host.startsWith("/");
  return {
    // Who listens at a socket of this machine mostly listens at its addresses, too.
    host: isLocal ? "localhost" : decodeURIComponent(host),
    port: Number(searchParams.get("port") ?? port) || (defaultPorts[protocol] ?? 0),
    ...(protocol.startsWith("postgres") ? { database: decodeURIComponent(pathname.slice(1)) } : {}),
  };
}

/** Milliseconds for which a place's addresses are taken as they were found. */
const maxAgeMs = 30_000;

const loopback = ["127.0.0.0/8", "::1/128"].map(range);
const unspecified = ["0.0.0.0", "::", ""];

interface Known {
  readonly place: OwnPlace;
  addresses: readonly string[];
  readUntil: number;
}

export function createOwnPlaces(resolve: Resolve): OwnPlaces {
  const places: Known[] = [];

  /** What can't be resolved now is where it was. */
  async function refresh(known: Known): Promise<void> {
    if (performance.now() < known.readUntil) return;
    known.readUntil = performance.now() + maxAgeMs;
    const found = await resolve(known.place.host).catch(() => undefined);
    if (found !== undefined) known.addresses = found.map(({ address }) => address);
  }

  return {
    add(place) {
      const address = unspecified.includes(place.host) ? "127.0.0.1" : place.host;
      if (parseAddress(address) !== undefined) {
        places.push({ place, addresses: [address], readUntil: Number.POSITIVE_INFINITY });
      } else places.push({ place, addresses: [], readUntil: Number.NEGATIVE_INFINITY });
    },
    async at(address, port) {
      const parsed = parseAddress(address);
      if (parsed === undefined) return undefined;
      // Most ports are nobody's here: only for those that are is anything looked up.
      for (const known of places.filter(({ place }) => place.port === port)) {
        await refresh(known);
        if (leadsTo(known.addresses, parsed)) return known.place;
      }
      return undefined;
    },
  };
}

/** All addresses of this machine lead to the same place: a server on one mostly listens on the others. */
function leadsTo(addresses: readonly string[], address: Address): boolean {
  const parsed = addresses.map(parseAddress).filter((each) => each !== undefined);
  const text = address.toString();
  if (parsed.some((each) => each.toString() === text)) return true;
  return isOfThisMachine(address) && parsed.some(isOfThisMachine);
}

function isOfThisMachine(address: Address): boolean {
  if (loopback.some((each) => contains(each, address))) return true;
  const text = address.toString();
  return Object.values(networkInterfaces())
    .flatMap((each) => each ?? [])
    .some((each) => parseAddress(each.address.replace(/%.*/, ""))?.toString() === text);
}
