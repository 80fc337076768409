/** MySQL 8.0 and later, MariaDB 10.6 and later, and what speaks their protocol. */
import { createPublicKey } from "node:crypto";
import { z } from "zod";
import { defineProvider } from "../contract.ts";
import { ca, host, passwordCredential, portOr, textOf, tls } from "../sql/server-fields.ts";
import { classify } from "./errors.ts";
import { normalized } from "./normalized.ts";
import { openSession } from "./session.ts";

/** As the catalogue has it, without quotes: two names and a dot between them. */
const functionName = z
  .string()
  .max(129)
  .regex(/^[^.`"\0]{1,64}\.[^.`"\0]{1,64}$/, "must be a database and a function, as shop.rate");

/** Not a private key, of which a public one could be made, too. */
function isPublicKey(pem: string): boolean {
  try {
    return /^\s*-----BEGIN (?:RSA )?PUBLIC KEY-----/.test(pem) && createPublicKey(pem).asymmetricKeyType === "rsa";
  } catch {
    return false;
  }
}

export default defineProvider({
  id: "mysql",
  title: "MySQL and MariaDB",
  type: "database",
  capabilities: ["test", "schema", "query", "native_query", "explain", "execute"],
  config: z.strictObject({
    host,
    port: portOr(3306),
    database: textOf(64).describe("The database, whose tables and views are the connector's resources."),
    user: textOf(128).describe(
      "The user. Give it no more than it needs: SELECT on what should be read, and INSERT, UPDATE or DELETE on what Execute should change.",
    ),
    tls,
    ca,
    server_public_key: z
      .string()
      .max(10_000)
      .refine(isPublicKey, "must be an RSA public key in PEM")
      .optional()
      .describe(
        "The server's own public key in PEM, as `caching_sha2_password_public_key_path` names it: without TLS, a password that the server asks for is sent encrypted with it, and not at all when it is missing.",
      ),
    functions: z
      .array(functionName)
      .max(200)
      .optional()
      .describe(
        "Stored functions that native statements may call, whatever they do: shop.rate. What they declare of themselves the server does not enforce.",
      ),
  }),
  credential: passwordCredential,
  endpoint: ({ host, port, database, user, tls, ca, server_public_key }) => ({
    ...{ host, port, database, user, tls },
    ca: ca ?? "",
    server_public_key: server_public_key ?? "",
  }),
  open: ({ server_public_key: serverPublicKey, ...config }, { password }, { trust, ...context }) =>
    openSession({ ...config, serverPublicKey, trust }, password, context),
  normalize: normalized,
  classify: (cause) => classify(cause),
});
