/** What errors of the driver mean. It has no codes of its own: its texts, as of pg 8.23, are all there is. */
import { credentialRejected, lost, type Meaning } from "../sql/meaning.ts";
import { silent, tlsFailed } from "../sql/network-errors.ts";

const meanings: readonly (readonly [RegExp, Meaning])[] = [
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
  [/^timeout expired$/, silent],
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

/** Undefined when it is another kind of error. */
export function driverMeaning(message: string): Meaning | undefined {
  return meanings.find(([form]) => form.test(message))?.[1];
}
