/** Who may import whom. A room that needs more is to be redesigned, not let in here. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const source = fileURLToPath(new URL("../../src", import.meta.url));

/** What every room may use. */
const common = ["failure.ts", "abort.ts", "rows", "vault/secret.ts"];

/** A room's name is its folder's or its file's; a path names one file of a room. */
const rooms: Readonly<Record<string, readonly string[]>> = {
  "main.ts": ["*"],
  wiring: ["*"],
  demo: ["main.ts", "config.ts", "client", "observability", "store"],
  cli: [
    "config.ts",
    "development.ts",
    "wiring/encryption-keys.ts",
    "wiring/audit-key.ts",
    "audit",
    "auth",
    "egress",
    "providers",
    "registry",
    "store",
    "vault",
  ],
  "config.ts": ["config", "observability", "egress/rules.ts", "store/embedded/directory.ts"],
  config: ["egress/rules.ts", "egress/certificates.ts", "observability/tracing.ts"],
  "development.ts": ["auth", "registry", "store"],
  server: ["gen", "rpc", "auth", "observability"],
  rpc: [
    "gen",
    "auth",
    "registry",
    "execution",
    "audit",
    "providers/contract.ts",
    "providers/contract",
    "providers/catalogue.ts",
  ],
  registry: ["providers/contract.ts", "providers/contract", "providers/catalogue.ts", "vault", "audit", "store"],
  execution: [
    "providers/contract.ts",
    "providers/contract",
    "providers/catalogue.ts",
    "vault",
    "egress",
    "store",
    "observability",
  ],
  providers: ["egress"],
  audit: ["store"],
  client: ["gen"],
  auth: [],
  vault: [],
  egress: [],
  store: [],
  observability: [],
  rows: [],
  gen: [],
  "failure.ts": [],
  "abort.ts": [],
};

/** Each library has one owner; where several rooms hold repositories or wire types, all of them. */
const owners: Readonly<Record<string, readonly string[]>> = {
  "@connectrpc/": ["server", "rpc", "client"],
  "@bufbuild/": ["server", "rpc", "client"],
  "@mikro-orm/": ["store", "registry", "execution", "audit"],
  pg: ["providers/postgresql", "store", "demo"],
  "pg-protocol": ["providers/postgresql"],
  "libpg-query": ["providers/postgresql"],
  mysql2: ["providers/mysql"],
  opossum: ["execution"],
  "rate-limiter-flexible": ["execution"],
  ioredis: ["execution"],
  "prom-client": ["observability"],
  pino: ["observability"],
  "@opentelemetry/": ["observability"],
  axios: ["providers/http"],
  sax: ["providers/http"],
  yaml: ["providers/http"],
  "@seriousme/": ["providers/http"],
  jose: ["auth", "providers/http"],
  oauth4webapi: ["providers/http"],
  "@smithy/signature-v4": ["providers/http"],
  "ipaddr.js": ["egress"],
};

interface Import {
  readonly file: string;
  readonly target: string;
}

const imports: Import[] = readdirSync(source, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith(".ts") && !entry.parentPath.startsWith(join(source, "gen")))
  .flatMap((entry) => {
    const file = relative(source, join(entry.parentPath, entry.name));
    const text = readFileSync(join(source, file), "utf8");
    return [...text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*"([^"]+)"/g)].map(([, target = ""]) => ({
      file,
      target: target.startsWith(".") ? relative(source, join(source, dirname(file), target)) : target,
    }));
  });

const isInside = (path: string, place: string) => path === place || path.startsWith(`${place}/`);
const roomOf = (path: string) => path.split("/")[0] ?? path;
const isOwn = (target: string) => roomOf(target) in rooms;

test("every file stands in a room that the rules know", () => {
  const unknown = imports.map(({ file }) => file).filter((file) => !(roomOf(file) in rooms));
  expect([...new Set(unknown)]).toEqual([]);
});

test("a room imports only the rooms that it may", () => {
  const wrong = imports.filter(({ file, target }) => {
    const room = roomOf(file);
    if (!isOwn(target) || roomOf(target) === room) return false;
    const allowed = [...(rooms[room] ?? []), ...common];
    return !allowed.some((place) => place === "*" || isInside(target, place));
  });
  expect(wrong).toEqual([]);
});

test("nobody but itself imports a provider by name", () => {
  const shared = ["contract.ts", "contract", "catalogue.ts", "query", "connections", "sql", "http"].map(
    (name) => `providers/${name}`,
  );
  const wrong = imports.filter(({ file, target }) => {
    if (!target.startsWith("providers/") || shared.some((place) => isInside(target, place))) return false;
    return !file.startsWith(`providers/${target.split("/")[1]}`);
  });
  expect(wrong).toEqual([]);
});

test("a library is imported by its owner only", () => {
  const wrong = imports.filter(({ file, target }) => {
    const library = Object.keys(owners).find((name) =>
      name.endsWith("/") ? target.startsWith(name) : isInside(target, name),
    );
    return library !== undefined && !owners[library]?.some((place) => isInside(file, place));
  });
  expect(wrong).toEqual([]);
});
