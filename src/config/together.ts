/** Variables that mean something only together, and what is wrong with those that don't fit. */
import { X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";

type Given = Readonly<Record<string, string | undefined>>;

/** A line for every problem that shows in the variables as they were given. */
export function problemsTogether(given: Given): string[] {
  return [...missingPartners(given), ...missingKeys(given)];
}

/** Variables that mean something only together. */
function missingPartners(values: Given): string[] {
  const problems: string[] = [];
  if ((values.TLS_CERT === undefined) !== (values.TLS_KEY === undefined)) {
    problems.push("TLS_CERT, TLS_KEY: give both or none");
  }
  if (values.TLS_CLIENT_CA !== undefined && values.TLS_CERT === undefined) {
    problems.push("TLS_CLIENT_CA: needs TLS_CERT and TLS_KEY");
  }
  for (const name of ["TLS_CLIENT_AUTH", "SPIFFE_PRINCIPALS_FILE"] as const) {
    if (values[name] !== undefined && values.TLS_CLIENT_CA === undefined) problems.push(`${name}: needs TLS_CLIENT_CA`);
  }
  if (values.ENCRYPTION_KEYS !== undefined && values.ENCRYPTION_KEY !== undefined) {
    problems.push("ENCRYPTION_KEYS, ENCRYPTION_KEY: give one of them");
  }
  if (values.DATABASE_DIRECT_URL !== undefined && values.DATABASE_URL === undefined) {
    problems.push("DATABASE_DIRECT_URL: needs DATABASE_URL");
  }
  if (values.MIGRATE === "off" && values.DATABASE_URL === undefined) problems.push("MIGRATE: off needs DATABASE_URL");
  if ((values.PUBLIC_URL === undefined) !== (values.AUTHORIZATION_RETURN_ORIGINS === undefined)) {
    problems.push("PUBLIC_URL, AUTHORIZATION_RETURN_ORIGINS: give both or none");
  }
  const { VAULT_ADDR, VAULT_TRANSIT_KEY, VAULT_TOKEN_FILE } = values;
  const transit = Object.entries({ VAULT_ADDR, VAULT_TRANSIT_KEY, VAULT_TOKEN_FILE });
  const given = transit.filter(([, value]) => value !== undefined);
  if (given.length > 0 && given.length < transit.length) {
    problems.push(`${transit.map(([name]) => name).join(", ")}: give all or none`);
  }
  return [...problems, ...wrongJwt(values)];
}

function wrongJwt(values: Given): string[] {
  const problems: string[] = [];
  const { JWT_JWKS_URL, JWT_JWKS_FILE, JWT_SECRET, JWT_ISSUER, JWT_AUDIENCE, DATABASE_URL } = values;
  const sources = Object.entries({ JWT_JWKS_URL, JWT_JWKS_FILE, JWT_SECRET }).filter(
    ([, value]) => value !== undefined,
  );
  if (sources.length > 1) problems.push(`${sources.map(([name]) => name).join(", ")}: give one of them`);
  const verifies = sources.length > 0;
  if (verifies && (JWT_ISSUER === undefined || JWT_AUDIENCE === undefined)) {
    problems.push("JWT_ISSUER, JWT_AUDIENCE: are needed to verify JWTs");
  }
  if (!verifies && (JWT_ISSUER !== undefined || JWT_AUDIENCE !== undefined)) {
    problems.push("JWT_JWKS_URL: is needed to verify JWTs, or JWT_JWKS_FILE");
  }
  if (JWT_SECRET !== undefined && DATABASE_URL !== undefined) {
    problems.push("JWT_SECRET: is for development, with the built-in database, only; use JWT_JWKS_URL");
  }
  if (JWT_JWKS_URL?.startsWith("http:") && DATABASE_URL !== undefined) {
    problems.push("JWT_JWKS_URL: http is for development, with the built-in database, only; use https");
  }
  return problems;
}

/** A database of the operator's outlives this machine: so must the keys of what it holds. */
function missingKeys(values: Given): string[] {
  if (values.DATABASE_URL === undefined) return [];
  const problems: string[] = [];
  const { ENCRYPTION_KEYS, ENCRYPTION_KEY, ENCRYPTION_KEYS_FILE, VAULT_ADDR } = values;
  if ([ENCRYPTION_KEYS, ENCRYPTION_KEY, ENCRYPTION_KEYS_FILE, VAULT_ADDR].every((value) => value === undefined)) {
    problems.push("ENCRYPTION_KEYS: is required with DATABASE_URL, as id:KEY with what `openssl rand -hex 32` prints");
  }
  if (values.SIGNING_KEY === undefined) {
    problems.push("SIGNING_KEY: is required with DATABASE_URL; give what `openssl rand -hex 32` prints");
  }
  return problems;
}

interface CertificateTexts {
  readonly TLS_CERT?: string | undefined;
  readonly TLS_KEY?: string | undefined;
  readonly TLS_CLIENT_CA?: string | undefined;
}

/** Both are given; whether they fit shows here and not when the first caller comes. */
export function wrongCertificate({ TLS_CERT: cert, TLS_KEY: key, TLS_CLIENT_CA: ca }: CertificateTexts): string[] {
  const problems = wrongAuthorities(ca);
  if (cert === undefined || key === undefined) return problems;
  try {
    createSecureContext({ cert, key });
    return problems;
  } catch (error) {
    return [
      ...problems,
      `TLS_CERT, TLS_KEY: must be a certificate and its key in PEM (${(error as NodeJS.ErrnoException).code})`,
    ];
  }
}

/** TLS itself takes what is none for no authority at all. */
function wrongAuthorities(ca: string | undefined): string[] {
  if (ca === undefined) return [];
  try {
    return new X509Certificate(ca).ca ? [] : ["TLS_CLIENT_CA: must be an authority's certificate, and is another's"];
  } catch {
    return ["TLS_CLIENT_CA: must be certificates of authorities in PEM"];
  }
}
