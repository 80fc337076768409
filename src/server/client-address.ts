/**
 * Who calls, behind proxies that say so in `x-forwarded-for`: each adds the address that it was called from at the end.
 * What stands before the first address that no trusted proxy has is whatever the caller wrote there.
 *
 * @see https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/X-Forwarded-For
 */
import type { IncomingHttpHeaders } from "node:http";
import { BlockList, isIP } from "node:net";

/** The caller's address, of a request that came from the peer with these headers. */
export type ClientAddressOf = (peer: string | undefined, headers: IncomingHttpHeaders) => string | undefined;

/**
 * @param proxies Ranges of the addresses of proxies that are believed: `10.20.0.0/16`
 * @throws Error when one of them is no range
 */
export function clientAddressBehind(proxies: readonly string[]): ClientAddressOf {
  const trusted = listOf(proxies);
  const isTrusted = (address: string) => trusted.check(address, kindOf(address));
  return (peer, { "x-forwarded-for": said }) => {
    if (peer === undefined || proxies.length === 0 || said === undefined || !isTrusted(peer)) return peer;
    let nearest = peer;
    for (const entry of [said].flat().join(",").split(",").reverse()) {
      const address = addressIn(entry.trim());
      // Who is trusted has said something else here: what is known is who that was.
      if (address === undefined) return nearest;
      nearest = address;
      if (!isTrusted(address)) return address;
    }
    return nearest;
  };
}

function listOf(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [network = "", bits] = range.split("/");
    list.addSubnet(network, Number(bits), kindOf(network));
  }
  return list;
}

const kindOf = (address: string) => (isIP(address) === 6 ? "ipv6" : "ipv4");

/** Some write the port behind it: `192.0.2.7:40001`, `[2001:db8::7]:40001`. */
function addressIn(entry: string): string | undefined {
  const [, inBrackets, beforePort] = /^\[([^\]]*)\](?::\d+)?$|^([\d.]+):\d+$/.exec(entry) ?? [];
  const address = inBrackets ?? beforePort ?? entry;
  return isIP(address) === 0 ? undefined : address;
}
