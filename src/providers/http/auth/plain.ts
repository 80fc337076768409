/** Secrets that are sent as they are: API keys, bearer tokens, and user names with passwords. */
import { z } from "zod";
import type { Authentication } from "../exchange.ts";
import { headerName, headerText, withCertificate } from "./fields.ts";
import { withHeaders, withParameter } from "./request.ts";

export const apiKeyConfig = z
  .strictObject({
    type: z.literal("api_key").describe("An API key in a header, a query parameter or a cookie."),
    in: z
      .enum(["header", "query", "cookie"])
      .default("header")
      .describe("Where the key goes. A header is best: addresses with a key in them end up in logs on their way."),
    name: z.string().min(1).max(100).describe("The header's, the parameter's or the cookie's name: X-Api-Key."),
    prefix: z
      .string()
      .max(50)
      .regex(/^[\x20-\x7e]*$/, "must be printable ASCII")
      .default("")
      .describe('Stands before the key, with its blank: "Token ".'),
  })
  .superRefine(({ in: place, name }, context) => {
    const checked = place === "query" ? { success: true as const } : headerName.safeParse(name);
    if (!checked.success) {
      const message = checked.error.issues[0]?.message ?? "must be a header's name";
      context.addIssue({ code: "custom", path: ["name"], message });
    }
  });

export const apiKeyCredential = z.strictObject({
  type: z.literal("api_key"),
  key: headerText(4_000).describe("The API key."),
  ...withCertificate,
});

export function apiKey(config: z.output<typeof apiKeyConfig>, key: string): Authentication {
  const { in: place, name, prefix } = config;
  const value = prefix + key;
  return {
    async authorize(request) {
      if (place === "header") return withHeaders(request, { [name]: value });
      if (place === "query") return withParameter(request, name, value);
      const { cookie } = request.headers;
      const others = cookie === undefined ? "" : `${cookie}; `;
      return withHeaders(request, { cookie: `${others}${name}=${value}` });
    },
  };
}

export const bearerConfig = z.strictObject({
  type: z.literal("bearer").describe("A token that does not expire, in the header Authorization (RFC 6750)."),
});

export const bearerCredential = z.strictObject({
  type: z.literal("bearer"),
  token: headerText(16_000).describe("The token, without the word Bearer."),
  ...withCertificate,
});

export function bearer(token: string): Authentication {
  return { authorize: async (request) => withHeaders(request, { authorization: `Bearer ${token}` }) };
}

export const basicConfig = z.strictObject({
  type: z.literal("basic").describe("A user name and a password in the header Authorization (RFC 7617)."),
});

/** RFC 7617, section 2: no control characters; the first colon ends the user's name. */
const withoutControls = /^\P{Cc}*$/u;

export const basicCredential = z.strictObject({
  type: z.literal("basic"),
  user: z
    .string()
    .max(1_000)
    .regex(withoutControls, "must not hold control characters")
    .refine((user) => !user.includes(":"), "must not hold a colon")
    .describe("The user's name. Some sources want an API key here, and no password."),
  password: z
    .string()
    .max(4_000)
    .regex(withoutControls, "must not hold control characters")
    .default("")
    .describe("The user's password."),
  ...withCertificate,
});

export function basic({ user, password }: z.output<typeof basicCredential>): Authentication {
  const encoded = Buffer.from(`${user}:${password}`).toString("base64");
  return { authorize: async (request) => withHeaders(request, { authorization: `Basic ${encoded}` }) };
}
