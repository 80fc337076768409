/** Every way out of the service. */
import { createDial, type Dial } from "./dial.ts";
import { createFetch, type GuardedFetch } from "./fetch.ts";
import { createOwnPlaces, type OwnPlaces } from "./own.ts";
import { createEgressPolicies, operatorPolicy } from "./policy.ts";
import { resolveHere } from "./resolve.ts";
import type { EgressConfig } from "./rules.ts";
import { createTrust, type Trust } from "./tls.ts";

export interface Egress {
  /** To the sources of an organization's connectors. */
  dialFor(organizationId: string): Dial;
  /** To the operator's own endpoints. */
  readonly dial: Dial;
  /** To those of them that speak HTTP. */
  readonly fetch: GuardedFetch;
  /** Where no connector leads; what the service listens on and lives on is added when it is known. */
  readonly own: OwnPlaces;
  /** Who may sign the certificates of servers. */
  readonly trust: Trust;
}

/** @param ca Certificates in PEM that are trusted besides those that Node does. */
export function createEgress(config: EgressConfig, ca: string | undefined): Egress {
  const own = createOwnPlaces(resolveHere);
  const policyFor = createEgressPolicies(config);
  const dial = createDial(operatorPolicy);
  return {
    dialFor: (organizationId) => createDial(policyFor(organizationId), { own }),
    dial,
    fetch: createFetch(dial, { ca }),
    own,
    trust: createTrust(ca),
  };
}
