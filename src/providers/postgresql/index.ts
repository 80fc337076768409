/** PostgreSQL 12 and later, and what speaks its protocol. */
import { z } from "zod";
import { defineProvider } from "../contract.ts";
import { ca, host, passwordCredential, portOr, textOf, tls } from "../sql/server-fields.ts";
import { classify } from "./errors.ts";
import { normalized } from "./normalized.ts";
import { openSession } from "./session.ts";

/** PostgreSQL's names hold at most 63 bytes. */
const name = textOf(63);

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
    port: portOr(5432),
    database: name.describe("The database."),
    user: name.describe(
      "The user. Give it no more than it needs: SELECT on what should be read, and INSERT, UPDATE or DELETE on what Execute should change.",
    ),
    tls,
    ca,
    functions: z
      .array(functionName)
      .max(200)
      .optional()
      .describe(
        "Functions that native statements may call though the database declares them VOLATILE, or their language or extension may do anything: public.rate. Each such call costs a new connection.",
      ),
  }),
  credential: passwordCredential,
  endpoint: ({ host, port, database, user, tls, ca }) => ({ host, port, database, user, tls, ca: ca ?? "" }),
  open: (config, { password }, context) => openSession({ ...config, trust: context.trust }, password, context),
  normalize: normalized,
  classify: (cause) => classify(cause),
});
