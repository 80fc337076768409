/** PostgreSQL 12 and later, and what speaks its protocol. */
import { z } from "zod";
import { certificatesProblem } from "../../egress/certificates.ts";
import { hostHint, isHost } from "../../egress/name.ts";
import { defineProvider } from "../contract.ts";
import { classify } from "./errors.ts";
import { normalized } from "./normalized.ts";
import { openSession } from "./session.ts";

const host = z.string().max(253).refine(isHost, hostHint).describe("The server's host name or IP address.");

/** PostgreSQL's names hold at most 63 bytes, and no NUL. */
const name = z
  .string()
  .min(1)
  .max(63)
  .refine((text) => !text.includes("\0"), "must not hold a NUL character");

/** As the catalogue has it, without quotes: two names and a dot between them. */
const functionName = z
  .string()
  .max(127)
  .regex(/^[^."\0]{1,63}\.[^."\0]{1,63}$/, "must be a schema and a function, as public.rate")
  .refine((text) => !text.startsWith("pg_catalog."), "must be a function of the database's own");

export default defineProvider({
  id: "postgresql",
  title: "PostgreSQL",
  type: "database",
  capabilities: ["test", "schema", "query", "native_query", "explain", "execute"],
  config: z.strictObject({
    host,
    port: z.int().min(1).max(65_535).default(5432).describe("The server's port."),
    database: name.describe("The database."),
    user: name.describe("The user. Give it no more than it needs: SELECT on what should be read."),
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
    functions: z
      .array(functionName)
      .max(200)
      .optional()
      .describe(
        "Functions that native statements may call though the database declares them VOLATILE, or their language or extension may do anything: public.rate. Each such call costs a new connection.",
      ),
  }),
  credential: z.strictObject({
    password: z
      .string()
      .min(1)
      .max(1_000)
      .refine((text) => !text.includes("\0"), "must not hold a NUL character")
      .describe("The user's password."),
  }),
  endpoint: ({ host, port, database, user, tls, ca }) => ({ host, port, database, user, tls, ca: ca ?? "" }),
  open: (config, { password }, context) => openSession({ ...config, trust: context.trust }, password, context),
  normalize: normalized,
  classify: (cause) => classify(cause),
});
