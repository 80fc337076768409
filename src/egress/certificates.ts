/** Certificates of authorities, as somebody gives them to be trusted. */
import { X509Certificate } from "node:crypto";

/** Of the whole chain of every authority at once, with much room. */
const maxCertificates = 50;
const block = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** What is wrong with them, in words that follow the name of the field; undefined when they are good. */
export function certificatesProblem(pem: string): string | undefined {
  const blocks = pem.match(block) ?? [];
  if (/PRIVATE KEY-----/.test(pem)) return "must hold certificates only, and holds a private key";
  if (blocks.length === 0) return "must be one or more certificates in PEM, each from -----BEGIN CERTIFICATE----- on";
  if (blocks.length > maxCertificates) return `must hold at most ${maxCertificates} certificates`;
  const unreadable = blocks.findIndex((text) => !isCertificate(text));
  return unreadable < 0 ? undefined : `must be certificates in PEM, and certificate ${unreadable + 1} can't be read`;
}

/** One that has expired is one: time must not make a stored field wrong. TLS refuses it, and says why. */
function isCertificate(text: string): boolean {
  try {
    new X509Certificate(text);
    return true;
  } catch {
    return false;
  }
}
