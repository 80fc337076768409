/** A service with small limits, whose connectors lead to sources with every fault. */
import { readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import pg from "pg";
import { withNewKey } from "../../../src/vault/key-changes.ts";
import { changeKeyFile } from "../../../src/vault/key-file.ts";
import { decodeSealed, encodeSealed } from "../../../src/vault/sealed.ts";
import { enterableDirectory } from "../../support/directory.ts";
import { type FaultProxy, faultProxy } from "../../support/fault-proxy.ts";
import { freshDatabase } from "../../support/postgres.ts";
import { connectorTo, type TestService, testService } from "../../support/service.ts";
import { badApi } from "./bad-api.ts";

/** Connectors by what is the matter with them. */
export type Matter =
  | "limited"
  | "quota"
  | "sleepy"
  | "crowded"
  | "broken"
  | "shaky"
  | "cached"
  | "forbidden"
  | "sealed"
  | "tampered"
  | "untoken"
  | "revoked";

export interface Stage extends AsyncDisposable {
  readonly service: TestService;
  readonly connectors: Readonly<Record<Matter, string>>;
  /** Connectors whose source is not there. */
  readonly dead: readonly string[];
  /** Of somebody who may do nothing but look. */
  readonly reader: TestService["client"];
  /** Of another organization. */
  readonly neighbour: TestService["client"];
  /** On the way to the service's own database. */
  readonly store: FaultProxy;
  /** The store, as the superuser. */
  readonly admin: pg.Client;
  /** The name of the customer's database. */
  readonly customer: string;
}

/** Rows of the table `numbers`, which are more than what stands between a service and a reader. */
const rows = 200_000;

export async function troubledService(): Promise<Stage> {
  const stack = new AsyncDisposableStack();
  const [customer, directory, api] = await Promise.all([freshDatabase(), enterableDirectory(), badApi()]);
  stack.defer(() => customer.drop());
  stack.defer(() => rm(directory, { recursive: true }));
  stack.defer(() => api.stop());
  const server = new URL(customer.url);
  const store = await faultProxy({ host: server.hostname, port: Number(server.port) });
  stack.defer(() => store.stop());
  await fill(customer.url);
  const environment = {
    ...{ ENCRYPTION_KEYS: "", ENCRYPTION_KEYS_FILE: await oldKeys(directory), REDIS_URL: "redis://127.0.0.1:1" },
    ...{ MAX_CALLS: "12", MAX_CONNECTIONS_PER_HOST: "3", MAX_WAITING_CALLS_PER_CONNECTOR: "2" },
    ...{ STREAM_STALL_SECONDS: "1", BREAKER_OPEN_SECONDS: "1", EGRESS_ALLOW: "127.0.0.0/8" },
    // It is looked at while it stops.
    DRAIN_DELAY_SECONDS: "4",
  };
  const service = await testService(environment, (url) => {
    const through = new URL(url);
    through.port = String(store.port);
    return through.href;
  });
  stack.defer(() => service.stop());
  const admin = new pg.Client({ connectionString: service.storeUrl });
  await admin.connect();
  stack.defer(() => admin.end());
  const connectors = await register(service, customer.url, api.url);
  await resealed(admin, connectors.sealed, (sealed) => ({ ...sealed, keyId: "gone" }));
  await resealed(admin, connectors.tampered, (sealed) => ({ ...sealed, wrapped: sealed.wrapped.toReversed() }));
  const reader = service.clientFor(await service.tokenFor("acme", "connector.read"));
  const neighbour = service.clientFor(await service.tokenFor("globex", "connector.read"));
  const dead = await Promise.all(Array.from({ length: 8 }, (_, i) => registerDead(service, i)));
  const owned = stack.move();
  const parts = { service, connectors, dead, reader, neighbour, store, admin, customer: server.pathname.slice(1) };
  return { ...parts, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

async function fill(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(
    `CREATE TABLE numbers AS SELECT id, repeat('x', 100) AS text FROM generate_series(1, ${rows}) AS id`,
  );
  // What is added to it takes its time.
  await client.query(`
    CREATE TABLE late (id bigint);
    CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(1); RETURN NEW; END';
    CREATE TRIGGER wait BEFORE INSERT ON late FOR EACH ROW EXECUTE FUNCTION wait()`);
  await client.end();
}

/** The path of a key file whose primary key was made long ago. */
async function oldKeys(directory: string): Promise<string> {
  const file = path.join(directory, "keys.json");
  await changeKeyFile(file, (keys) => withNewKey(keys, "old", "primary"));
  const text = await readFile(file, "utf8");
  await writeFile(file, text.replace(/"create_time": *"[^"]*"/, '"create_time": "2020-01-01T00:00:00.000Z"'), {
    mode: 0o600,
  });
  return file;
}

async function register({ client }: TestService, customer: string, api: string): Promise<Stage["connectors"]> {
  const resource = (name: string) => ({ name, path: `/${name}`, fields: [{ name: "id", type: "int64" }] });
  const rest = (name: string, authentication: Record<string, string> = { type: "none" }) => ({
    ...{ provider: "rest", name },
    config: { base_url: api, resources: ["orders", "slow", "broken", "shaky"].map(resource), authentication },
  });
  const oauth = (name: string, endpoint: string) => ({
    ...rest(name, {
      ...{ type: "oauth2_client_credentials", token_endpoint: `${api}${endpoint}`, client_id: "tester" },
    }),
    credential: { type: "oauth2_client_credentials", client_secret: "canary-client-secret" },
  });
  const sql = connectorTo(customer);
  const targets = {
    limited: { ...sql, name: "limited", policy: { callsPerSecond: 1 } },
    quota: rest("quota"),
    sleepy: { ...sql, name: "sleepy", policy: { maxConcurrency: 12 } },
    crowded: { ...rest("crowded"), policy: { maxConcurrency: 1 } },
    broken: { ...rest("broken"), policy: { maxConcurrency: 100 } },
    shaky: rest("shaky"),
    cached: { ...rest("cached"), policy: { maxCacheAge: { seconds: 60n } } },
    forbidden: { ...sql, name: "forbidden", config: { ...sql.config, host: "10.1.2.3" } },
    sealed: { ...sql, name: "sealed" },
    tampered: { ...sql, name: "tampered" },
    untoken: oauth("untoken", "/token"),
    revoked: oauth("revoked", "/token/revoked"),
  } satisfies Record<Matter, unknown>;
  const entries = Object.entries(targets).map(async ([matter, target]) => {
    return [matter, (await client.createConnector(target)).id] as const;
  });
  return Object.fromEntries(await Promise.all(entries)) as Stage["connectors"];
}

/** On a host of its own: the other sources share one, whose connections are few. */
async function registerDead({ client }: TestService, number: number): Promise<string> {
  const target = connectorTo("mysql://nobody:secret@127.0.0.2:2/none", `dead-${number}`);
  return (await client.createConnector(target)).id;
}

type Sealed = ReturnType<typeof decodeSealed>;

/** As if its key had been taken away too early, or somebody had changed it in the database. */
async function resealed(admin: pg.Client, id: string, change: (sealed: Sealed) => Sealed): Promise<void> {
  const { rows } = await admin.query("SELECT sealed_credential AS sealed FROM connector WHERE id = $1", [id]);
  const sealed = Buffer.from(encodeSealed(change(decodeSealed(rows[0].sealed))));
  await admin.query("UPDATE connector SET sealed_credential = $2 WHERE id = $1", [id, sealed]);
}
