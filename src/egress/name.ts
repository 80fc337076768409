/** What is a host, before anybody is asked for its address. */
import { isIP } from "node:net";

/** Letters, digits and hyphens (RFC 1123, section 2.1), and the underscore that some networks use. */
const label = /^(?!-)[A-Za-z0-9_-]{1,63}(?<!-)$/;
/** What the C library reads as a number, and then the whole name as an address: `127.1`, `0x7f000001` (inet_aton(3)). */
const numeric = /^(?:\d+|0x[0-9a-f]*)$/i;

/** What clouds call their metadata services. */
const metadataNames = [
  "metadata",
  "metadata.google.internal",
  "metadata.goog",
  "instance-data",
  "instance-data.ec2.internal",
];

export const hostHint =
  "must be a host name or an IP address in its usual form, without a scheme, port, path or zone; a name of other letters than these in its xn-- form";

/**
 * An address as it is usually written (four decimal numbers, or IPv6 without brackets and
 * zone), or a name of the DNS. Whatever else a resolver may take, such as an address in
 * octal, is neither.
 */
export function isHost(text: string): boolean {
  if (isIP(text) !== 0) return !text.includes("%");
  const labels = withoutDot(text).split(".");
  return text.length <= 253 && labels.every((each) => label.test(each)) && !numeric.test(labels.at(-1) ?? "");
}

export function isMetadataName(host: string): boolean {
  return metadataNames.includes(plainName(host));
}

/** In lower case and without the dot that may end it: two names are the same one when these are. */
export function plainName(host: string): string {
  return withoutDot(host.toLowerCase());
}

function withoutDot(name: string): string {
  return name.endsWith(".") ? name.slice(0, -1) : name;
}
