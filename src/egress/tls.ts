/**
 * TLS on a socket that the guarded dial has connected: TLS 1.2 or newer, the certificate
 * verified and issued for the name that was dialled, whatever the environment says
 * (NODE_TLS_REJECT_UNAUTHORIZED, NODE_TLS_MIN_V1_0).
 */
import { isIP, type Socket } from "node:net";
import { connect, createSecureContext, getCACertificates, type SecureContext, type TLSSocket } from "node:tls";
import { LRUCache } from "lru-cache";
import { orAborted } from "../abort.ts";

/** Who may sign a server's certificate. */
export interface Trust {
  /** @param ca Certificates in PEM that are trusted instead of all others. */
  contextFor(ca?: string): SecureContext;
}

export interface Encryption {
  /** The name or address that was dialled. */
  readonly host: string;
  readonly trust: Trust;
  /** Certificates in PEM that are trusted instead of all others. */
  readonly ca?: string | undefined;
  /** The certificate may be issued for another name. Default: it may not. */
  readonly anyName?: boolean;
  /** Protocols of the application to choose from (RFC 7301). Default: none. */
  readonly protocols?: readonly string[];
}

/** Contexts of single servers' own certificates kept at most: making one costs more than a connection. */
const maxContexts = 1_000;

/**
 * @param ca Certificates in PEM that are trusted besides those that Node does.
 * @throws Node's own error when they can't be read.
 */
export function createTrust(ca?: string): Trust {
  const contexts = new LRUCache<string, SecureContext>({ max: maxContexts });
  const make = (trusted?: string[]) =>
    createSecureContext({ minVersion: "TLSv1.2", ...(trusted === undefined ? {} : { ca: trusted }) });
  const common = make(ca === undefined ? undefined : [...getCACertificates("default"), ca]);
  return {
    contextFor(own) {
      if (own === undefined) return common;
      const known = contexts.get(own);
      if (known !== undefined) return known;
      const made = make([own]);
      contexts.set(own, made);
      return made;
    },
  };
}

/**
 * Settles when the server has shown its certificate and it is good. Otherwise the socket
 * is destroyed.
 *
 * @throws The signal's reason, or Node's own error of TLS or the socket.
 */
export async function encrypt(socket: Socket, encryption: Encryption, signal: AbortSignal): Promise<TLSSocket> {
  const { host, trust, ca, anyName, protocols } = encryption;
  const name = host.replace(/\.$/, "");
  const encrypted = connect({
    socket,
    host: name,
    // An IP address is no server name (RFC 6066, section 3).
    ...(isIP(name) === 0 ? { servername: name } : {}),
    secureContext: trust.contextFor(ca),
    rejectUnauthorized: true,
    ...(anyName === true ? { checkServerIdentity: () => undefined } : {}),
    ...(protocols === undefined ? {} : { ALPNProtocols: [...protocols] }),
  });
  try {
    await orAborted(secured(encrypted), signal);
    return encrypted;
  } catch (error) {
    encrypted.destroy();
    socket.destroy();
    throw error;
  }
}

/** A socket that ends before the server has shown who it is, is lost. */
function secured(socket: TLSSocket): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = () => socket.off("secureConnect", happened).off("error", failed).off("close", closed);
    const happened = () => {
      done();
      resolve();
    };
    const failed = (error: Error) => {
      done();
      // An error that comes after the first one has nobody to go to.
      socket.on("error", () => {});
      reject(error);
    };
    const closed = () =>
      failed(Object.assign(new Error("the connection was closed by the server"), { code: "ECONNRESET" }));
    socket.once("secureConnect", happened).once("error", failed).once("close", closed);
  });
}

/** What is wrong with a server's certificate, by the code that Node and OpenSSL give it (X509_V_ERR of openssl-verification-options(1)). */
const problems: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: "its certificate has expired",
  CERT_NOT_YET_VALID: "its certificate is not valid yet",
  CERT_REVOKED: "its certificate has been revoked",
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is for another name",
  CERT_SIGNATURE_FAILURE: "nobody who is trusted has signed its certificate",
  DEPTH_ZERO_SELF_SIGNED_CERT: "nobody who is trusted has signed its certificate",
  SELF_SIGNED_CERT_IN_CHAIN: "nobody who is trusted has signed its certificate",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "an authority between its certificate and one that is trusted is missing",
  UNABLE_TO_GET_ISSUER_CERT: "an authority between its certificate and one that is trusted is missing",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "nobody who is trusted has signed its certificate",
};

/** What else OpenSSL and Node call their refusals. */
const tlsCode =
  /^(?:ERR_SSL_|ERR_TLS_|EPROTO$|CERT_|UNABLE_TO_|ERROR_IN_CERT_|INVALID_CA$|INVALID_PURPOSE$|PATH_LENGTH_EXCEEDED$|UNSPECIFIED$)/;

/** Why a server was not believed, as half a sentence; undefined when TLS did not fail. */
export function tlsProblem(code: string): string | undefined {
  return problems[code] ?? (tlsCode.test(code) ? "the two sides could not agree" : undefined);
}
