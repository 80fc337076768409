import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { format, inspect } from "node:util";
import { pino } from "pino";
import { afterAll, describe, expect, test } from "vitest";
import { readConfig } from "../src/config.ts";
import { Failure } from "../src/failure.ts";
import { Secret } from "../src/vault/secret.ts";
import { certificateAuthority, selfSignedCertificate } from "./support/certificate.ts";

const key = `${"4b".repeat(31)}02`;
const other = `${"5a".repeat(31)}01`;
const withDatabase = {
  DATABASE_URL: "postgres://user:s3cret@db.example.com/connector",
  ENCRYPTION_KEYS: `first:${key}`,
  SIGNING_KEY: other,
};

// Made at once, since the tables of the tests below name them.
const directory = mkdtempSync(path.join(os.tmpdir(), "connector-service-"));
const { cert, key: certificateKey } = selfSignedCertificate();
const certificate = written("cert.pem", cert);
const privateKey = written("key.pem", certificateKey);
const jwks = written("jwks.json", '{"keys":[]}');
const workloads = written("workloads.json", "[]");
const leaf = written("leaf.pem", certificateAuthority().issue().cert);

function written(name: string, content: string): string {
  const file = path.join(directory, name);
  writeFileSync(file, content);
  return file;
}

afterAll(() => rmSync(directory, { recursive: true }));

/** The same with every secret as it is. */
function revealed(value: unknown): unknown {
  if (value instanceof Secret) return value.reveal();
  if (Array.isArray(value)) return value.map(revealed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, revealed(inner)]));
}

function problemsOf(environment: Record<string, string | undefined>): string[] {
  try {
    readConfig(environment);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    expect(error.kind).toBe("configuration_rejected");
    expect(error.remedy).toContain("environment variables");
    const [head, ...problems] = error.message.split("\n  ");
    expect(head).toBe("The configuration is not valid:");
    return problems;
  }
  return [];
}

test("an empty environment runs on this machine with the built-in database", () => {
  expect(readConfig({ XDG_DATA_HOME: "/data" })).toEqual({
    host: "127.0.0.1",
    port: 8080,
    tls: undefined,
    database: { directory: process.getuid?.() === 0 ? "/var/lib/connector-service" : "/data/connector-service" },
    encryptionKeys: { transit: undefined, file: undefined, text: undefined },
    audit: { signingKey: undefined, retentionMonths: undefined, checkpointFile: undefined },
    signingKey: undefined,
    jwt: undefined,
    authorization: { publicUrl: undefined, returnOrigins: [] },
    corsOrigins: [],
    trustedProxies: [],
    egress: { allow: ["127.0.0.0/8", "::1/128"] },
    ca: undefined,
    redis: undefined,
    filesDirectory: undefined,
    migrates: true,
    metricsPort: undefined,
    metricsConnectors: 50,
    commit: undefined,
    traces: { exported: undefined, to: { headers: true, comments: false } },
    limits: {
      connections: { connector: 10, host: 100, all: 500 },
      calls: { organization: 100, all: 400 },
      waitingCalls: 100,
      organizationCallsPerSecond: undefined,
      breakerOpenMs: 2_000,
      streamStallMs: 60_000,
      cacheBytes: 64_000_000,
    },
    timeouts: { unaryMs: 30_000, streamMs: 600_000, maxMs: 3_600_000 },
    drainDelayMs: 0,
    drainMs: 25_000,
    logLevel: "info",
  });
});

