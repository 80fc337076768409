/**
 * Which addresses the service may connect to.
 *
 * For connectors: the public internet, and what the operator opens besides it; or nothing
 * but what the operator opens. What the operator closes stays closed, and what nobody can
 * mean (link-local, cloud metadata) can't be opened. For the operator's own endpoints:
 * everything but that.
 */
import { type Address, classOf, parseAddress, wrapped } from "./address.ts";
import {
  type EgressConfig,
  type EgressRules,
  isAbout,
  isOneServer,
  parseRule,
  type Rule,
  type Target,
} from "./rules.ts";

export interface EgressPolicy {
  /**
   * Whether a target's address may be dialled.
   *
   * @param address In any textual form of IPv4 or IPv6.
   */
  allows(address: string, target: Target): boolean;
  /** Whether the operator has named this very server, with its port. */
  names(address: string, target: Target): boolean;
}

/**
 * A range opens every address in it. A host opens public and private addresses to those
 * who go there by that name; loopback and other special ones are opened by ranges only,
 * since who owns a name below `*.example.com` may let it lead anywhere.
 *
 * @throws Error that names the rule which is none
 */
export function createEgressPolicy(rules: EgressRules): EgressPolicy {
  const allow = rules.allow.map(parseRule);
  const deny = (rules.deny ?? []).map(parseRule);
  const isPublicOpen = rules.default !== "deny";

  function isOpen(address: Address, target: Target): boolean {
    const kind = classOf(address);
    if (kind === "never") return false;
    const text = address.toString();
    if (deny.some((rule) => isAbout(rule, target, text))) return false;
    // What is translated on its way must be allowed where it arrives, too.
    if (!wrapped(address).every((inner) => isOpen(inner, target))) return false;
    if (kind === "public" && isPublicOpen && target.isClearText !== true) return true;
    return allow.some((rule) => isAbout(rule, target, text) && opens(rule, kind));
  }

  return {
    allows(address, target) {
      const parsed = parseAddress(address);
      return parsed !== undefined && isOpen(parsed, target);
    },
    names: (address, target) => allow.some((rule) => isOneServer(rule) && isAbout(rule, target, address)),
  };
}

function opens({ matches }: Rule, kind: "public" | "private" | "special"): boolean {
  return matches.kind === "range" || kind !== "special";
}

/** The policy of each organization. Those that the operator does not name have one in common. */
export function createEgressPolicies(config: EgressConfig): (organizationId: string) => EgressPolicy {
  const common = createEgressPolicy(config);
  const own = new Map(
    Object.entries(config.organizations ?? {}).map(([organizationId, rules]) => [
      organizationId,
      createEgressPolicy({
        allow: [...config.allow, ...(rules.allow ?? [])],
        deny: [...(config.deny ?? []), ...(rules.deny ?? [])],
        default: rules.default ?? config.default,
      }),
    ]),
  );
  return (organizationId) => own.get(organizationId) ?? common;
}

/** For endpoints that the operator has chosen: Redis, a JWKS, a Vault. */
export const operatorPolicy: EgressPolicy = {
  allows(address) {
    const parsed = parseAddress(address);
    return parsed !== undefined && [parsed, ...wrapped(parsed)].every((each) => classOf(each) !== "never");
  },
  names: () => true,
};
