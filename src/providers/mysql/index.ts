/** MySQL 8.0 and later, MariaDB 10.6 and later, and what speaks their protocol. */
import { createPublicKey } from "node:crypto";
import { z } from "zod";
import { certificatesProblem } from "../../egress/certificates.ts";
import { hostHint, isHost } from "../../egress/name.ts";
import { defineProvider } from "../contract.ts";
import { classify } from "./errors.ts";
import { openSession } from "./session.ts";

const host = z.string().max(253).refine(isHost, hostHint).describe("The server's host name or IP address.");

const withoutNul = [(text: string) => !text.includes("\0"), "must not hold a NUL character"] as const;

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
    port: z.int().min(1).max(65_535).default(3306).describe("The server's port."),
    database: z
      .string()
      .min(1)
      .max(64)
      .refine(...withoutNul)
      .describe("The database, whose tables and views are the connector's resources."),
    user: z
      .string()
      .min(1)
      .max(128)
      .refine(...withoutNul)
      .describe(
        "The user. Give it no more than it needs: SELECT on what should be read, and INSERT, UPDATE or DELETE on what Execute should change.",
      ),
    tls: z
      .enum(["verify_full", "verify_ca", "disable"])
      .default("verify_full")
      .describe(
        "verify_full: encrypted, the certificate verified and issued for this host. verify_ca: the host's name may differ. disable: not encrypted; only where the network is trusted.",
      ),
    ca: z
      .string()
      .max(100_000)
      .superRefine((pem, context) => {
        const problem = certificatesProblem(pem);
        if (problem !== undefined) context.addIssue(problem);
      })
      .optional()
      .describe(
        "Certificates in PEM of the authorities that sign the server's, each from its root on, trusted instead of all others. Without it: the public ones, and those that the operator adds.",
      ),
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
  credential: z.strictObject({
    password: z
      .string()
      .min(1)
      .max(1_000)
      .refine(...withoutNul)
      .describe("The user's password."),
  }),
  endpoint: ({ host, port, database, user, tls, ca, server_public_key }) => ({
    ...{ host, port, database, user, tls },
    ca: ca ?? "",
    server_public_key: server_public_key ?? "",
  }),
  open: ({ server_public_key: serverPublicKey, ...config }, { password }, { trust, ...context }) =>
    openSession({ ...config, serverPublicKey, trust }, password, context),
  classify: (cause) => classify(cause),
});