test("every variable arrives where it belongs", () => {
  const config = readConfig({
    ...withDatabase,
    DATABASE_DIRECT_URL: "postgres://user:s3cret@direct.example.com/connector",
    MIGRATE: "off",
    ENCRYPTION_KEYS_FILE: "/etc/connector/keys.json",
    VAULT_ADDR: "https://vault.example.com:8200/",
    VAULT_TRANSIT_MOUNT: "team/transit",
    VAULT_TRANSIT_KEY: "connectors",
    VAULT_TOKEN_FILE: "/run/vault/token",
    VAULT_NAMESPACE: "acme",
    HOST: "::",
    PORT: "0",
    TLS_CERT: certificate,
    TLS_KEY: privateKey,
    TLS_CLIENT_CA: certificate,
    TLS_CLIENT_AUTH: "required",
    SPIFFE_PRINCIPALS_FILE: workloads,
    AUDIT_SIGNING_KEY: `${"6a".repeat(31)}03`,
    AUDIT_RETENTION_MONTHS: "13",
    AUDIT_CHECKPOINTS_FILE: "/var/log/audit-checkpoints",
    JWT_ISSUER: "https://issuer.example.com/",
    JWT_AUDIENCE: "connectors",
    JWT_ORGANIZATION_CLAIM: "org",
    JWT_CONNECTORS_CLAIM: "conns",
    JWT_RESOURCES_CLAIM: "tables",
    JWT_AGENT_CLAIM: "acting",
    JWT_JWKS_FILE: jwks,
    PUBLIC_URL: "https://connectors.example.com/v1/",
    AUTHORIZATION_RETURN_ORIGINS: "https://app.example.com, http://localhost:3000",
    CORS_ORIGINS: "https://console.example.com",
    TRUSTED_PROXIES: "10.20.0.0/16, fd00::7/128",
    EGRESS_ALLOW: " 10.20.0.0/16 , ::1/128,",
    REDIS_URL: "redis://cache:6379/1",
    REDIS_TIMEOUT_SECONDS: "0.25",
    FILES_DIRECTORY: directory,
    METRICS_PORT: "9464",
    METRICS_CONNECTORS: "12",
    BUILD_COMMIT: "0123abc",
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318/",
    OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20s3cret,x-tenant = acme",
    OTEL_SERVICE_NAME: "connectors",
    OTEL_TRACES_SAMPLER: "parentbased_traceidratio",
    OTEL_TRACES_SAMPLER_ARG: "0.25",
    TRACE_HTTP_HEADERS: "off",
    TRACE_SQL_COMMENTS: "on",
    MAX_CONNECTIONS_PER_CONNECTOR: "3",
    MAX_CONNECTIONS_PER_HOST: "20",
    MAX_CONNECTIONS: "40",
    MAX_CALLS_PER_ORGANIZATION: "5",
    MAX_CALLS: "6",
    MAX_WAITING_CALLS_PER_CONNECTOR: "0",
    CALLS_PER_SECOND_PER_ORGANIZATION: "50",
    BREAKER_OPEN_SECONDS: "0.5",
    STREAM_STALL_SECONDS: "1.5",
    CACHE_MEGABYTES: "8",
    UNARY_TIMEOUT_SECONDS: "0.5",
    STREAM_TIMEOUT_SECONDS: "60",
    MAX_TIMEOUT_SECONDS: "86400",
    DRAIN_DELAY_SECONDS: "5",
    DRAIN_SECONDS: "1",
    LOG_LEVEL: "silent",
  });
  expect(revealed(config)).toEqual({
    host: "::",
    audit: {
      ...{ signingKey: `${"6a".repeat(31)}03`, retentionMonths: 13 },
      checkpointFile: "/var/log/audit-checkpoints",
    },
    port: 0,
    authorization: {
      publicUrl: "https://connectors.example.com/v1",
      returnOrigins: ["https://app.example.com", "http://localhost:3000"],
    },
    corsOrigins: ["https://console.example.com"],
    trustedProxies: ["10.20.0.0/16", "fd00::7/128"],
    tls: {
      cert: expect.stringContaining("BEGIN CERTIFICATE"),
      key: expect.stringContaining("PRIVATE KEY"),
      clients: { ca: expect.stringContaining("BEGIN CERTIFICATE"), auth: "required", principals: "[]" },
    },
    database: { url: withDatabase.DATABASE_URL, directUrl: "postgres://user:s3cret@direct.example.com/connector" },
    encryptionKeys: {
      transit: {
        ...{ address: "https://vault.example.com:8200", mount: "team/transit", key: "connectors" },
        ...{ tokenFile: "/run/vault/token", namespace: "acme", ca: undefined },
      },
      file: "/etc/connector/keys.json",
      text: `first:${key}`,
    },
    signingKey: other,
    jwt: {
      issuer: "https://issuer.example.com/",
      audience: "connectors",
      claims: { organization: "org", connectors: "conns", resources: "tables", agent: "acting" },
      keys: { jwks: '{"keys":[]}' },
    },
    egress: { allow: ["10.20.0.0/16", "::1/128"] },
    ca: undefined,
    redis: { url: "redis://cache:6379/1", answerMs: 250 },
    filesDirectory: directory,
    migrates: false,
    metricsPort: 9464,
    metricsConnectors: 12,
    commit: "0123abc",
    traces: {
      exported: {
        ...{ url: "http://collector:4318/v1/traces", serviceName: "connectors", gatherMs: 1_000, ca: undefined },
        headers: [
          ["authorization", "Bearer s3cret"],
          ["x-tenant", "acme"],
        ],
        ...{ sampler: "parentbased_traceidratio", ratio: 0.25 },
      },
      to: { headers: false, comments: true },
    },
    limits: {
      connections: { connector: 3, host: 20, all: 40 },
      calls: { organization: 5, all: 6 },
      waitingCalls: 0,
      organizationCallsPerSecond: 50,
      breakerOpenMs: 500,
      streamStallMs: 1_500,
      cacheBytes: 8_000_000,
    },
    timeouts: { unaryMs: 500, streamMs: 60_000, maxMs: 86_400_000 },
    drainDelayMs: 5_000,
    drainMs: 1_000,
    logLevel: "silent",
  });
});

