/**
 * The service's configuration: the only reader of the environment. A wrong value
 * stops the start with its name and what it should be.
 */
import { z } from "zod";
import { type AuthorizationConfig, authorizationOf, authorizationVariables } from "./config/authorization.ts";
import { egressOf, egressPolicy, egressRules } from "./config/egress.ts";
import { type KeysConfig, keysOf, keyVariables } from "./config/keys.ts";
import {
  certificates,
  databaseUrl,
  directory,
  file,
  isKeySetUrl,
  isRedisUrl,
  key,
  keyHint,
  origins,
  ranges,
  seconds,
  whole,
} from "./config/kinds.ts";
import { problemsTogether, wrongCertificate } from "./config/together.ts";
import { type TracesConfig, tracesOf, traceVariables } from "./config/traces.ts";
import type { EgressConfig } from "./egress/rules.ts";
import { Failure } from "./failure.ts";
import { type LogLevel, logLevels } from "./observability/log.ts";
import { defaultDataDirectory } from "./store/embedded/directory.ts";
import { Secret } from "./vault/secret.ts";

/** What is secret in it shows itself to no log. */
export interface Config {
  readonly host: string;
  readonly port: number;
  readonly tls: TlsConfig | undefined;
  /** A database of the operator's, or a built-in one in this directory. */
  readonly database: DatabaseConfig | { readonly directory: string };
  readonly encryptionKeys: KeysConfig;
  readonly audit: AuditConfig;
  /** Undefined with the built-in database only, which has one of its own. */
  readonly signingKey: Secret | undefined;
  readonly jwt: JwtConfig | undefined;
  /** What users need to grant connectors access in browsers. */
  readonly authorization: AuthorizationConfig;
  /** The origins of pages that may call the service from browsers. */
  readonly corsOrigins: readonly string[];
  /** Ranges of the proxies that are believed when they say whom they were called from. */
  readonly trustedProxies: readonly string[];
  /** Where connectors may go. */
  readonly egress: EgressConfig;
  /** Certificates in PEM that are trusted besides those that Node does; undefined: none. */
  readonly ca: string | undefined;
  /** Redis that replicas share rate limits, cool-downs and kept answers in; undefined: each has its own. */
  readonly redis: RedisConfig | undefined;
  /** A folder for each organization in it has the files that its connectors may name; undefined: none may. */
  readonly filesDirectory: string | undefined;
  /** Whether a start brings the schema of the database up to date, or only sees that it is. */
  readonly migrates: boolean;
  /** Where metrics are served; undefined: nowhere. */
  readonly metricsPort: number | undefined;
  /** Connectors that metrics name at most: the busiest of late. */
  readonly metricsConnectors: number;
  /** What the program was built from; undefined: nobody says. */
  readonly commit: string | undefined;
  readonly traces: TracesConfig;
  readonly limits: LimitsConfig;
  readonly timeouts: { readonly unaryMs: number; readonly streamMs: number; readonly maxMs: number };
  /** From SIGTERM, when readiness turns, until nothing new is accepted. */
  readonly drainDelayMs: number;
  /** For running calls to end, from then on. */
  readonly drainMs: number;
  readonly logLevel: LogLevel;
}

export interface AuditConfig {
  /** 64 hex digits, for what the log signs and hashes; undefined: a key that follows from `signingKey`. */
  readonly signingKey: Secret | undefined;
  /** Whole months that are kept besides the one that runs; undefined: all. */
  readonly retentionMonths: number | undefined;
  /** The path of a file that gets every checkpoint. */
  readonly checkpointFile: string | undefined;
}

export interface DatabaseConfig {
  readonly url: Secret;
  /** A way to it that keeps sessions together; undefined: the URL does. */
  readonly directUrl: Secret | undefined;
}

