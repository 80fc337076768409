/**
 * The service's configuration: the only reader of the environment. A wrong value
 * stops the start with its name and what it should be.
 */
import { readFileSync } from "node:fs";
import { z } from "zod";
import { Failure } from "./failure.ts";
import { type LogLevel, logLevels } from "./observability/log.ts";
import { defaultDataDirectory } from "./store/embedded/directory.ts";

export interface Config {
  readonly host: string;
  readonly port: number;
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
  /** A database of the operator's, or a built-in one in this directory. */
  readonly database: { readonly url: string } | { readonly directory: string };
  /** Undefined with the built-in database only, which has keys of its own. */
  readonly encryptionKeys: string | undefined;
  readonly signingKey: string | undefined;
  readonly jwt: JwtConfig | undefined;
  /** Ranges in CIDR notation that connectors may reach besides the public internet. */
  readonly egressAllow: readonly string[];
  readonly maxConnections: number;
  readonly timeouts: { readonly unaryMs: number; readonly streamMs: number; readonly maxMs: number };
  readonly drainMs: number;
  readonly logLevel: LogLevel;
}

export interface JwtConfig {
  readonly issuer: string;
  readonly audience: string;
  readonly organizationClaim: string;
  /** A JSON Web Key Set, or a secret that is shared with the issuer. */
  readonly keys: { readonly jwks: string } | { readonly secret: string };
}

type Environment = Readonly<Record<string, string | undefined>>;

const seconds = (fallback: number) =>
  z.coerce
    .number("must be a number of seconds")
    .positive()
    .max(86_400)
    .default(fallback)
    .transform((value) => value * 1_000);

const file = z.string().transform((path, context) => {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    context.addIssue(`must be a file that the service can read (${(error as NodeJS.ErrnoException).code})`);
    return z.NEVER;
  }
});