test("Redis has a tenth of a second to answer, unless it is given another time", () => {
  expect(revealed(readConfig({ REDIS_URL: "redis://cache:6379" }).redis)).toEqual({
    url: "redis://cache:6379",
    answerMs: 100,
  });
});

test("an empty variable is an unset one", () => {
  const names = [
    ...["HOST", "PORT", "TLS_CERT", "TLS_KEY", "DATABASE_URL", "CONNECTOR_DATA_DIR", "ENCRYPTION_KEYS"],
    ...["ENCRYPTION_KEY", "SIGNING_KEY", "JWT_ISSUER", "JWT_AUDIENCE", "JWT_ORGANIZATION_CLAIM", "JWT_JWKS_FILE"],
    ...["JWT_SECRET", "EGRESS_ALLOW", "MAX_CONNECTIONS_PER_CONNECTOR", "UNARY_TIMEOUT_SECONDS"],
    ...["STREAM_TIMEOUT_SECONDS", "MAX_TIMEOUT_SECONDS", "DRAIN_SECONDS", "LOG_LEVEL"],
  ];
  for (const empty of ["", "  "]) {
    expect(readConfig(Object.fromEntries(names.map((name) => [name, empty])))).toEqual(readConfig({}));
  }
});

describe("one key for encryption", () => {
  test("a configuration that is logged by accident shows no key, password or secret", () => {
    const jwt = { JWT_ISSUER: "https://issuer.example.com/", JWT_AUDIENCE: "connectors" };
    const environments = [
      {
        ...{ ...withDatabase, TLS_CERT: certificate, TLS_KEY: privateKey },
        REDIS_URL: "redis://:s3cret-pa55word@cache:6379",
      },
      { ...jwt, ENCRYPTION_KEY: key, JWT_SECRET: `s3cret-${"x".repeat(32)}` },
    ];
    for (const config of environments.map(readConfig)) {
      const lines: string[] = [];
      pino({ level: "info" }, { write: (line) => void lines.push(line) }).info({ config, nested: [{ config }] });
      const shown = [
        ...lines,
        JSON.stringify(config),
        inspect(config, { depth: null, showHidden: true }),
        inspect(config, { depth: null, customInspect: false, showHidden: true }),
        inspect(structuredClone({ ...config }), { depth: null }),
        format("%s %o %O %j", config, config, config, config),
      ];
      for (const text of shown) expect(text).not.toMatch(/s3cret|PRIVATE KEY|4b4b4b4b|5a5a5a5a/);
      expect(lines[0]).toContain("[secret]");
    }
  });

  test.each([
    { ENCRYPTION_KEYS: undefined, ENCRYPTION_KEY: key },
    { ENCRYPTION_KEYS: key },
    { ENCRYPTION_KEYS: `a:${key}, b.2:${other}` },
  ])("or several are taken, %#", (keys) => {
    expect(problemsOf({ ...withDatabase, ...keys })).toEqual([]);
  });
});

