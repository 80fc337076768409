/**
 * What a call costs a whole replica: the CPU of its process, all that comes in and goes out
 * included, and the transactions of the service's own database. Capacity is planned with it.
 *
 * The replica runs by itself, as in production; the cases take turns. It needs Linux, whose
 * `/proc` tells a process's CPU.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, rm } from "node:fs/promises";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { parseSigningKey } from "../../src/auth/signing-key.ts";
import { type ConnectorClient, createConnectorClient } from "../../src/client/index.ts";
import { createApiKey } from "../../src/development.ts";
import { type Embedded, startEmbedded } from "../../src/store/embedded.ts";
import { openStore } from "../../src/store/store.ts";
import { diskDirectory } from "../support/directory.ts";
import { encryptionKey, signingKey } from "../support/keys.ts";
import { connectorTo, sharedServer } from "../support/service.ts";
import { type BenchOptions, type BenchResult, median } from "./support/bench.ts";

const callsPerTurn = 1_000;
const concurrency = 16;
/** A process that has just been started compiles for a while. */
const warmUpRounds = 3;

type Call = (client: ConnectorClient, id: string, number: number) => Promise<unknown>;

const cases = {
  get: (client, id) => client.getConnector(id),
  query: (client, id, number) => client.query(id, { native: `SELECT ${number % 100} AS n` }),
  kept: (client, id) => client.query(id, { resource: "public.one" }, { maxAgeMs: 60_000 }),
  action: (client, id, number) => client.execute(id, { create: "public.effect", rows: [{ n: number }] }),
} as const satisfies Record<string, Call>;

const what: Readonly<Record<CaseName, string>> = {
  get: "GetConnector",
  query: "Query of one row by a native statement",
  kept: "Query whose answer is kept in memory",
  action: "Execute, which creates one row",
};

type CaseName = keyof typeof cases;
const names = Object.keys(cases) as CaseName[];

interface Cost {
  /** Microseconds of the process's CPU for a call. */
  readonly cpuUs: number;
  /** Transactions of the service's database for a call. */
  readonly transactions: number;
}

export default async function replica(options: BenchOptions): Promise<BenchResult> {
  await using cleanup = new AsyncDisposableStack();
  const directory = await diskDirectory();
  cleanup.defer(() => rm(directory, { recursive: true, force: true }));
  const embedded = await startEmbedded({ directory, log: options.progress });
  cleanup.defer(() => embedded.stop());
  const source = await customer(embedded);
  const token = await adminToken(embedded.url);
  const { child, url } = await started(embedded);
  cleanup.defer(async () => {
    const exit = once(child, "exit");
    child.kill("SIGTERM");
    await exit;
  });
  const client = createConnectorClient({ url, token });
  cleanup.defer(async () => client.close());
  const policy = { maxConcurrency: concurrency, maxCacheAge: { seconds: 60n } };
  const { id } = await client.createConnector({ ...connectorTo(source), policy });
  const costs: Record<CaseName, Cost[]> = { get: [], query: [], kept: [], action: [] };
  for (let round = -warmUpRounds; round < options.rounds; round++) {
    options.progress(round < 0 ? "warming up" : `round ${round + 1} of ${options.rounds}`);
    for (const name of names) {
      const cost = await turn(child.pid ?? 0, embedded.url, (number) => cases[name](client, id, number));
      if (round >= 0) costs[name].push(cost);
    }
  }
  const cpu = (name: CaseName) => Math.round(median(costs[name].map(({ cpuUs }) => cpuUs)));
  const transactions = (name: CaseName) => median(costs[name].map((cost) => cost.transactions)).toFixed(2);
  return {
    figures: Object.fromEntries(names.map((name) => [`${name}_us`, cpu(name)])),
    table: {
      columns: ["case", "µs of CPU a call", "transactions of the store a call", "what is done"],
      rows: names.map((name) => [name, String(cpu(name)), transactions(name), what[name]]),
    },
  };
}

async function customer(embedded: Embedded): Promise<string> {
  const url = await embedded.createDatabase("customer");
  await onDatabase(url, (admin) => admin.query("CREATE TABLE one AS SELECT 1 AS n; CREATE TABLE effect (n int)"));
  return url;
}

async function onDatabase<Result>(url: string, work: (admin: pg.Client) => Promise<Result>): Promise<Result> {
  const admin = new pg.Client({ connectionString: url });
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.end();
  }
}

async function adminToken(url: string): Promise<string> {
  const store = await openStore({ url, poolSize: 2 });
  try {
    const key = { organizationId: "acme", principal: "bench", scopes: ["connector.admin"] };
    return await createApiKey(store, parseSigningKey(signingKey), key);
  } finally {
    await store.close();
  }
}

async function started({ url: storeUrl }: Embedded): Promise<{ child: ChildProcess; url: string }> {
  const program = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
  const child = spawn(process.execPath, ["--max-semi-space-size=4", program], {
    env: {
      ...{ PATH: process.env.PATH, PORT: "0", DATABASE_URL: storeUrl, SIGNING_KEY: signingKey },
      ...{ ENCRYPTION_KEYS: `bench:${encryptionKey}`, EGRESS_ALLOW: `127.0.0.0/8,${sharedServer(storeUrl)}` },
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  for await (const line of createInterface({ input: child.stdout })) {
    const { url } = JSON.parse(line) as { readonly url?: string };
    if (url === undefined) continue;
    child.stdout.resume();
    return { child, url };
  }
  throw new Error("The replica did not start.");
}

async function turn(pid: number, storeUrl: string, call: (number: number) => Promise<unknown>): Promise<Cost> {
  const before = [await cpuUsOf(pid), await transactionsOf(storeUrl)] as const;
  let next = 0;
  const lane = async () => {
    while (next < callsPerTurn) await call(next++);
  };
  await Promise.all(Array.from({ length: concurrency }, lane));
  const after = [await cpuUsOf(pid), await transactionsOf(storeUrl)] as const;
  return { cpuUs: (after[0] - before[0]) / callsPerTurn, transactions: (after[1] - before[1]) / callsPerTurn };
}

/** User's and system's, in ticks of 10 ms. Source: proc_pid_stat(5). */
async function cpuUsOf(pid: number): Promise<number> {
  const text = await readFile(path.join("/proc", String(pid), "stat"), "utf8");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

async function transactionsOf(storeUrl: string): Promise<number> {
  const counted = "SELECT xact_commit::int AS count FROM pg_stat_database WHERE datname = current_database()";
  const { rows } = await onDatabase(storeUrl, (admin) => admin.query<{ count: number }>(counted));
  return rows[0]?.count ?? 0;
}