/** What one replica takes on at most, and when it gives up. */
export interface LimitsConfig {
  /** Connections to one connector's source, to one host and to all of them. */
  readonly connections: { readonly connector: number; readonly host: number; readonly all: number };
  /** Calls at once of one organization, and of all of them; a connector's are as many as its connections. */
  readonly calls: { readonly organization: number; readonly all: number };
  /** Calls that may wait for a permit of one connector. */
  readonly waitingCalls: number;
  /** Calls a second of one organization; undefined for no limit. */
  readonly organizationCallsPerSecond: number | undefined;
  /** Milliseconds that a breaker stays open before it lets a probe through. */
  readonly breakerOpenMs: number;
  /** Milliseconds that a stream's reader may take nothing. */
  readonly streamStallMs: number;
  /** Bytes of kept answers, without Redis. */
  readonly cacheBytes: number;
}

export interface RedisConfig {
  readonly url: Secret;
  /** Milliseconds that it may take to answer before a call goes on without it. */
  readonly answerMs: number;
}

export interface TlsConfig {
  readonly cert: string;
  readonly key: Secret;
  /** Clients are asked for certificates. */
  readonly clients: ClientTlsConfig | undefined;
}

export interface ClientTlsConfig {
  /** Authorities in PEM. */
  readonly ca: string;
  readonly auth: "optional" | "required";
  /** What workloads are, as JSON; undefined: their certificates only secure connections. */
  readonly principals: string | undefined;
}

export interface JwtConfig {
  readonly issuer: string;
  readonly audience: string;
  /** The claims that name the organization, and the limits to connectors and to resources. */
  readonly claims: { readonly organization: string; readonly connectors: string; readonly resources: string };
  /** Where the issuer's JSON Web Key Set is, or the set itself, or a secret that is shared with the issuer. */
  readonly keys: { readonly url: string } | { readonly jwks: string } | { readonly secret: Secret };
}

type Environment = Readonly<Record<string, string | undefined>>;

const schema = z.object({
  HOST: z.string().default("127.0.0.1"),
  PORT: whole(0, 65_535).default(8080),
  TLS_CERT: file.optional(),
  TLS_KEY: file.optional(),
  TLS_CLIENT_CA: file.optional(),
  TLS_CLIENT_AUTH: z.enum(["optional", "required"], "must be optional or required").default("optional"),
  SPIFFE_PRINCIPALS_FILE: file.optional(),
  DATABASE_URL: databaseUrl.optional(),
  DATABASE_DIRECT_URL: databaseUrl.optional(),
  CONNECTOR_DATA_DIR: z.string().optional(),
  MIGRATE: z.enum(["on", "off"], "must be on or off").default("on"),
  ...keyVariables,
  SIGNING_KEY: z.string().regex(key, `must be ${keyHint}`).optional(),
  AUDIT_SIGNING_KEY: z.string().regex(key, `must be ${keyHint}`).optional(),
  AUDIT_RETENTION_MONTHS: whole(1, 1_200).optional(),
  AUDIT_CHECKPOINTS_FILE: z.string().optional(),
  JWT_ISSUER: z.string().optional(),
  JWT_AUDIENCE: z.string().optional(),
  JWT_ORGANIZATION_CLAIM: z.string().default("organization_id"),
  JWT_CONNECTORS_CLAIM: z.string().default("connectors"),
  JWT_RESOURCES_CLAIM: z.string().default("resources"),
  JWT_AGENT_CLAIM: z.string().default("agent"),
  JWT_JWKS_URL: z.string().refine(isKeySetUrl, "must be an https URL without a user").optional(),
  JWT_JWKS_FILE: file.optional(),
  JWT_SECRET: z
    .string()
    .refine((text) => Buffer.byteLength(text) >= 32, "must have 32 bytes or more")
    .optional(),
  ...authorizationVariables,
  CORS_ORIGINS: origins.default([]),
  TRUSTED_PROXIES: ranges.default([]),
  EGRESS_ALLOW: egressRules.default([]),
  EGRESS_POLICY_FILE: file.pipe(egressPolicy).optional(),
  CA_FILE: file.pipe(certificates).optional(),
  REDIS_URL: z.string().refine(isRedisUrl, "must be written as redis://user:password@host:6379/0").optional(),
  REDIS_TIMEOUT_SECONDS: seconds(0.1),
  FILES_DIRECTORY: directory.optional(),
  METRICS_PORT: whole(0, 65_535).optional(),
  ...traceVariables,
  METRICS_CONNECTORS: whole(0, 500).default(50),
  BUILD_COMMIT: z
    .string()
    .regex(/^[\w.-]{1,64}$/, "must be a commit's id")
    .optional(),
  MAX_CONNECTIONS_PER_CONNECTOR: whole(1, 1_000).default(10),
  MAX_CONNECTIONS_PER_HOST: whole(1, 10_000).default(100),
  MAX_CONNECTIONS: whole(1, 100_000).default(500),
  MAX_CALLS_PER_ORGANIZATION: whole(1, 100_000).default(100),
  MAX_CALLS: whole(1, 100_000).default(400),
  MAX_WAITING_CALLS_PER_CONNECTOR: whole(0, 100_000).default(100),
  CALLS_PER_SECOND_PER_ORGANIZATION: whole(1, 1_000_000).optional(),
  BREAKER_OPEN_SECONDS: seconds(2),
  STREAM_STALL_SECONDS: seconds(60),
  CACHE_MEGABYTES: whole(1, 100_000).default(64),
  UNARY_TIMEOUT_SECONDS: seconds(30),
  STREAM_TIMEOUT_SECONDS: seconds(600),
  MAX_TIMEOUT_SECONDS: seconds(3_600),
  DRAIN_DELAY_SECONDS: whole(0, 3_600).default(0),
  DRAIN_SECONDS: seconds(25),
  LOG_LEVEL: z.enum(logLevels, `must be one of ${logLevels.join(", ")}`).default("info"),
});