test.each([
  ["PORT", "http"],
  ["PORT", "65536"],
  ["PORT", "-1"],
  ["PORT", "80.5"],
  ["PORT", "0x50"],
  ["TLS_CERT", "/nowhere/cert.pem"],
  ["TLS_CLIENT_CA", "/nowhere/ca.pem"],
  ["PUBLIC_URL", "http://connectors.example.com"],
  ["PUBLIC_URL", "https://user@connectors.example.com"],
  ["PUBLIC_URL", "https://connectors.example.com/?a"],
  ["CORS_ORIGINS", "*"],
  ["CORS_ORIGINS", "https://app.example.com/"],
  ["CORS_ORIGINS", "http://app.example.com"],
  ["TRUSTED_PROXIES", "10.20.0.7"],
  ["TRUSTED_PROXIES", "10.20.0.0/33"],
  ["TRUSTED_PROXIES", "balancer/8"],
  ["AUTHORIZATION_RETURN_ORIGINS", "https://app.example.com/path"],
  ["AUTHORIZATION_RETURN_ORIGINS", "https://app.example.com,*"],
  ["TLS_CLIENT_AUTH", "maybe"],
  ["SPIFFE_PRINCIPALS_FILE", "/nowhere/workloads.json"],
  ["JWT_JWKS_FILE", "/nowhere/jwks.json"],
  ["JWT_JWKS_URL", "http://issuer.example.com/jwks"],
  ["JWT_JWKS_URL", "https://user:s3cret@issuer.example.com/jwks"],
  ["JWT_JWKS_URL", "file:///etc/jwks"],
  ["DATABASE_URL", "mysql://user:s3cret@host/db"],
  ["DATABASE_URL", "postgres://user:s3cret@host"],
  ["DATABASE_URL", "host=db password=s3cret"],
  ["DATABASE_DIRECT_URL", "postgres://user:s3cret@host"],
  ["MIGRATE", "never"],
  ["ENCRYPTION_KEYS", `first:${key.slice(1)}`],
  ["ENCRYPTION_KEYS", `${key},${other}`],
  ["ENCRYPTION_KEYS", "s3cret"],
  ["ENCRYPTION_KEY", "s3cret"],
  ["SIGNING_KEY", `${key}00`],
  ["JWT_SECRET", "s3cret"],
  ["FILES_DIRECTORY", "files"],
  ["FILES_DIRECTORY", path.join(directory, "nowhere")],
  ["FILES_DIRECTORY", certificate],
  ["EGRESS_ALLOW", "10.0.0.0/33"],
  ["EGRESS_ALLOW", "127.0.0.1/8,example.com/8"],
  ["MAX_CONNECTIONS_PER_CONNECTOR", "0"],
  ["MAX_CONNECTIONS_PER_CONNECTOR", "1001"],
  ["UNARY_TIMEOUT_SECONDS", "0"],
  ["UNARY_TIMEOUT_SECONDS", "Infinity"],
  ["STREAM_TIMEOUT_SECONDS", "ten"],
  ["MAX_TIMEOUT_SECONDS", "-1"],
  ["METRICS_CONNECTORS", "501"],
  ["BUILD_COMMIT", "a commit"],
  ["DRAIN_DELAY_SECONDS", "-1"],
  ["REDIS_TIMEOUT_SECONDS", "0"],
  ["DRAIN_SECONDS", "86401"],
  ["LOG_LEVEL", "loud"],
  ["OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318/?token=s3cret"],
  ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://collector:4318/v1/traces#s3cret"],
  ["OTEL_EXPORTER_OTLP_HEADERS", "authorization=s3cret%0d%0ax-more: 1"],
  ["OTEL_EXPORTER_OTLP_HEADERS", "authorization=s3cret%0a"],
  ["OTEL_EXPORTER_OTLP_TRACES_HEADERS", "x-tenant=%E2%82%AC"],
])("%s=%s is refused by its name, and a secret is not repeated", (name, value) => {
  const problems = problemsOf({ [name]: value });
  const [problem] = problems.filter(
    (each) => each.startsWith(`${name}: must be`) || each.startsWith(`${name}: must have`),
  );
  expect(problem).toBeDefined();
  expect(problems.join()).not.toContain("s3cret");
  expect(problems.join()).not.toContain(key.slice(0, 20));
});