const schema = z.object({
  HOST: z.string().default("127.0.0.1"),
  PORT: z.coerce.number("must be a port number").int().min(0).max(65_535).default(8080),
  TLS_CERT: file.optional(),
  TLS_KEY: file.optional(),
  DATABASE_URL: z
    .string()
    .regex(/^postgres(ql)?:\/\//, "must begin with postgres://")
    .optional(),
  CONNECTOR_DATA_DIR: z.string().optional(),
  ENCRYPTION_KEYS: z.string().optional(),
  ENCRYPTION_KEY: z.string().optional(),
  SIGNING_KEY: z.string().optional(),
  JWT_ISSUER: z.string().optional(),
  JWT_AUDIENCE: z.string().optional(),
  JWT_ORGANIZATION_CLAIM: z.string().default("organization_id"),
  JWT_JWKS_FILE: file.optional(),
  JWT_SECRET: z.string().optional(),
  EGRESS_ALLOW: z
    .string()
    .default("")
    .transform((text) =>
      text
        .split(",")
        .map((range) => range.trim())
        .filter((range) => range !== ""),
    ),
  MAX_CONNECTIONS_PER_CONNECTOR: z.coerce.number("must be a number").int().min(1).max(1_000).default(10),
  UNARY_TIMEOUT_SECONDS: seconds(30),
  STREAM_TIMEOUT_SECONDS: seconds(600),
  MAX_TIMEOUT_SECONDS: seconds(3_600),
  DRAIN_SECONDS: seconds(25),
  LOG_LEVEL: z.enum(logLevels).default("info"),
});

/** @throws Failure of kind `configuration_rejected` that names every wrong variable */
export function readConfig(environment: Environment): Config {
  // An empty variable is an unset one, as in a compose file.
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ""));
  const parsed = schema.safeParse(given);
  if (!parsed.success) {
    throw wrong(parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`));
  }
  const values = parsed.data;
  const problems = [...missingPartners(values), ...missingKeys(values)];
  if (problems.length > 0) throw wrong(problems);
  const { DATABASE_URL, TLS_CERT, TLS_KEY } = values;
  const builtIn = DATABASE_URL === undefined;
  return {
    host: values.HOST,
    port: values.PORT,
    tls: TLS_CERT === undefined || TLS_KEY === undefined ? undefined : { cert: TLS_CERT, key: TLS_KEY },
    database: builtIn
      ? { directory: values.CONNECTOR_DATA_DIR ?? defaultDataDirectory(environment) }
      : { url: DATABASE_URL },
    encryptionKeys: values.ENCRYPTION_KEYS ?? values.ENCRYPTION_KEY,
    signingKey: values.SIGNING_KEY,
    jwt: jwtOf(values),
    // Beside the built-in database, what runs on this machine is what one tries things on.
    egressAllow: builtIn ? ["127.0.0.0/8", "::1/128", ...values.EGRESS_ALLOW] : values.EGRESS_ALLOW,
    maxConnections: values.MAX_CONNECTIONS_PER_CONNECTOR,
    timeouts: {
      unaryMs: values.UNARY_TIMEOUT_SECONDS,
      streamMs: values.STREAM_TIMEOUT_SECONDS,
      maxMs: values.MAX_TIMEOUT_SECONDS,
    },
    drainMs: values.DRAIN_SECONDS,
    logLevel: values.LOG_LEVEL,
  };
}

type Values = z.output<typeof schema>;

/** Variables that mean something only together. */
function missingPartners(values: Values): string[] {
  const problems: string[] = [];
  if ((values.TLS_CERT === undefined) !== (values.TLS_KEY === undefined)) {
    problems.push("TLS_CERT, TLS_KEY: give both or none");
  }
  if (values.ENCRYPTION_KEYS !== undefined && values.ENCRYPTION_KEY !== undefined) {
    problems.push("ENCRYPTION_KEYS, ENCRYPTION_KEY: give one of them");
  }
  const { JWT_JWKS_FILE, JWT_SECRET, JWT_ISSUER, JWT_AUDIENCE, DATABASE_URL } = values;
  if (JWT_JWKS_FILE !== undefined && JWT_SECRET !== undefined) {
    problems.push("JWT_JWKS_FILE, JWT_SECRET: give one of them");
  }
  const verifies = JWT_JWKS_FILE !== undefined || JWT_SECRET !== undefined;
  if (verifies && (JWT_ISSUER === undefined || JWT_AUDIENCE === undefined)) {
    problems.push("JWT_ISSUER, JWT_AUDIENCE: are needed to verify JWTs");
  }
  if (!verifies && (JWT_ISSUER !== undefined || JWT_AUDIENCE !== undefined)) {
    problems.push("JWT_JWKS_FILE: is needed to verify JWTs");
  }
  if (JWT_SECRET !== undefined && DATABASE_URL !== undefined) {
    problems.push("JWT_SECRET: is for development, with the built-in database, only; use JWT_JWKS_FILE");
  }
  return problems;
}

/** A database of the operator's outlives this machine: so must the keys of what it holds. */
function missingKeys(values: Values): string[] {
  if (values.DATABASE_URL === undefined) return [];
  const problems: string[] = [];
  if (values.ENCRYPTION_KEYS === undefined && values.ENCRYPTION_KEY === undefined) {
    problems.push("ENCRYPTION_KEYS: is required with DATABASE_URL, as id:KEY with what `openssl rand -hex 32` prints");
  }
  if (values.SIGNING_KEY === undefined) {
    problems.push("SIGNING_KEY: is required with DATABASE_URL; give what `openssl rand -hex 32` prints");
  }
  return problems;
}

function jwtOf(values: Values): JwtConfig | undefined {
  const { JWT_ISSUER: issuer, JWT_AUDIENCE: audience, JWT_JWKS_FILE: jwks, JWT_SECRET: secret } = values;
  if (issuer === undefined || audience === undefined) return undefined;
  const organizationClaim = values.JWT_ORGANIZATION_CLAIM;
  if (jwks !== undefined) return { issuer, audience, organizationClaim, keys: { jwks } };
  return secret === undefined ? undefined : { issuer, audience, organizationClaim, keys: { secret } };
}

function wrong(problems: readonly string[]): Failure {
  return new Failure("configuration_rejected", `The configuration is not valid:\n  ${problems.join("\n  ")}`, {
    where: "service",
    remedy: "Change these environment variables; the README lists all of them.",
  });
}
