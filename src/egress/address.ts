/**
 * What kind of address one is, in every spelling and with what may be wrapped in it.
 *
 * Sources: IANA's registries of special-purpose addresses for IPv4 and IPv6 (RFC 6890),
 * most of which `ipaddr.js` holds; what clouds say of their own metadata services.
 */
import ipaddr from "ipaddr.js";

export type Address = ipaddr.IPv4 | ipaddr.IPv6;
export type Range = readonly [Address, number];

/**
 * - `public`: global unicast.
 * - `private`: an organization's own network (RFC 1918, 4193 and 6598).
 * - `special`: loopback, translated, reserved, for documentation, or nobody's.
 * - `never`: nothing that anybody means to connect to: the metadata of a cloud, which
 *   gives credentials to whoever asks, and what is no host's address at all.
 */
export type AddressClass = "public" | "private" | "special" | "never";

/** What IANA gives out of IPv6; behind it are IPv4 in disguise, and what nobody owns (RFC 4291, section 2.4). */
const globalUnicast = range("2000::/3");

const never = [
  ...["0.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "255.255.255.255/32"],
  ...["::/128", "fe80::/10", "ff00::/8"],
  // Azure's hosts, Alibaba Cloud, Oracle Cloud.
  ...["168.63.129.16/32", "100.100.100.200/32", "192.0.0.192/32", "fd00:c1::a9fe:a9fe/128"],
  // AWS (EC2 and EKS), Google Cloud, Scaleway.
  ...["fd00:ec2::254/128", "fd00:ec2::23/128", "fd20:ce::254/128", "fd00:42::42/128"],
].map(range);

const privates = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"].map(range);

/** Undefined for what is no address. IPv4 that is written as IPv6 is IPv4. */
export function parseAddress(text: string): Address | undefined {
  return ipaddr.isValid(text) ? ipaddr.process(text) : undefined;
}

/** @throws Error when it is no range in CIDR notation. */
export function range(text: string): Range {
  return ipaddr.parseCIDR(text);
}

export function contains([network, bits]: Range, address: Address): boolean {
  return network.kind() === address.kind() && address.match(network, bits);
}

/** The kind of the address itself; see `wrapped` for what it may lead to. */
export function classOf(address: Address): AddressClass {
  if (never.some((each) => contains(each, address))) return "never";
  if (privates.some((each) => contains(each, address))) return "private";
  if (address.kind() === "ipv6" && !contains(globalUnicast, address)) return "special";
  return address.range() === "unicast" ? "public" : "special";
}

/** Prefixes behind which the last 32 bits are an IPv4 address (RFC 4291, 6052, 7915 and 8215). */
const beforeIpv4 = ["::/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48"].map(range);
const loopback = range("::1/128");
const sixToFour = range("2002::/16");
const teredo = range("2001::/32");

/**
 * The IPv4 addresses that an IPv6 one leads to, where something on the way translates it:
 * IPv4-compatible and -translated, NAT64, 6to4 (RFC 3056), Teredo with its server and its
 * client (RFC 4380), ISATAP (RFC 5214).
 */
export function wrapped(address: Address): readonly ipaddr.IPv4[] {
  if (address.kind() === "ipv4" || contains(loopback, address)) return [];
  const parts = (address as ipaddr.IPv6).parts;
  const at = (index: number) => ipv4(parts[index] ?? 0, parts[index + 1] ?? 0);
  if (contains(sixToFour, address)) return [at(1)];
  if (contains(teredo, address)) return [at(2), ipv4(~(parts[6] ?? 0) & 0xffff, ~(parts[7] ?? 0) & 0xffff)];
  const isIsatap = parts[5] === 0x5efe && ((parts[4] ?? 0) & 0xfdff) === 0;
  return isIsatap || beforeIpv4.some((each) => contains(each, address)) ? [at(6)] : [];
}

function ipv4(high: number, low: number): ipaddr.IPv4 {
  return new ipaddr.IPv4([high >> 8, high & 0xff, low >> 8, low & 0xff]);
}
