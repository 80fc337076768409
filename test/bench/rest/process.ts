/** The process whose CPU is measured: it reads documents of the API by each case. */
import { Agent } from "node:http";
import axios from "axios";
import { loadCatalogue } from "../../../src/providers/catalogue.ts";
import type { Call, Page, PageRequest, ReadQuery } from "../../../src/providers/contract.ts";
import { textRows } from "../../../src/rows/page.ts";
import { answerCommands } from "../support/child.ts";
import { connectorRow, localDial, openStages, roomyPlaces, timeoutMs } from "../support/stages.ts";
import { type Cost, turn } from "../support/turn.ts";
import type { CaseName, Turn } from "./cases.ts";
import { apiConnector, cellsOf, type Item, itemsOf, itemsPerBatch } from "./data.ts";

/** As many as the most calls at once. */
const connections = 16;
const batches = 10_000;
const page: PageRequest = { size: 100, continuation: undefined, maxBytes: 2_000_000 };

/** Reads a batch of items, and gives it in its own form. */
interface Contender {
  read(batch: number): Promise<{ readonly rows: number; check(): void }>;
  settle(): Promise<void>;
}

const cleanup = new AsyncDisposableStack();
let contenders: Readonly<Record<CaseName, Contender>>;

answerCommands(
  {
    async open({ port, storeUrl }: { readonly port: number; readonly storeUrl: string }): Promise<void> {
      contenders = await openContenders(port, storeUrl);
    },

    /** Compares what a case reads with what the API has. */
    async check(name: CaseName): Promise<void> {
      for (let batch = 0; batch < 50; batch++) (await contenders[name].read(batch)).check();
    },

    async turn({ name, ...amount }: Turn): Promise<Cost> {
      const { read, settle } = contenders[name];
      const worker = { read: async (number: number) => (await read(number % batches)).rows, settle };
      const { rows, cost } = await turn(amount, worker);
      if (rows !== amount.calls * itemsPerBatch) throw new Error(`${name} read ${rows} rows.`);
      return cost;
    },
  },
  () => cleanup.disposeAsync(),
);

async function openContenders(port: number, storeUrl: string): Promise<Readonly<Record<CaseName, Contender>>> {
  const catalogue = await loadCatalogue();
  const given = apiConnector(port);
  const rest = catalogue.get(given.provider);
  const session = rest.open(rest.config.parse(given.config), rest.credential.parse(given.credential), {
    ...{ dial: localDial, places: roomyPlaces(), maxConnections: connections },
  });
  cleanup.defer(() => session.close());
  const { execution, vault, settle } = await openStages({ storeUrl, catalogue, connections }, cleanup);
  const connector = await connectorRow(given, catalogue, vault);
  return {
    axios: byAxios(port),
    provider: {
      read: async (batch) => readOf(await session.query?.(queryOf(batch), page, unheardCall()), batch),
      settle: async () => {},
    },
    query: {
      async read(batch) {
        const { signal } = new AbortController();
        const asked = { query: queryOf(batch), page, maxAgeMs: 0 };
        const { result } = await execution.query(connector, asked, { principal: "bench", signal, timeoutMs });
        return readOf(result, batch);
      },
      settle,
    },
  };
}

/** As one writes it who needs nothing else: the deadline and the cancel of a caller are the least. */
function byAxios(port: number): Contender {
  const client = axios.create({
    ...{ baseURL: `http://127.0.0.1:${port}`, httpAgent: new Agent({ keepAlive: true, maxSockets: connections }) },
    ...{ headers: { authorization: "Bearer a-token-of-the-benchmark" }, timeout: timeoutMs, proxy: false },
  });
  return {
    async read(batch) {
      const { signal } = new AbortController();
      const { data } = await client.get<{ data: Item[] }>("/items", { params: { batch }, signal });
      return { rows: data.data.length, check: () => same(data.data, itemsOf(batch)) };
    },
    settle: async () => {},
  };
}

function queryOf(batch: number): ReadQuery {
  const values = [{ kind: "integer", value: BigInt(batch) }] as const;
  const filter = { kind: "compare", field: "batch", operator: "eq", values, path: "query.where.batch" } as const;
  return { kind: "resource", resource: "items", fields: [], filter, orderBy: [], limit: undefined };
}

function unheardCall(): Call {
  const ignore = () => {};
  const { signal } = new AbortController();
  return { signal, deadline: performance.now() + timeoutMs, enter: ignore, settling: ignore, quota: ignore };
}

function readOf(read: Page | undefined, batch: number): { rows: number; check(): void } {
  const { batches: packed = [], fields = [] } = read ?? {};
  let rows = 0;
  for (const each of packed) rows += each.rows;
  return {
    rows,
    check: () =>
      same(
        packed.flatMap((each) => textRows(each, fields.length)),
        cellsOf(batch),
      ),
  };
}

function same(read: unknown, expected: unknown): void {
  if (JSON.stringify(read) === JSON.stringify(expected)) return;
  throw new Error(`Read ${JSON.stringify(read).slice(0, 200)} for ${JSON.stringify(expected).slice(0, 200)}.`);
}
