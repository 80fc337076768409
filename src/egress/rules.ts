/** What an operator writes to open or close a way out. */
import { isIP } from "node:net";
import { contains, parseAddress, type Range, range } from "./address.ts";
import { isHost, plainName } from "./name.ts";

/** What the operator says of one organization or of all; `parseRule` knows the forms. */
export interface EgressRules {
  /** Opened besides what `default` does. */
  readonly allow: readonly string[];
  /** Closed, whatever is opened. */
  readonly deny?: readonly string[];
  /** `public`: the public internet is open. `deny`: nothing is. Default: `public`. */
  readonly default?: "public" | "deny" | undefined;
}

export interface EgressConfig extends EgressRules {
  /** By organization: what is opened and closed besides, and its own default. */
  readonly organizations?: Readonly<Record<string, Partial<EgressRules>>>;
}

/** Where a caller wants to go. */
export interface Target {
  /** A name, or an address without brackets. */
  readonly host: string;
  readonly port: number;
  /** The database at a server that has several, as far as the provider knows it. */
  readonly database?: string | undefined;
  /** Whoever is on the way can read what is sent: only where the operator opened the way. Default: false, or it is the caller's own affair. */
  readonly isClearText?: boolean;
}

export interface Rule {
  /** Undefined for all ports. */
  readonly port: number | undefined;
  readonly matches: ReadonlyRange | ReadonlyHost;
}

interface ReadonlyRange {
  readonly kind: "range";
  readonly range: Range;
}

interface ReadonlyHost {
  readonly kind: "host";
  readonly name: string;
  /** Every name below it is meant, and not the name itself. */
  readonly below: boolean;
}

export const ruleHint =
  "must be a range (10.20.0.0/16), an address (10.20.0.7, ::1), a host (db.example.com) or all names below one (*.example.com), each with a port where only that is meant (10.20.0.7:5432, [::1]:5432)";

/** @throws Error that names what is no rule. */
export function parseRule(text: string): Rule {
  const [, inBrackets, outside, port] = /^(?:\[([^\]]+)\]|(.+?))(?::(\d{1,5}))?$/.exec(text) ?? [];
  // Without brackets, what looks like a port may be the end of an IPv6 address.
  const isIpv6 = inBrackets === undefined && text.split(":").length > 2;
  const what = isIpv6 ? text : (inBrackets ?? outside ?? "");
  const matches = rangeOf(what) ?? hostOf(what);
  const number = isIpv6 || port === undefined ? undefined : Number(port);
  if (matches === undefined || number === 0 || (number ?? 0) > 65_535) throw new Error(`"${text}" ${ruleHint}`);
  return { matches, port: number };
}

function rangeOf(text: string): ReadonlyRange | undefined {
  const [address = "", bits, ...more] = text.split("/");
  const version = isIP(address);
  if (version === 0 || address.includes("%") || more.length > 0) return undefined;
  const most = version === 4 ? 32 : 128;
  if (bits !== undefined && !(/^\d{1,3}$/.test(bits) && Number(bits) <= most)) return undefined;
  return { kind: "range", range: range(`${address}/${bits ?? most}`) };
}

function hostOf(text: string): ReadonlyHost | undefined {
  const below = text.startsWith("*.");
  const name = below ? text.slice(2) : text;
  return isHost(name) && isIP(name) === 0 ? { kind: "host", name: plainName(name), below } : undefined;
}

/** Whether the rule is about the target, which has this address. */
export function isAbout({ matches, port }: Rule, target: Target, address: string): boolean {
  if (port !== undefined && port !== target.port) return false;
  if (matches.kind === "host") return isNamed(matches, plainName(target.host));
  const parsed = parseAddress(address);
  return parsed !== undefined && contains(matches.range, parsed);
}

/** Whether the rule is about this one server, by its address or name and its port. */
export function isOneServer({ matches, port }: Rule): boolean {
  if (port === undefined) return false;
  if (matches.kind === "host") return !matches.below;
  const [network, bits] = matches.range;
  return bits === (network.kind() === "ipv4" ? 32 : 128);
}

function isNamed({ name, below }: ReadonlyHost, host: string): boolean {
  return below ? host.endsWith(`.${name}`) : host === name;
}
