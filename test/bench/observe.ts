/**
 * What all observation costs: CPU of the service for a call, and for a stream, with
 * everything that listens and with nobody listening; and what the spans of a call cost, over
 * those of a call that its caller has left out of its traces.
 *
 * Cases take many short turns, in both orders, and are called by this process. What is told of two
 * is the median of their differences, of turns that follow each other: whatever else the machine
 * does meets both of them alike.
 */
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import type { Interceptor } from "@connectrpc/connect";
import pg from "pg";
import { type ConnectorClient, createConnectorClient } from "../../src/client/index.ts";
import { startEmbedded } from "../../src/store/embedded.ts";
import { diskDirectory } from "../support/directory.ts";
import { type Addresses, type CaseName, cases, type ServiceName } from "./observe/cases.ts";
import { type BenchOptions, type BenchResult, median } from "./support/bench.ts";
import { Child, serviceFlags } from "./support/child.ts";

const names = Object.keys(cases) as CaseName[];
const rowsOfTable = 200_000;
const concurrency = 16;
/** In each round. */
const turns = { call: { number: 40, calls: 100 }, stream: { number: 8, calls: 1 } };
const warmUpRounds = 2;

type Kind = keyof typeof turns;
/** Microseconds of CPU of a call, by case, a turn after the other. */
type Costs = Readonly<Record<CaseName, readonly number[]>>;

interface Stage {
  readonly child: Child;
  readonly clients: Readonly<Record<CaseName, ConnectorClient>>;
  readonly addresses: Addresses;
}

export default async function observe(options: BenchOptions): Promise<BenchResult> {
  await using cleanup = new AsyncDisposableStack();
  const stage = await open(options, cleanup);
  options.progress("Warming up.");
  const warmUp = { rounds: warmUpRounds, progress: () => {} };
  for (const kind of ["call", "stream"] as const) await measure(stage, kind, warmUp);
  const calls = await measure(stage, "call", options);
  const streams = await measure(stage, "stream", options);
  return {
    figures: {
      call_us: more(calls, "on", "off"),
      stream_cost: part(streams, "on", "off"),
      traced_call_us: more(calls, "traced", "unsampled"),
      traced_stream_cost: part(streams, "traced", "unsampled"),
      unobserved_call_us: rounded(costOf(calls, "off"), 10),
    },
    table: {
      columns: ["case", "µs of CPU a call", "ms of CPU a stream", "who listens"],
      rows: names.map((name) => [
        ...[name, costOf(calls, name).toFixed(1), (costOf(streams, name) / 1_000).toFixed(1), cases[name].what],
      ]),
    },
  };
}

async function open({ progress }: BenchOptions, cleanup: AsyncDisposableStack): Promise<Stage> {
  const directory = await diskDirectory();
  cleanup.defer(() => rm(directory, { recursive: true, force: true }));
  const source = await startEmbedded({ directory: path.join(directory, "source"), log: progress });
  cleanup.defer(() => source.stop());
  const databaseUrl = await source.createDatabase("bench");
  await makeTable(databaseUrl);
  const collectorUrl = await collector(cleanup);
  const child = new Child(new URL("observe/process.ts", import.meta.url), serviceFlags());
  cleanup.defer(() => child.stop());
  const addresses = await child.call<Addresses>("open", { databaseUrl, directory, collectorUrl });
  const clientOf = (service: ServiceName, interceptors: Interceptor[] = []) => {
    const client = createConnectorClient({ ...addresses[service], interceptors });
    cleanup.defer(() => client.close());
    return client;
  };
  const plain = clientOf("plain");
  const clients = { off: plain, on: plain, unsampled: clientOf("tracing", [leftOut]), traced: clientOf("tracing") };
  return { child, addresses, clients };
}

/** The caller's own trace is not recorded, and so nothing of it is. */
const leftOut: Interceptor = (next) => (request) => {
  request.header.set("traceparent", `00-${"a1".repeat(16)}-${"b2".repeat(8)}-00`);
  return next(request);
};

/** Takes spans and forgets them. */
async function collector(cleanup: AsyncDisposableStack): Promise<string> {
  const server = createServer((request, response) => {
    request.resume().once("end", () => response.end());
  });
  server.listen({ host: "127.0.0.1", port: 0 });
  await once(server, "listening");
  cleanup.defer(async () => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function makeTable(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query("CREATE TABLE reading (id int PRIMARY KEY, place text NOT NULL, value numeric NOT NULL)");
    await client.query(
      `INSERT INTO reading SELECT i, 'place ' || i, i / 4.0 FROM generate_series(1, ${rowsOfTable}) i`,
    );
    await client.query("VACUUM (FREEZE, ANALYZE) reading");
  } finally {
    await client.end();
  }
}

/** Those that are compared follow each other, and each comes as often behind any other: what one puts off the next one does. */
function orderOf(turn: number): CaseName[] {
  const pair = (one: CaseName, other: CaseName, isTurned: boolean) => (isTurned ? [other, one] : [one, other]);
  return [...pair("off", "on", turn % 2 === 1), ...pair("unsampled", "traced", turn % 4 > 1)];
}

async function measure(
  stage: Stage,
  kind: Kind,
  { rounds, progress }: Pick<BenchOptions, "rounds" | "progress">,
): Promise<Costs> {
  const costs: Record<CaseName, number[]> = { off: [], on: [], unsampled: [], traced: [] };
  const { number, calls } = turns[kind];
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < number; turn++) {
      for (const name of orderOf(turn)) costs[name].push((await turnOf(stage, kind, name)) / calls);
    }
    const line = names.map((name) => `${name} ${costOf(costs, name).toFixed(0)}`);
    progress(`${kind}, round ${round + 1} of ${rounds}, µs of CPU: ${line.join(", ")}`);
  }
  return costs;
}

async function turnOf({ child, clients, addresses }: Stage, kind: Kind, name: CaseName): Promise<number> {
  const client = clients[name];
  const { connectorId } = addresses[cases[name].service];
  await child.call("hear", name !== "off");
  const before = await child.call<number>("cpuUs");
  if (kind === "call") await makeCalls(client, connectorId);
  else await readStream(client, connectorId);
  return (await child.call<number>("cpuUs")) - before;
}

async function makeCalls(client: ConnectorClient, connectorId: string): Promise<void> {
  const numbers = Array.from({ length: turns.call.calls }, (_, number) => number + 1).values();
  const lane = async () => {
    for (const id of numbers) {
      const { rows } = await client.query<{ id: number }>(connectorId, { resource: "reading", where: { id } });
      if (rows.length !== 1 || rows[0]?.id !== id) throw new Error(`Read ${rows.length} rows for ${id}.`);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, lane));
}

async function readStream(client: ConnectorClient, connectorId: string): Promise<void> {
  let rows = 0;
  for await (const batch of client.stream(connectorId, { resource: "reading" }).batches()) rows += batch.length;
  if (rows !== rowsOfTable) throw new Error(`Read ${rows} rows of ${rowsOfTable}.`);
}

const rounded = (value: number, parts: number) => Math.round(value * parts) / parts;

const costOf = (costs: Costs, name: CaseName) => median(costs[name]);

/** Microseconds that a call takes more than another one. */
const more = (costs: Costs, name: CaseName, than: CaseName) =>
  rounded(median(costs[name].map((us, turn) => us - (costs[than][turn] ?? 0))), 10);

/** The part of what another stream takes that it takes more. */
const part = (costs: Costs, name: CaseName, than: CaseName) =>
  rounded(median(costs[name].map((us, turn) => us / (costs[than][turn] ?? 0))) - 1, 10_000);
