/** What may be declared, and what is said of the rest. */
import { generateKeyPairSync } from "node:crypto";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import {
  authenticationEndpoint,
  authenticationMisfits,
  authenticationOf,
} from "../../../../src/providers/http/auth/authentication.ts";
import { authenticationConfig, authenticationCredential } from "../../../../src/providers/http/auth/declaration.ts";
import { certificateAuthority } from "../../../support/certificate.ts";
import { configured, dial, secret } from "./setting.ts";

const oauth = { issuer: "https://login.test", client_id: "c" };
const authority = certificateAuthority();

/** The wrong fields and what is said of each; nothing of a secret. */
function problems(schema: z.ZodType, given: Readonly<Record<string, unknown>>): Record<string, string> {
  const { error } = schema.safeParse(given);
  expect(JSON.stringify(error?.issues ?? [])).not.toContain("s3cret");
  return Object.fromEntries((error?.issues ?? []).map(({ path, message }) => [path.join("."), message]));
}

test("every field says what it is, to whoever shows the schemas", () => {
  for (const schema of [authenticationConfig, authenticationCredential]) {
    const { oneOf } = z.toJSONSchema(schema, { io: "input" }) as { oneOf: { properties: Record<string, object> }[] };
    const silent = oneOf.flatMap(({ properties }) =>
      Object.entries(properties).flatMap(([name, field]) => (name === "type" || "description" in field ? [] : [name])),
    );
    expect(silent).toEqual([]);
    expect(oneOf.length).toBe(11);
  }
});

describe("a config is refused that", () => {
  test.each([
    ["names no header", { type: "api_key", name: "X Key" }, { name: /name of a header/ }],
    ["names a header of the connection's", { type: "api_key", name: "Transfer-Encoding" }, { name: /service sets/ }],
    [
      "names no issuer and no endpoint",
      { type: "oauth2_client_credentials", client_id: "c" },
      { token_endpoint: /required/ },
    ],
    [
      "has no place to send a browser to",
      { type: "oauth2_authorization_code", client_id: "c", token_endpoint: "https://login.test/token" },
      { authorization_endpoint: /required/ },
    ],
    [
      "has a user in a URL",
      { type: "oauth2_refresh_token", ...oauth, issuer: "https://u:s3cret@login.test" },
      { issuer: /without user/ },
    ],
    [
      "has a fragment in a URL",
      { type: "oauth2_refresh_token", ...oauth, issuer: "https://login.test#x" },
      { issuer: /fragment/ },
    ],
    [
      "has no http in a URL",
      { type: "oauth2_refresh_token", ...oauth, issuer: "file:///etc/passwd" },
      { issuer: /https/ },
    ],
    [
      "sets what the service sets",
      { type: "oauth2_refresh_token", ...oauth, parameters: { client_secret: "x" } },
      { "parameters.client_secret": /field of its own/ },
    ],
    [
      "sets what PKCE needs",
      { type: "oauth2_authorization_code", ...oauth, authorization_parameters: { code_challenge: "x" } },
      { "authorization_parameters.code_challenge": /field of its own/ },
    ],
    [
      "has a scope of two words",
      { type: "oauth2_refresh_token", ...oauth, scopes: ["a b"] },
      { "scopes.0": /one scope/ },
    ],
    [
      "shows who an unnamed client is",
      {
        type: "oauth2_jwt_bearer",
        issuer: oauth.issuer,
        assertion_issuer: "i",
        client_authentication: "client_secret_post",
      },
      { client_id: /required/ },
    ],
    ["names no type that there is", { type: "digest" }, { type: /api_key/ }],
    ["has a field too many", { type: "bearer", token: "s3cret" }, { "": /token/ }],
  ])("%s", (_, config, expected: Record<string, RegExp>) => {
    const found = problems(authenticationConfig, config);
    expect(Object.keys(found)).toEqual(Object.keys(expected));
    for (const [field, message] of Object.entries(expected)) expect(found[field]).toMatch(message);
  });
});

