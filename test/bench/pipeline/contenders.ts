/** Each case, ready to be called: one process holds all of them, as it would a service's. */
import pg from "pg";
import type { Execution } from "../../../src/execution/execution.ts";
import { type Catalogue, loadCatalogue } from "../../../src/providers/catalogue.ts";
import type { Call, Page } from "../../../src/providers/contract.ts";
import { textRows } from "../../../src/rows/page.ts";
import type { ConnectorRow } from "../../../src/store/entities/connector.ts";
import { connectorRow, localDial, openStages, roomyPlaces, timeoutMs } from "../support/stages.ts";
import type { CaseName, Places } from "./cases.ts";
import { questionFor, statement } from "./table.ts";

type Cells = readonly (string | null)[];

export interface Contender {
  /** Reads the row with this id; its cells as text when they are wanted, and how many rows there were. */
  read(id: number, wanted: boolean): Promise<{ readonly rows: number; readonly cells: Cells | undefined }>;
  /** Does what was put off. */
  settle(): Promise<void>;
}

export type Contenders = Partial<Record<CaseName, Contender>>;

/** As many as the most calls at once: that nobody waits is the dearer case, as who waits comes in numbers. */
const connections = 16;
const anHour = 3_600_000;

export async function openContenders(places: Places, cleanup: AsyncDisposableStack): Promise<Contenders> {
  const catalogue = await loadCatalogue();
  const local = await pipelineOf({ ...places, redisUrl: undefined }, catalogue, cleanup);
  const shared = places.redisUrl === undefined ? undefined : await pipelineOf(places, catalogue, cleanup);
  return {
    pg: driver(places.databaseUrl, cleanup),
    provider: provider(places.databaseUrl, catalogue, cleanup),
    pipeline: local(0),
    kept: local(anHour),
    ...(shared === undefined ? {} : { pipeline_redis: shared(0), kept_redis: shared(anHour) }),
  };
}

function driver(connectionString: string, cleanup: AsyncDisposableStack): Contender {
  const pool = new pg.Pool({ connectionString, max: connections });
  cleanup.defer(() => pool.end());
  return {
    async read(id, wanted) {
      const { rows } = await pool.query<Record<string, unknown>>(statement, [id]);
      return { rows: rows.length, cells: wanted ? Object.values(rows[0] ?? {}).map(String) : undefined };
    },
    settle: async () => {},
  };
}

function provider(databaseUrl: string, catalogue: Catalogue, cleanup: AsyncDisposableStack): Contender {
  const postgresql = catalogue.get("postgresql");
  const { config, credential } = connectionTo(databaseUrl);
  const session = postgresql.open(postgresql.config.parse(config), postgresql.credential.parse(credential), {
    ...{ dial: localDial, places: roomyPlaces() },
    maxConnections: connections,
  });
  cleanup.defer(() => session.close());
  const ignore = () => {};
  return {
    async read(id, wanted) {
      const { query, page } = questionFor(id);
      // A caller has a signal of its own, with and without the pipeline.
      const { signal } = new AbortController();
      const deadline = performance.now() + timeoutMs;
      const call: Call = { signal, deadline, enter: ignore, settling: ignore, quota: ignore };
      return readOf(await session.query?.(query, page, call), wanted);
    },
    settle: async () => {},
  };
}

/** Gives a contender for each age that an answer may have. */
async function pipelineOf(
  { databaseUrl, storeUrl, redisUrl }: Places,
  catalogue: Catalogue,
  cleanup: AsyncDisposableStack,
): Promise<(maxAgeMs: number) => Contender> {
  const { execution, vault, settle } = await openStages({ storeUrl, redisUrl, catalogue, connections }, cleanup);
  const connector = await connectorRow({ provider: "postgresql", ...connectionTo(databaseUrl) }, catalogue, vault);
  return (maxAgeMs) => ({
    read: async (id, wanted) => readOf(await ask(execution, connector, id, maxAgeMs), wanted),
    settle,
  });
}

async function ask(execution: Execution, connector: ConnectorRow, id: number, maxAgeMs: number): Promise<Page> {
  const { signal } = new AbortController();
  const asked = { ...questionFor(id), maxAgeMs };
  const { result } = await execution.query(connector, asked, { principal: "bench", signal, timeoutMs });
  return result;
}

function readOf(page: Page | undefined, wanted: boolean): { rows: number; cells: Cells | undefined } {
  let rows = 0;
  for (const batch of page?.batches ?? []) rows += batch.rows;
  const first = page?.batches[0];
  const cells = wanted && first !== undefined ? textRows(first, page?.fields.length ?? 0)[0] : undefined;
  for (const batch of page?.batches ?? []) batch.release();
  return { rows, cells };
}

function connectionTo(databaseUrl: string) {
  const { hostname: host, port, pathname, username, password } = new URL(databaseUrl);
  const database = decodeURIComponent(pathname.slice(1));
  return {
    config: { host, port: Number(port), database, user: decodeURIComponent(username), tls: "disable" },
    credential: { password: decodeURIComponent(password) },
  };
}
