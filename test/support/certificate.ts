/**
 * A certificate for localhost and 127.0.0.1, signed by its own new key: no key stands in
 * the repository. Node reads certificates and makes none, so the few bytes of ASN.1 are
 * written here (RFC 5280, section 4.1; X.690 for DER).
 */
import { generateKeyPairSync, randomBytes, sign } from "node:crypto";

export interface Certificate {
  /** PEM. */
  readonly cert: string;
  /** PEM, PKCS #8. */
  readonly key: string;
}

/** A value with its tag and size in front. */
function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Uint8Array.from([tag, ...size]), content]);
}

const sequence = (...parts: readonly Uint8Array[]) => der(0x30, ...parts);
const oid = (hex: string) => der(0x06, Buffer.from(hex, "hex"));
const utcTime = (year: number) => der(0x17, Buffer.from(`${String(year).slice(2)}0101000000Z`));
const extension = (id: Buffer, value: Buffer) => sequence(id, der(0x04, value));

const ecdsaWithSha256 = sequence(oid("2a8648ce3d040302"));
const commonName = oid("550403");
const basicConstraints = oid("551d13");
const subjectAltName = oid("551d11");

export function selfSignedCertificate(): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const name = sequence(der(0x31, sequence(commonName, der(0x0c, Buffer.from("localhost")))));
  const serial = randomBytes(8);
  serial[0] = 0x01; // Positive.
  const names = sequence(der(0x82, Buffer.from("localhost")), der(0x87, Uint8Array.from([127, 0, 0, 1])));
  const isAuthority = sequence(der(0x01, Uint8Array.of(0xff)));
  const toBeSigned = sequence(
    der(0xa0, der(0x02, Uint8Array.of(2))),
    der(0x02, serial),
    ecdsaWithSha256,
    name,
    sequence(utcTime(2020), utcTime(2049)),
    name,
    publicKey.export({ type: "spki", format: "der" }),
    der(0xa3, sequence(extension(basicConstraints, isAuthority), extension(subjectAltName, names))),
  );
  const signature = der(0x03, Uint8Array.of(0), sign("sha256", toBeSigned, privateKey));
  const encoded = sequence(toBeSigned, ecdsaWithSha256, signature).toString("base64");
  const lines = encoded.match(/.{1,64}/g) ?? [];
  return {
    cert: ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n"),
    key: privateKey.export({ type: "pkcs8", format: "pem" }) as string,
  };
}
