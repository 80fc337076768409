/**
 * Which addresses the service may connect to.
 *
 * Only global unicast, unless the operator allows a range: loopback, private and
 * link-local networks, cloud metadata and everything with a special meaning are
 * denied by default, in every spelling.
 */
import ipaddr from "ipaddr.js";

export interface EgressPolicy {
  /** Whether an address, in any textual form of IPv4 or IPv6, may be dialled. */
  allows(address: string): boolean;
}

type Range = [ipaddr.IPv4 | ipaddr.IPv6, number];

/** What IANA gives out of IPv6; behind it are IPv4 in disguise, and what nobody owns (RFC 4291, section 2.4). */
const globalUnicast: Range = ipaddr.parseCIDR("2000::/3");

/** Global unicast, and still never meant: the metadata and DNS service of Azure's hosts. */
const neverMeant: Range[] = [ipaddr.parseCIDR("168.63.129.16/32")];

/**
 * @param allow Ranges in CIDR notation that the operator opens besides the public
 *   internet: `10.20.0.0/16`, `::1/128`.
 * @throws Error that names the range which is not one
 */
export function createEgressPolicy(allow: readonly string[]): EgressPolicy {
  const allowed = allow.map(parseRange);
  return {
    allows(address) {
      if (!ipaddr.isValid(address)) return false;
      // IPv4 inside IPv6 is judged as what it is.
      const parsed = ipaddr.process(address);
      if (allowed.some((range) => contains(range, parsed))) return true;
      if (parsed.kind() === "ipv6" && !contains(globalUnicast, parsed)) return false;
      return parsed.range() === "unicast" && !neverMeant.some((range) => contains(range, parsed));
    },
  };
}

function parseRange(text: string): Range {
  try {
    return ipaddr.parseCIDR(text);
  } catch {
    throw new Error(`"${text}" is not a range in CIDR notation, such as 10.20.0.0/16 or ::1/128`);
  }
}

function contains([network, bits]: Range, address: ipaddr.IPv4 | ipaddr.IPv6): boolean {
  return network.kind() === address.kind() && address.match(network, bits);
}