/** The names of all variables that are read. */
export const variables: readonly string[] = Object.keys(schema.shape);

/** An empty variable is an unset one, as in a compose file. */
function givenOf(environment: Environment): Environment {
  return Object.fromEntries(Object.entries(environment).filter(([, value]) => value?.trim() !== ""));
}

/**
 * The one variable that is needed by what looks after the database and nothing else.
 * @throws Failure of kind `configuration_rejected` when it is not there, or wrong
 */
export function readDatabaseUrl(environment: Environment): string {
  const parsed = z.object({ DATABASE_URL: schema.shape.DATABASE_URL.unwrap() }).safeParse(givenOf(environment));
  if (parsed.success) return parsed.data.DATABASE_URL;
  throw wrong(["DATABASE_URL: must be written as postgres://user:password@host:5432/database, percent-encoded"]);
}

/** @throws Failure of kind `configuration_rejected` that names every wrong variable */
export function readConfig(environment: Environment): Config {
  const given = givenOf(environment);
  const parsed = schema.safeParse(given);
  const problems = [
    ...new Set(parsed.error?.issues.map(({ path, message }) => `${String(path[0])}: ${message}`)),
    ...problemsTogether(given),
    ...(parsed.success ? wrongCertificate(parsed.data) : []),
  ];
  if (!parsed.success || problems.length > 0) throw wrong(problems);
  const values = parsed.data;
  const { DATABASE_URL, REDIS_URL, SIGNING_KEY } = values;
  const builtIn = DATABASE_URL === undefined;
  return {
    host: values.HOST,
    port: values.PORT,
    tls: tlsOf(values),
    database: builtIn
      ? { directory: values.CONNECTOR_DATA_DIR ?? defaultDataDirectory(environment) }
      : { url: new Secret(DATABASE_URL), directUrl: secretOf(values.DATABASE_DIRECT_URL) },
    encryptionKeys: keysOf(values),
    audit: {
      signingKey: secretOf(values.AUDIT_SIGNING_KEY),
      retentionMonths: values.AUDIT_RETENTION_MONTHS,
      checkpointFile: values.AUDIT_CHECKPOINTS_FILE,
    },
    signingKey: secretOf(SIGNING_KEY),
    jwt: jwtOf(values),
    authorization: authorizationOf(values),
    corsOrigins: values.CORS_ORIGINS,
    trustedProxies: values.TRUSTED_PROXIES,
    egress: egressOf(values.EGRESS_ALLOW, values.EGRESS_POLICY_FILE, builtIn),
    ca: values.CA_FILE,
    redis: REDIS_URL === undefined ? undefined : { url: new Secret(REDIS_URL), answerMs: values.REDIS_TIMEOUT_SECONDS },
    filesDirectory: values.FILES_DIRECTORY,
    migrates: values.MIGRATE === "on",
    metricsPort: values.METRICS_PORT,
    traces: tracesOf(values, values.CA_FILE),
    metricsConnectors: values.METRICS_CONNECTORS,
    commit: values.BUILD_COMMIT,
    limits: limitsOf(values),
    timeouts: {
      unaryMs: values.UNARY_TIMEOUT_SECONDS,
      streamMs: values.STREAM_TIMEOUT_SECONDS,
      maxMs: values.MAX_TIMEOUT_SECONDS,
    },
    drainDelayMs: values.DRAIN_DELAY_SECONDS * 1_000,
    drainMs: values.DRAIN_SECONDS,
    logLevel: values.LOG_LEVEL,
  };
}

