import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { expect } from "vitest";
import { parseSigningKey } from "../../src/auth/signing-key.ts";
import { type ConnectorClient, createConnectorClient } from "../../src/client/index.ts";
import { createApiKey } from "../../src/development.ts";
import { Health, HealthCheckResponse_ServingStatus as Status } from "../../src/gen/grpc/health/v1/health_pb.js";
import { freePort } from "../../src/store/embedded/cluster.ts";
import { openStore } from "../../src/store/store.ts";
import { runProgram, type ServiceProcess } from "../service/process.ts";
import { encryptionKey, signingKey } from "./keys.ts";
import { sharedServer } from "./service.ts";
import { stopwatch } from "./stopwatch.ts";

export interface Replica {
  readonly port: number;
  /** Of the organization "acme", for everything. */
  readonly client: ConnectorClient;
  /** Whether its health says SERVING. */
  ready(): Promise<boolean>;
  /** Ends it as an orchestrator does. */
  stop(): Promise<Drained>;
  /** Ends it as a power cut does. */
  kill(): Promise<void>;
  /**
   * Starts it again on its port, and waits until its health says SERVING.
   * @param program Of another version. Default: this one's
   */
  start(program?: string): Promise<void>;
}

export interface Drained {
  /** The exit code, or the signal that ended it. */
  readonly status: number | NodeJS.Signals | null;
  /** Milliseconds from SIGTERM to the end of the process. */
  readonly tookMs: number;
  /** What it said of itself, line by line. */
  readonly log: readonly Readonly<Record<string, unknown>>[];
  readonly stderr: string;
}

export interface SomeReplicas {
  readonly all: readonly Replica[];
  readonly token: string;
  stop(): Promise<void>;
}

export interface Replicas extends SomeReplicas {
  readonly first: Replica;
  readonly second: Replica;
  readonly both: readonly [Replica, Replica];
}

/** Two replicas that serve, on an empty store. */
export async function twoReplicas(
  storeUrl: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<Replicas> {
  const replicas = await openReplicas(2, storeUrl, environment);
  const [first, second] = replicas.all as [Replica, Replica];
  return { ...replicas, first, second, both: [first, second] };
}

/** So many replicas that serve, on an empty store. */
export async function openReplicas(
  count: number,
  storeUrl: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<SomeReplicas> {
  const common = {
    DATABASE_URL: storeUrl,
    ENCRYPTION_KEYS: `test:${encryptionKey}`,
    SIGNING_KEY: signingKey,
    EGRESS_ALLOW: `127.0.0.0/8,::1/128,${sharedServer(storeUrl)}`,
    ...environment,
  };
  const token = await adminToken(storeUrl);
  const all = await Promise.all(Array.from({ length: count }, () => openReplica(common, token)));
  const stop = async () => {
    const ends = await Promise.all(all.map((replica) => replica.stop()));
    for (const replica of all) replica.client.close();
    for (const { status, stderr } of ends) expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  };
  return { all, token, stop };
}

/** Makes the schema, too: replicas need not wait for each other to do so. */
async function adminToken(storeUrl: string): Promise<string> {
  const store = await openStore({ url: storeUrl, poolSize: 2 });
  try {
    const key = { organizationId: "acme", principal: "tester", scopes: ["connector.admin"] };
    return await createApiKey(store, parseSigningKey(signingKey), key);
  } finally {
    await store.close();
  }
}

async function openReplica(environment: Readonly<Record<string, string>>, token: string): Promise<Replica> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  // A connection for each probe, as kubelet and load balancers do.
  const health = createClient(Health, createConnectTransport({ baseUrl: url, httpVersion: "1.1" }));
  const ready = async () => {
    const answer = await health.check({}, { timeoutMs: 5_000 }).catch(() => undefined);
    return answer?.status === Status.SERVING;
  };
  let process: ServiceProcess;
  const start = async (program = "main.ts") => {
    process = runProgram(program, { ...environment, PORT: String(port) });
    await process.url;
    await until("the replica serves", ready);
  };
  await start();
  return {
    port,
    client: createConnectorClient({ url, token }),
    ready,
    start,
    stop: () => drained(process),
    async kill() {
      process.child.kill("SIGKILL");
      await process.ended;
    },
  };
}

async function drained({ child, ended }: ServiceProcess): Promise<Drained> {
  const took = stopwatch();
  child.kill("SIGTERM");
  const { status, stdout, stderr } = await ended;
  const log = stdout
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line));
  return { status, tookMs: took(), log, stderr };
}

/**
 * Asks again and again; gives the milliseconds for which it was not so. What asking takes
 * is not counted: a busy machine takes its time to find that all is well.
 * @throws The last error, or that it was not so for `limitMs`
 */
export async function until(what: string, isSo: () => Promise<boolean>, limitMs = 60_000): Promise<number> {
  const took = stopwatch();
  for (let notSoMs = 0; ; ) {
    const askedMs = took();
    if (await isSo()) return notSoMs;
    notSoMs = askedMs;
    if (notSoMs > limitMs) throw new Error(`Not within ${limitMs} ms: ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
