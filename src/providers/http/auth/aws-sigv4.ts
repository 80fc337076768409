/**
 * AWS Signature Version 4: the whole request is signed, and the secret is not sent.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
import { createHash, createHmac, type Hash, type Hmac } from "node:crypto";
import { SignatureV4 } from "@smithy/signature-v4";
import { z } from "zod";
import type { Authentication, HttpRequest } from "../exchange.ts";
import { headerText, withCertificate } from "./fields.ts";
import { strictlyEncoded } from "./request.ts";

const word = z
  .string()
  .max(100)
  .regex(/^[a-z0-9-]+$/, "must be lower case letters, digits and hyphens");

export const awsSigV4Config = z.strictObject({
  type: z.literal("aws_sigv4").describe("Requests signed with AWS Signature Version 4."),
  region: word.describe("The region that the request is signed for: us-east-1."),
  service: word.describe("The service's name in signatures: execute-api, s3, dynamodb."),
  payload: z
    .enum(["signed", "unsigned"])
    .default("signed")
    .describe("unsigned: the signature leaves the body out, which only some services take (s3 over https)."),
});

export const awsSigV4Credential = z.strictObject({
  type: z.literal("aws_sigv4"),
  access_key_id: headerText(200).describe("The access key's id: AKIA…"),
  secret_access_key: z.string().min(1).max(1_000).describe("The access key's secret."),
  session_token: headerText(16_000).optional().describe("The session token of temporary credentials."),
  ...withCertificate,
});

type Config = z.output<typeof awsSigV4Config>;
type Credential = z.output<typeof awsSigV4Credential>;

/** What proxies change. */
const ofTheWay = new Set(["accept-encoding"]);

export function awsSigV4({ region, service, payload }: Config, credential: Credential): Authentication {
  const isS3 = /^s3(?:-|$)/.test(service);
  const signer = new SignatureV4({
    credentials: {
      accessKeyId: credential.access_key_id,
      secretAccessKey: credential.secret_access_key,
      ...(credential.session_token === undefined ? {} : { sessionToken: credential.session_token }),
    },
    region,
    service,
    sha256: Sha256,
    // Its paths are signed as they are sent, all others' encoded once more.
    uriEscapePath: !isS3,
    applyChecksum: isS3,
  });
  return {
    async authorize(request) {
      const url = strictUrl(request.url);
      const unsigned = payload === "unsigned" ? { "x-amz-content-sha256": "UNSIGNED-PAYLOAD" } : {};
      const whole = signable({ ...request, url }, unsigned);
      const { headers } = await signer.sign(whole, { signingDate: new Date(), unsignableHeaders: ofTheWay });
      // The client sends it as the URL has it.
      const { host: _, ...signed } = headers;
      return { ...request, url, headers: signed };
    },
  };
}

function signable({ method, url, headers, body }: HttpRequest, more: Readonly<Record<string, string>>) {
  const query = Object.fromEntries([...url.searchParams.keys()].map((name) => [name, url.searchParams.getAll(name)]));
  return {
    ...{ method, protocol: url.protocol, hostname: url.hostname, path: url.pathname, query, body },
    headers: { ...headers, host: url.host, ...more },
  };
}

/** As the receiver writes it when it checks the signature: what may be written in several ways, in one. */
function strictUrl(given: URL): URL {
  const url = new URL(given);
  url.pathname = url.pathname.split("/").map(strictSegment).join("/");
  url.search = [...url.searchParams].map((pair) => pair.map(strictlyEncoded).join("=")).join("&");
  return url;
}

function strictSegment(segment: string): string {
  try {
    return strictlyEncoded(decodeURIComponent(segment));
  } catch {
    return segment; // It encodes no UTF-8: then its bytes have one spelling only.
  }
}

/** SHA-256, or HMAC-SHA-256 with a secret, as the signer asks for it. */
class Sha256 {
  readonly #hash: Hash | Hmac;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = secret === undefined ? createHash("sha256") : createHmac("sha256", bytesOf(secret));
  }

  update(data: string | ArrayBuffer | ArrayBufferView): void {
    this.#hash.update(bytesOf(data));
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }
}

function bytesOf(data: string | ArrayBuffer | ArrayBufferView): Uint8Array {
  if (typeof data === "string") return Buffer.from(data);
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}