describe("a credential is refused that", () => {
  const weak = generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey;
  const encrypted = { type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "s3cret" } as const;
  const { cert, key } = authority.issue();
  const jwt = { type: "oauth2_jwt_bearer" };

  test.each([
    ["breaks a header", { type: "bearer", token: "s3cret\r\nx: y" }, { token: /printable/ }],
    ["is not of this alphabet", { type: "api_key", key: "s3cret✓" }, { key: /printable/ }],
    ["has a colon in its user", { type: "basic", user: "a:b", password: "s3cret" }, { user: /colon/ }],
    ["has a control character", { type: "basic", user: "a", password: "s3cret\0" }, { password: /control/ }],
    ["holds no key", { ...jwt, private_key: "s3cret" }, { private_key: /PEM/ }],
    [
      "holds a weak key",
      { ...jwt, private_key: weak.export({ type: "pkcs8", format: "pem" }) },
      { private_key: /2048/ },
    ],
    ["holds an encrypted key", { ...jwt, private_key: weak.export(encrypted) }, { private_key: /not encrypted/ }],
    [
      "holds the certificate of another key",
      { type: "mtls", client_certificate: { certificate: cert, private_key: authority.issue().key } },
      { "client_certificate.certificate": /of the private key/ },
    ],
    [
      "holds no certificate",
      { type: "mtls", client_certificate: { certificate: "s3cret", private_key: key } },
      { "client_certificate.certificate": /in PEM/ },
    ],
  ])("%s", (_, credential, expected: Record<string, RegExp>) => {
    const found = problems(authenticationCredential, credential);
    expect(Object.keys(found)).toEqual(Object.keys(expected));
    for (const [field, message] of Object.entries(expected)) expect(found[field]).toMatch(message);
  });
});

describe("a credential that is good by itself", () => {
  test.each([
    [{ type: "bearer" }, { type: "basic", user: "s3cret" }, "type"],
    [{ type: "bearer" }, undefined, "type"],
    [{ type: "oauth2_client_credentials", ...oauth }, { type: "oauth2_client_credentials" }, "client_secret"],
    [
      { type: "oauth2_client_credentials", ...oauth, client_authentication: "private_key_jwt" },
      { type: "oauth2_client_credentials", client_secret: "s3cret" },
      "private_key",
    ],
    [
      { type: "oauth2_refresh_token", ...oauth, client_authentication: "tls_client_auth" },
      { type: "oauth2_refresh_token", refresh_token: "s3cret" },
      "client_certificate",
    ],
  ])("must fit its config: %j", (config, credential, field) => {
    const [parsed, given] = [configured(config), credential && secret(credential)];
    expect(authenticationMisfits(parsed, given).map((each) => each.field)).toEqual([field]);
    expect(() => authenticationOf(parsed, given, { dial })).toThrow(
      expect.objectContaining({
        kind: "configuration_rejected",
        message: expect.stringContaining(`credential.${field} `),
      }),
    );
  });

  test("is bound to where it goes", () => {
    const bound = (config: object) => authenticationEndpoint(configured(config));
    const code = { type: "oauth2_authorization_code", ...oauth, token_endpoint: "https://t.test", client_id: "id" };
    expect(bound(code)).toEqual({
      ...{ authentication: "oauth2_authorization_code", issuer: oauth.issuer, token_endpoint: "https://t.test" },
      ...{
        authorization_endpoint: "",
        authorization_ca: "",
        client_id: "id",
        client_authentication: "client_secret_basic",
      },
    });
    const assertion = { type: "oauth2_jwt_bearer", token_endpoint: "https://t.test", assertion_issuer: "service" };
    expect(bound(assertion)).toMatchObject({ assertion_issuer: "service", assertion_subject: "service" });
    expect(bound({ ...assertion, assertion_subject: "boss" })).toMatchObject({ assertion_subject: "boss" });
    expect(bound({ type: "api_key", in: "query", name: "Key" })).not.toEqual(bound({ type: "api_key", name: "Key" }));
    expect(bound({ type: "none" })).toEqual({ authentication: "none" });
  });
});
