/** Requests signed with a shared secret, in the way that the source's own documentation asks for. */
import { createHmac, randomBytes, randomUUID } from "node:crypto";
import { z } from "zod";
import type { Authentication, HttpRequest } from "../exchange.ts";
import { headerName, headerText, namesTo, withCertificate } from "./fields.ts";
import { filled, type Made, placeholdersOf, templateProblem } from "./hmac-template.ts";
import { withHeaders, withParameter } from "./request.ts";

const template = (maxLength: number) =>
  z
    .string()
    .max(maxLength)
    .superRefine((text, context) => {
      const problem = templateProblem(text);
      if (problem !== undefined) context.addIssue(problem);
    });

const headerTemplate = template(1_000).regex(/^[\x20-\x7e]*$/, "must be printable ASCII");

export const hmacConfig = z
  .strictObject({
    type: z.literal("hmac").describe("Requests signed by a keyed hash (HMAC, RFC 2104) of some of their parts."),
    algorithm: z.enum(["sha1", "sha256", "sha384", "sha512"]).default("sha256").describe("The hash."),
    signed: template(2_000)
      .min(1)
      .describe(
        "What is signed, in its order: text with {method}, {host}, {path}, {query}, {sorted_query}, {path_and_query}, {url}, {body}, {timestamp}, {nonce}, {key_id}, {header:NAME}, or a hash of the body such as {body:sha256:hex} or {body:md5:base64}. A line break is \\n.",
      ),
    encoding: z.enum(["hex", "base64", "base64url"]).default("hex").describe("How the signature is written."),
    secret_encoding: z
      .enum(["text", "hex", "base64"])
      .default("text")
      .describe("How the credential's secret is written."),
    timestamp: z
      .enum(["seconds", "milliseconds", "iso8601", "http_date"])
      .default("seconds")
      .describe(
        "How {timestamp} is written: since 1970, as 2026-01-31T08:00:00Z, or as Sat, 31 Jan 2026 08:00:00 GMT.",
      ),
    nonce: z.enum(["uuid", "hex"]).default("uuid").describe("What {nonce} is: random, for each request."),
    headers: namesTo(headerName, headerTemplate)
      .default({})
      .describe('Headers that are added: { "X-Signature": "v1={signature}", "X-Timestamp": "{timestamp}" }.'),
    parameters: namesTo(z.string().min(1).max(100), template(1_000))
      .default({})
      .describe("Query parameters that are added, in this order. Those without {signature} are signed with the query."),
  })
  .superRefine(({ signed, headers, parameters }, context) => {
    const shows = Object.values({ ...headers, ...parameters }).some(isSignature);
    if (!shows)
      context.addIssue({ code: "custom", path: ["headers"], message: "must hold {signature} in some header" });
    if (isSignature(signed)) {
      context.addIssue({ code: "custom", path: ["signed"], message: "must not hold {signature}, which comes of it" });
    }
  });

export const hmacCredential = z.strictObject({
  type: z.literal("hmac"),
  key_id: headerText(1_000).optional().describe("The key's public name, where there is one: {key_id}."),
  secret: z.string().min(1).max(4_000).describe("The shared secret; it is not sent."),
  ...withCertificate,
});

type Config = z.output<typeof hmacConfig>;
type Credential = z.output<typeof hmacCredential>;

function isSignature(text: string): boolean {
  return placeholdersOf(text).includes("signature");
}

export function hmac(config: Config, credential: Credential): Authentication {
  const { secret_encoding: encoding } = config;
  const secret = Buffer.from(credential.secret, encoding === "text" ? "utf8" : encoding);
  return {
    async authorize(request) {
      const made: Made = {
        timestamp: timeOf(new Date(), config.timestamp),
        nonce: config.nonce === "uuid" ? randomUUID() : randomBytes(16).toString("hex"),
        keyId: credential.key_id ?? "",
        signature: "",
      };
      const signed = added(request, config, made, false);
      const signature = createHmac(config.algorithm, secret).update(filled(config.signed, signed, made));
      return added(signed, config, { ...made, signature: signature.digest(config.encoding) }, true);
    },
  };
}

/** With the headers and parameters that show the signature, or with those that don't. */
function added(request: HttpRequest, { headers, parameters }: Config, made: Made, showing: boolean): HttpRequest {
  const meant = (given: Readonly<Record<string, string>>) =>
    Object.entries(given).filter(([, text]) => isSignature(text) === showing);
  const text = (each: string) => filled(each, request, made).toString("utf8");
  const withAll = meant(parameters).reduce((next, [name, each]) => withParameter(next, name, text(each)), request);
  return withHeaders(withAll, Object.fromEntries(meant(headers).map(([name, each]) => [name, text(each)])));
}

function timeOf(now: Date, as: Config["timestamp"]): string {
  if (as === "milliseconds") return String(now.getTime());
  if (as === "iso8601") return now.toISOString().replace(/\.\d+/, "");
  return as === "http_date" ? now.toUTCString() : String(Math.floor(now.getTime() / 1_000));
}
