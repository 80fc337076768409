/** What errors of a socket and of TLS mean, whatever database stands behind it. */
import { tlsProblem } from "../../egress/tls.ts";
import { lost, type Meaning } from "./meaning.ts";

/** @param code as Node gives it; undefined when it is another kind of error */
export function networkMeaning(code: string): Meaning | undefined {
  const known = meanings[code];
  if (known !== undefined) return known;
  if (tlsProblem(code) !== undefined) {
    return tlsFailed(
      "No encrypted connection to the source could be agreed on.",
      "Check the TLS settings of both sides.",
    );
  }
  return undefined;
}

const unreachable = (message: string, remedy: string): Meaning => ({
  kind: "upstream_unreachable",
  where: "upstream",
  message,
  remedy,
});

export const tlsFailed = (message: string, remedy: string): Meaning => ({
  kind: "tls_failed",
  where: "upstream",
  message,
  remedy,
});

export const silent = unreachable(
  "The source did not answer in time.",
  "Check `config.host`, and that its firewall lets the service in.",
);

const wrongIssuer = tlsFailed(
  "The source's certificate is not signed by an authority that the connector trusts.",
  "Give the certificate of the authority that signed it as `config.ca`.",
);

const incomplete = tlsFailed(
  "Nothing that the source sends leads from its certificate to an authority that the connector trusts.",
  "Let the source send the certificates of the authorities between, too, or give the certificate of the authority that signed it as `config.ca`.",
);

const meanings: Readonly<Record<string, Meaning>> = {
  ECONNREFUSED: unreachable(
    "Nothing listens at the connector's host and port.",
    "Check `config.host` and `config.port`, and that the source is running.",
  ),
  ENOTFOUND: unreachable("The connector's host has no address.", "Check `config.host`."),
  EAI_AGAIN: unreachable("The connector's host could not be resolved now.", "Try again; check `config.host`."),
  ETIMEDOUT: silent,
  EHOSTUNREACH: unreachable("No route leads to the source.", "Check `config.host` and the network."),
  ENETUNREACH: unreachable("No route leads to the source's network.", "Check `config.host` and the network."),
  ECONNRESET: lost,
  EPIPE: lost,
  ECONNABORTED: lost,
  CERT_HAS_EXPIRED: tlsFailed("The source's certificate has expired.", "Renew it at the source."),
  CERT_NOT_YET_VALID: tlsFailed("The source's certificate is not valid yet.", "Check the clocks, or wait."),
  CERT_REVOKED: tlsFailed("The source's certificate has been revoked.", "Renew it at the source."),
  ERR_TLS_CERT_ALTNAME_INVALID: tlsFailed(
    "The source's certificate is for another name.",
    "Use the name in the certificate as `config.host`.",
  ),
  DEPTH_ZERO_SELF_SIGNED_CERT: wrongIssuer,
  SELF_SIGNED_CERT_IN_CHAIN: wrongIssuer,
  CERT_SIGNATURE_FAILURE: wrongIssuer,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: incomplete,
  UNABLE_TO_GET_ISSUER_CERT: incomplete,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: wrongIssuer,
};