test.each([
  ["TLS_CERT, TLS_KEY: give both or none", { TLS_CERT: certificate }],
  ["TLS_CERT, TLS_KEY: must be a certificate and its key", { TLS_CERT: certificate, TLS_KEY: certificate }],
  ["PUBLIC_URL, AUTHORIZATION_RETURN_ORIGINS", { PUBLIC_URL: "https://connectors.example.com" }],
  ["TLS_CLIENT_CA: needs TLS_CERT", { TLS_CLIENT_CA: certificate }],
  ["TLS_CLIENT_CA: must be certificates", { TLS_CERT: certificate, TLS_KEY: privateKey, TLS_CLIENT_CA: privateKey }],
  ["TLS_CLIENT_CA: must be an authority's", { TLS_CERT: certificate, TLS_KEY: privateKey, TLS_CLIENT_CA: leaf }],
  ["SPIFFE_PRINCIPALS_FILE: needs TLS_CLIENT_CA", { SPIFFE_PRINCIPALS_FILE: workloads }],
  ["TLS_CLIENT_AUTH: needs TLS_CLIENT_CA", { TLS_CLIENT_AUTH: "required" }],
  ["DATABASE_DIRECT_URL: needs DATABASE_URL", { DATABASE_DIRECT_URL: withDatabase.DATABASE_URL }],
  ["MIGRATE: off needs DATABASE_URL", { MIGRATE: "off" }],
  ["ENCRYPTION_KEYS, ENCRYPTION_KEY: give one of them", { ENCRYPTION_KEYS: `a:${key}`, ENCRYPTION_KEY: other }],
  ["JWT_ISSUER, JWT_AUDIENCE: are needed", { JWT_SECRET: "x".repeat(32), JWT_ISSUER: "i" }],
  ["JWT_JWKS_URL: is needed", { JWT_ISSUER: "i", JWT_AUDIENCE: "a" }],
  [
    "JWT_JWKS_URL: http is for development",
    { ...withDatabase, JWT_JWKS_URL: "http://127.0.0.1/jwks", JWT_ISSUER: "i", JWT_AUDIENCE: "a" },
  ],
  [
    "JWT_JWKS_URL, JWT_JWKS_FILE: give one",
    { JWT_JWKS_URL: "https://i.example/jwks", JWT_JWKS_FILE: jwks, JWT_ISSUER: "i", JWT_AUDIENCE: "a" },
  ],
  [
    "JWT_SECRET: is for development",
    { ...withDatabase, JWT_SECRET: "x".repeat(32), JWT_ISSUER: "i", JWT_AUDIENCE: "a" },
  ],
  [
    "OTEL_EXPORTER_OTLP_HEADERS: must have values that HTTP can carry: that of x-b",
    { OTEL_EXPORTER_OTLP_HEADERS: "x-a=1,x-b=%0A" },
  ],
  ["ENCRYPTION_KEYS: is required", { ...withDatabase, ENCRYPTION_KEYS: "" }],
  ["SIGNING_KEY: is required", { ...withDatabase, SIGNING_KEY: "" }],
])("%s", (expected, environment) => {
  expect(problemsOf(environment)).toEqual([expect.stringContaining(expected)]);
});

test("all that is wrong is said at once", () => {
  const problems = problemsOf({ PORT: "x", LOG_LEVEL: "y", DATABASE_URL: "postgres://h/d", JWT_ISSUER: "i" });
  expect(problems.map((problem) => problem.split(":")[0])).toEqual([
    "PORT",
    "LOG_LEVEL",
    "JWT_JWKS_URL",
    "ENCRYPTION_KEYS",
    "SIGNING_KEY",
  ]);
});
