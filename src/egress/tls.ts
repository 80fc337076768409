/**
 * TLS on a socket that the guarded dial has connected: TLS 1.2 or newer, the certificate
 * verified and issued for the name that was dialled, whatever the environment says
 * (NODE_TLS_REJECT_UNAUTHORIZED, NODE_TLS_MIN_V1_0).
 */
import { createHash } from "node:crypto";
import { isIP, type Socket } from "node:net";
import { connect, createSecureContext, getCACertificates, type SecureContext, type TLSSocket } from "node:tls";
import { LRUCache } from "lru-cache";
import { orAborted } from "../abort.ts";

/** Who may sign a server's certificate. */
export interface Trust {
  /**
   * @param ca Certificates in PEM that are trusted instead of all others.
   * @param certificate Shown to the server when it asks for one.
   * @throws Node's own error when the certificate or its key can't be read, or don't belong together.
   */
  contextFor(ca?: string, certificate?: ClientCertificate): SecureContext;
}

/** Who connects, as a server may ask to be shown (RFC 8446, section 4.4.2). */
export interface ClientCertificate {
  /** PEM: the certificate, and those between it and its authority. */
  readonly cert: string;
  /** PEM, not encrypted. */
  readonly key: string;
}

export interface Encryption {
  /** The name or address that was dialled. */
  readonly host: string;
  readonly trust: Trust;
  /** Certificates in PEM that are trusted instead of all others. */
  readonly ca?: string | undefined;
  /** Shown to the server when it asks for one. Default: none. */
  readonly certificate?: ClientCertificate | undefined;
  /** The certificate may be issued for another name. Default: it may not. */
  readonly anyName?: boolean;
  /** Protocols of the application to choose from (RFC 7301). Default: none. */
  readonly protocols?: readonly string[];
}

/** Contexts of single servers' own certificates and of clients' kept at most: making one costs more than a connection. */
const maxContexts = 1_000;

/**
 * @param ca Certificates in PEM that are trusted besides those that Node does.
 * @throws Node's own error when they can't be read.
 */
export function createTrust(ca?: string): Trust {
  const contexts = new LRUCache<string, SecureContext>({ max: maxContexts });
  const others = ca === undefined ? undefined : [...getCACertificates("default"), ca];
  const make = (own?: string, certificate?: ClientCertificate) => {
    const trusted = own === undefined ? others : [own];
    return createSecureContext({
      minVersion: "TLSv1.2",
      ...(trusted === undefined ? {} : { ca: trusted }),
      ...(certificate === undefined ? {} : { cert: certificate.cert, key: certificate.key }),
    });
  };
  const common = make();
  return {
    contextFor(own, certificate) {
      if (own === undefined && certificate === undefined) return common;
      const name = nameOf(own, certificate);
      const known = contexts.get(name);
      if (known !== undefined) return known;
      const made = make(own, certificate);
      contexts.set(name, made);
      return made;
    },
  };
}

/** Tells contexts apart, and holds no key. */
function nameOf(ca = "", { cert, key }: ClientCertificate = { cert: "", key: "" }): string {
  return createHash("sha256")
    .update(JSON.stringify([ca, cert, key]))
    .digest("base64");
}

/**
 * Settles when the server has shown its certificate and it is good. Otherwise the socket
 * is destroyed.
 *
 * @throws The signal's reason, or Node's own error of TLS or the socket.
 */
export async function encrypt(socket: Socket, encryption: Encryption, signal: AbortSignal): Promise<TLSSocket> {
  const { host, anyName, protocols } = encryption;
  const name = host.replace(/\.$/, "");
  const secureContext = contextOf(encryption, socket);
  const encrypted = connect({
    socket,
    host: name,
    // An IP address is no server name (RFC 6066, section 3).
    ...(isIP(name) === 0 ? { servername: name } : {}),
    secureContext,
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

function contextOf({ trust, ca, certificate }: Encryption, socket: Socket): SecureContext {
  try {
    return trust.contextFor(ca, certificate);
  } catch (error) {
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
