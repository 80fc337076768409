/**
 * Certificates and the authorities that sign them, each with its own new key: no key stands
 * in the repository. Node reads certificates and makes none, so the few bytes of ASN.1 are
 * written here (RFC 5280, section 4.1; X.690 for DER).
 */
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import { isIPv4 } from "node:net";

export interface Certificate {
  /** PEM. */
  readonly cert: string;
  /** PEM, PKCS #8. */
  readonly key: string;
}

export interface Leaf {
  /** Host names, IPv4 addresses and URIs. Default: localhost and 127.0.0.1. */
  readonly names?: readonly string[];
  /** Whether it says that it may sign others. Default: false. */
  readonly isAuthority?: boolean;
  /** Years whose first day begins and ends it. Default: 2020 and 2049. */
  readonly years?: readonly [number, number];
}

export interface Authority {
  /** Its own certificate in PEM. */
  readonly cert: string;
  issue(leaf?: Leaf): Certificate;
  /** An authority that this one has signed. */
  authority(name: string): Authority;
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

/** A name of one certificate, as the next one below it repeats it. */
const distinguished = (name: string) => sequence(der(0x31, sequence(commonName, der(0x0c, Buffer.from(name)))));

function alternative(name: string): Buffer {
  if (isIPv4(name)) return der(0x87, Uint8Array.from(name.split("."), Number));
  return der(name.includes("://") ? 0x86 : 0x82, Buffer.from(name));
}

interface Subject {
  readonly name: string;
  readonly isAuthority: boolean;
  readonly names: readonly string[];
  readonly years: readonly [number, number];
}

interface Issuer {
  readonly name: string;
  readonly key: KeyObject;
}

/** @param issuer Default: the subject itself. */
function certify(subject: Subject, issuer?: Issuer): { readonly cert: string; readonly key: KeyObject } {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const { name: signer, key: signingKey } = issuer ?? { name: subject.name, key: privateKey };
  const serial = randomBytes(8);
  serial[0] = 0x01; // Positive.
  const extensions = [
    ...(subject.isAuthority ? [extension(basicConstraints, sequence(der(0x01, Uint8Array.of(0xff))))] : []),
    ...(subject.names.length === 0 ? [] : [extension(subjectAltName, sequence(...subject.names.map(alternative)))]),
  ];
  const toBeSigned = sequence(
    der(0xa0, der(0x02, Uint8Array.of(2))),
    der(0x02, serial),
    ecdsaWithSha256,
    distinguished(signer),
    sequence(...subject.years.map(utcTime)),
    distinguished(subject.name),
    publicKey.export({ type: "spki", format: "der" }),
    der(0xa3, sequence(...extensions)),
  );
  const signature = der(0x03, Uint8Array.of(0), sign("sha256", toBeSigned, signingKey));
  const encoded = sequence(toBeSigned, ecdsaWithSha256, signature).toString("base64");
  const lines = encoded.match(/.{1,64}/g) ?? [];
  return {
    cert: ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n"),
    key: privateKey,
  };
}

const pemOf = (key: KeyObject) => key.export({ type: "pkcs8", format: "pem" }) as string;
const thisMachine = ["localhost", "127.0.0.1"];
const long = [2020, 2049] as const;

/** Signed by its own key, and an authority to whoever trusts it. */
export function selfSignedCertificate(): Certificate {
  const { cert, key } = certify({ name: "localhost", isAuthority: true, names: thisMachine, years: long });
  return { cert, key: pemOf(key) };
}

/** An authority that nobody has signed but itself, unless an issuer is given. */
export function certificateAuthority(name = "root", issuer?: Issuer): Authority {
  const { cert, key } = certify({ name, isAuthority: true, names: [], years: long }, issuer);
  return {
    cert,
    issue({ names = thisMachine, years = long, isAuthority = false } = {}) {
      const leaf = certify({ name: names[0] ?? "nobody", isAuthority, names, years }, { name, key });
      return { cert: leaf.cert, key: pemOf(leaf.key) };
    },
    authority: (below) => certificateAuthority(below, { name, key }),
  };
}
