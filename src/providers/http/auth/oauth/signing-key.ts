/** The key that signs assertions, and how (RFC 7518, section 3; RFC 8037). */
import { createPrivateKey, type webcrypto } from "node:crypto";

export interface SigningKey {
  readonly key: webcrypto.CryptoKey;
  /** `alg` of the assertion. */
  readonly algorithm: string;
}

const curves: Readonly<Record<string, readonly [algorithm: string, namedCurve: string]>> = {
  prime256v1: ["ES256", "P-256"],
  secp384r1: ["ES384", "P-384"],
  secp521r1: ["ES512", "P-521"],
};

/** @param pem A key that the declaration's `privateKey` takes. */
export function signingKey(pem: string, rsaAlgorithm: string): SigningKey {
  const given = createPrivateKey(pem);
  const use = ["sign"] as const;
  if (given.asymmetricKeyType === "ed25519") {
    return { key: given.toCryptoKey("Ed25519", false, [...use]), algorithm: "EdDSA" };
  }
  if (given.asymmetricKeyType === "ec") {
    const [algorithm, namedCurve] = curves[given.asymmetricKeyDetails?.namedCurve ?? ""] ?? ["ES256", "P-256"];
    return { key: given.toCryptoKey({ name: "ECDSA", namedCurve }, false, [...use]), algorithm };
  }
  const name = rsaAlgorithm.startsWith("PS") ? "RSA-PSS" : "RSASSA-PKCS1-v1_5";
  const hash = `SHA-${rsaAlgorithm.slice(2)}`;
  return { key: given.toCryptoKey({ name, hash }, false, [...use]), algorithm: rsaAlgorithm };
}
