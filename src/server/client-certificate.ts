/** The certificate that a connection's client showed, if the service asks for one. */
import type { X509Certificate } from "node:crypto";
import { Http2ServerRequest } from "node:http2";
import type { TLSSocket } from "node:tls";
import type { ClientCertificate } from "../auth/workloads.ts";
import type { Request } from "./router.ts";

/** By connection: many calls share one. */
const known = new WeakMap<object, ClientCertificate | undefined>();

export function clientCertificateOf(request: Request): ClientCertificate | undefined {
  const connection = request instanceof Http2ServerRequest ? request.stream.session : request.socket;
  // The client has gone: nobody waits for what the call answers.
  if (connection === undefined) return undefined;
  if (known.has(connection)) return known.get(connection);
  const socket = request instanceof Http2ServerRequest ? request.stream.session?.socket : request.socket;
  const certificate = certificateOf(socket as TLSSocket);
  known.set(connection, certificate);
  return certificate;
}

function certificateOf(socket: TLSSocket): ClientCertificate | undefined {
  if (socket.encrypted !== true) return undefined;
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return undefined;
  return {
    problem: socket.authorized ? undefined : String(socket.authorizationError),
    uris: urisOf(certificate),
    isAuthority: certificate.ca,
    notAfter: certificate.validToDate.getTime(),
  };
}

/** Node quotes a name that could be taken for several. No SPIFFE id needs that, so none is looked for among such names. */
function urisOf({ subjectAltName = "" }: X509Certificate): string[] {
  if (subjectAltName.includes('"')) return [];
  return subjectAltName
    .split(", ")
    .filter((name) => name.startsWith("URI:"))
    .map((name) => name.slice("URI:".length));
}
