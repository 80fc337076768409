/** Fields that several ways to authenticate have. Their messages never hold what was given. */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { z } from "zod";

/** Names of headers that belong to the connection or to the body as it is sent (RFC 9110, sections 6.4 and 7.6). */
const ofTheWay = new Set([
  ...["host", "connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "expect"],
  ...["content-length", "content-encoding", "accept-encoding", "cookie", "set-cookie"],
]);

/** A header's name (RFC 9110, section 5.1), in any case. */
export const headerName = z
  .string()
  .max(100)
  .regex(/^[\w!#$%&'*+.^`|~-]+$/, "must be the name of a header: letters, digits and hyphens")
  .refine((name) => !ofTheWay.has(name.toLowerCase()) && !/^proxy-/i.test(name), "is a header that the service sets");

/** As `z.record`, which does not say what is wrong with a name. */
export function namesTo<Value extends z.ZodType>(name: z.ZodType<string>, value: Value) {
  return z.record(z.string(), value).superRefine((given, context) => {
    for (const each of Object.keys(given)) {
      const [problem] = name.safeParse(each).error?.issues ?? [];
      if (problem !== undefined) context.addIssue({ code: "custom", path: [each], message: problem.message });
    }
  });
}

/** What may stand in a header (RFC 9110, section 5.5) and looks the same to everybody. */
export const headerText = (maxLength: number) =>
  z
    .string()
    .min(1)
    .max(maxLength)
    .regex(/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/, "must be printable ASCII, without blanks around it");

/** An endpoint that is given by its URL. */
export const endpointUrl = z
  .string()
  .max(2_048)
  .refine(
    isEndpoint,
    "must be an https:// URL without user, password and fragment; http:// goes only where the operator opened the way",
  );

function isEndpoint(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || !/^https?:\/\//i.test(text) || !/^https?:$/.test(url.protocol)) return false;
  return url.username === "" && url.password === "" && !text.includes("#");
}

/** A private key in PEM: RSA of 2048 bits at least, ECDSA on P-256, P-384 or P-521, or Ed25519. */
export const privateKey = z
  .string()
  .max(20_000)
  .superRefine((pem, context) => {
    const problem = keyProblem(pem);
    if (problem !== undefined) context.addIssue(problem);
  });

const curves = new Set(["prime256v1", "secp384r1", "secp521r1"]);

function keyProblem(pem: string): string | undefined {
  const key = keyOf(pem);
  if (key === undefined) return "must be a private key in PEM (-----BEGIN PRIVATE KEY-----) that is not encrypted";
  const { asymmetricKeyType: type, asymmetricKeyDetails: details = {} } = key;
  const isGood =
    type === "ed25519" ||
    (type === "rsa" && (details.modulusLength ?? 0) >= 2_048) ||
    (type === "ec" && curves.has(details.namedCurve ?? ""));
  return isGood ? undefined : "must be of RSA with 2048 bits at least, of ECDSA on P-256, P-384 or P-521, or Ed25519";
}

function keyOf(pem: string): KeyObject | undefined {
  try {
    return createPrivateKey(pem);
  } catch {
    return undefined;
  }
}

/** Who connects, as a server asks to be shown while the connection is encrypted (mutual TLS). */
export const clientCertificate = z
  .strictObject({
    certificate: z
      .string()
      .max(100_000)
      .describe("The client's certificate in PEM, followed by those between it and its authority."),
    private_key: z.string().max(20_000).describe("The certificate's private key in PEM, not encrypted."),
  })
  .superRefine(({ certificate, private_key }, context) => {
    const key = keyOf(private_key);
    if (key === undefined) {
      context.addIssue({
        code: "custom",
        path: ["private_key"],
        message: "must be a private key in PEM, not encrypted",
      });
    }
    const problem = certificateProblem(certificate, key);
    if (problem !== undefined) context.addIssue({ code: "custom", path: ["certificate"], message: problem });
  });

function certificateProblem(pem: string, key: KeyObject | undefined): string | undefined {
  try {
    const isOfKey = key === undefined || new X509Certificate(pem).checkPrivateKey(key);
    return isOfKey ? undefined : "must be the certificate of the private key that is given with it";
  } catch {
    return "must be a certificate in PEM (-----BEGIN CERTIFICATE-----)";
  }
}

/** What every credential may hold besides its own. */
export const withCertificate = {
  client_certificate: clientCertificate
    .optional()
    .describe("Shown to a source that asks who connects (mutual TLS), besides everything else."),
};
