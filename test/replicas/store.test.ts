/** The store that both replicas share goes away, and comes back. */
import { Code } from "@connectrpc/connect";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ConnectorError } from "../../src/client/index.ts";
import { type FreshDatabase, freshDatabase, type OwnCluster, ownCluster } from "../support/postgres.ts";
import { type Replica, type Replicas, twoReplicas, until } from "../support/replicas.ts";
import { connectorTo } from "../support/service.ts";
import { stopwatch } from "../support/stopwatch.ts";

const deadlineMs = 1_000;
/** How much later than its deadline a call may end, the test's own tardiness included. */
const graceMs = 300;
const recoveryMs = 5_000;

let cluster: OwnCluster;
let source: FreshDatabase;
let replicas: Replicas;
let id: string;

beforeAll(async () => {
  [cluster, source] = await Promise.all([ownCluster(), freshDatabase()]);
  replicas = await twoReplicas(cluster.url);
  id = (await replicas.first.client.createConnector(connectorTo(source.url))).id;
});

afterAll(async () => {
  await replicas.stop();
  await Promise.all([cluster.stop(), source.drop()]);
});

/** One that needs the store, and one that need not. */
const calls = {
  getConnector: ({ client }: Replica) => client.getConnector(id, { timeoutMs: deadlineMs }),
  query: ({ client }: Replica) => client.query(id, { native: "SELECT 1" }, { timeoutMs: deadlineMs }),
};

interface Outcome {
  readonly code: Code | undefined;
  readonly tookMs: number;
}

async function outcomeOf(call: Promise<unknown>): Promise<Outcome> {
  const took = stopwatch();
  const code = await call.then(
    () => undefined,
    (error: unknown) => {
      if (error instanceof ConnectorError && error.reason !== "INTERNAL") return error.code;
      throw error;
    },
  );
  return { code, tookMs: took() };
}

const everyCall = () =>
  Promise.all(replicas.both.flatMap((replica) => Object.values(calls).map((call) => outcomeOf(call(replica)))));

const bothReady = async () => Promise.all(replicas.both.map((replica) => replica.ready()));

const faults = [
  ["frozen", () => cluster.kill("SIGSTOP"), () => cluster.kill("SIGCONT")],
  ["killed", () => cluster.kill("SIGKILL"), () => cluster.restart()],
] as const;

for (const [name, strike, lift] of faults) {
  test(`while it is ${name} no call hangs, both say that they are not ready, and both recover`, async () => {
    await until("every call is answered", async () => (await everyCall()).every(({ code }) => code === undefined));
    await strike();

    const outcomes: Outcome[] = [];
    await until(
      "neither is ready",
      async () => {
        outcomes.push(...(await everyCall()));
        return !(await bothReady()).includes(true);
      },
      recoveryMs,
    );
    outcomes.push(...(await everyCall()));
    expect(Math.max(...outcomes.map(({ tookMs }) => tookMs))).toBeLessThan(deadlineMs + graceMs);
    const codes = new Set(outcomes.map(({ code }) => code));
    expect([undefined, Code.Unavailable, Code.DeadlineExceeded]).toEqual(expect.arrayContaining([...codes]));

    await lift();
    const recovered = await until(
      "both are ready, and every call is answered",
      async () => !(await bothReady()).includes(false) && (await everyCall()).every(({ code }) => code === undefined),
    );
    expect(recovered).toBeLessThan(recoveryMs);
  });
}
