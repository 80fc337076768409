/** Mutual TLS: who connects, as the credential says. */
import { z } from "zod";
import type { ClientCertificate } from "../../../egress/tls.ts";
import { clientCertificate } from "./fields.ts";

export const mtlsConfig = z.strictObject({
  type: z.literal("mtls").describe("The client's certificate, shown while the connection is encrypted, says who asks."),
});

export const mtlsCredential = z.strictObject({
  type: z.literal("mtls"),
  client_certificate: clientCertificate.describe("The client's certificate and its key."),
});

interface WithCertificate {
  readonly client_certificate?: { readonly certificate: string; readonly private_key: string } | undefined;
}

export function certificateOf({ client_certificate: given }: WithCertificate): ClientCertificate | undefined {
  return given === undefined ? undefined : { cert: given.certificate, key: given.private_key };
}