type Values = z.output<typeof schema>;

function secretOf(text: string | undefined): Secret | undefined {
  return text === undefined ? undefined : new Secret(text);
}

function limitsOf(values: Values): LimitsConfig {
  return {
    connections: {
      connector: values.MAX_CONNECTIONS_PER_CONNECTOR,
      host: values.MAX_CONNECTIONS_PER_HOST,
      all: values.MAX_CONNECTIONS,
    },
    calls: { organization: values.MAX_CALLS_PER_ORGANIZATION, all: values.MAX_CALLS },
    waitingCalls: values.MAX_WAITING_CALLS_PER_CONNECTOR,
    organizationCallsPerSecond: values.CALLS_PER_SECOND_PER_ORGANIZATION,
    breakerOpenMs: values.BREAKER_OPEN_SECONDS,
    streamStallMs: values.STREAM_STALL_SECONDS,
    cacheBytes: values.CACHE_MEGABYTES * 1_000_000,
  };
}

function tlsOf(values: Values): TlsConfig | undefined {
  const { TLS_CERT: cert, TLS_KEY: key, TLS_CLIENT_CA: ca } = values;
  if (cert === undefined || key === undefined) return undefined;
  const { TLS_CLIENT_AUTH: auth, SPIFFE_PRINCIPALS_FILE: principals } = values;
  return { cert, key: new Secret(key), clients: ca === undefined ? undefined : { ca, auth, principals } };
}

function jwtOf(values: Values): JwtConfig | undefined {
  const { JWT_ISSUER: issuer, JWT_AUDIENCE: audience, JWT_SECRET: secret } = values;
  const { JWT_JWKS_URL: url, JWT_JWKS_FILE: jwks } = values;
  if (issuer === undefined || audience === undefined) return undefined;
  const claims = {
    organization: values.JWT_ORGANIZATION_CLAIM,
    connectors: values.JWT_CONNECTORS_CLAIM,
    resources: values.JWT_RESOURCES_CLAIM,
    agent: values.JWT_AGENT_CLAIM,
  };
  if (url !== undefined) return { issuer, audience, claims, keys: { url } };
  if (jwks !== undefined) return { issuer, audience, claims, keys: { jwks } };
  return secret === undefined ? undefined : { issuer, audience, claims, keys: { secret: new Secret(secret) } };
}

function wrong(problems: readonly string[]): Failure {
  return new Failure("configuration_rejected", `The configuration is not valid:\n  ${problems.join("\n  ")}`, {
    where: "service",
    remedy: "Change these environment variables; deploy/CONFIGURATION.md lists all of them.",
  });
}
