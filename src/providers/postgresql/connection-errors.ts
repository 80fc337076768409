/** What errors of the socket, of TLS and of the driver mean. */
import { tlsProblem } from "../../egress/tls.ts";
import { credentialRejected, lost, type Meaning } from "./sqlstate.ts";

/** Undefined when it is another kind of error. */
export function connectionMeaning(cause: Error): Meaning | undefined {
  // Nothing but what a source says of itself is parsed while it is asked.
  if (cause instanceof SyntaxError) return unreadable;
  const code = "code" in cause && typeof cause.code === "string" ? cause.code : "";
  return socketMeaning(code) ?? driverMeaning(cause.message);
}

const unreachable = (message: string, remedy: string): Meaning => ({
  kind: "upstream_unreachable",
  where: "upstream",
  message,
  remedy,
});

const unreadable: Meaning = {
  kind: "upstream_lost",
  where: "upstream",
  message: "What the source says of its own tables can't be read.",
  remedy: "Try again; if it goes on, look at what stands between the service and the source.",
};

const tlsFailed = (message: string, remedy: string): Meaning => ({
  kind: "tls_failed",
  where: "upstream",
  message,
  remedy,
});

const wrongIssuer = tlsFailed(
  "The source's certificate is not signed by an authority that the connector trusts.",
  "Give the certificate of the authority that signed it as `config.ca`.",
);

const incomplete = tlsFailed(
  "Nothing that the source sends leads from its certificate to an authority that the connector trusts.",
  "Let the source send the certificates of the authorities between, too, or give the certificate of the authority that signed it as `config.ca`.",
);

const socketMeanings: Readonly<Record<string, Meaning>> = {
  ECONNREFUSED: unreachable(
    "Nothing listens at the connector's host and port.",
    "Check `config.host` and `config.port`, and that the source is running.",
  ),
  ENOTFOUND: unreachable("The connector's host has no address.", "Check `config.host`."),
  EAI_AGAIN: unreachable("The connector's host could not be resolved now.", "Try again; check `config.host`."),
  ETIMEDOUT: unreachable(
    "The source did not answer in time.",
    "Check `config.host`, and that its firewall lets the service in.",
  ),
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

function socketMeaning(code: string): Meaning | undefined {
  const known = socketMeanings[code];
  if (known !== undefined) return known;
  if (tlsProblem(code) !== undefined) {
    return tlsFailed(
      "No encrypted connection to the source could be agreed on.",
      "Check the TLS settings of both sides.",
    );
  }
  return undefined;
}

/** The driver has no codes of its own: its texts, as of pg 8.23, are all there is. */
const driverMessages: readonly (readonly [RegExp, Meaning])[] = [
  [
    /^The server does not support SSL connections$/,
    tlsFailed(
      "The source does not offer encryption.",
      "Turn TLS on at the source, or change the connector's TLS mode.",
    ),
  ],
  [
    /^There was an error establishing an SSL connection$/,
    tlsFailed("The source refused to encrypt the connection.", "Look at the source's own log."),
  ],
  [/^Connection terminated/, lost],
  [/^Client (?:has encountered a connection error|was closed) and is not queryable$/, lost],
  // Of a message that answers nothing that was asked.
  [/^Received unexpected /, lost],
  [/^timeout expired$/, socketMeanings.ETIMEDOUT as Meaning],
  [
    /^SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be/,
    { ...credentialRejected({}), message: "The source asks for a password and the stored credential has none." },
  ],
  [
    /^SASL: /,
    {
      ...credentialRejected({}),
      message:
        "The source could not prove that it knows the credential, or asks for a way to log in that is not supported.",
    },
  ],
];

function driverMeaning(message: string): Meaning | undefined {
  return driverMessages.find(([form]) => form.test(message))?.[1];
}
