/** Calls as they come by day: most are well, some are wrong, and some sources are not what they should be. */
import { setTimeout as delay } from "node:timers/promises";
import type { ConnectorClient } from "../../client/index.ts";
import type { Target } from "../given.ts";

export interface Traffic extends AsyncDisposable {
  /** Each connector's id, with what it is for. */
  readonly connectors: ReadonlyMap<string, string>;
  /** Calls that are over. */
  calls(): number;
}

interface Sources {
  /** The database of GeoNames' cities. */
  readonly atlas: Target;
  readonly apiUrl: string;
}

/** Begins calls, which go on until it is disposed of. */
export async function startTraffic(client: ConnectorClient, sources: Sources): Promise<Traffic> {
  const connectors = await register(client, sources);
  const [atlas = "", narrow = "", orders = "", gone = ""] = connectors.keys();
  const stop = new AbortController();
  let calls = 0;
  /** So many at a time, each after a pause; what comes of them is what is looked at. */
  const go = (each: () => Promise<unknown>, pauseMs: number, atOnce = 1) =>
    Array.from({ length: atOnce }, async (_, lane) => {
      await delay((pauseMs * lane) / atOnce, undefined, { signal: stop.signal }).catch(() => {});
      while (!stop.signal.aborted) {
        await each().catch(() => {});
        calls++;
        await delay(pauseMs, undefined, { signal: stop.signal }).catch(() => {});
      }
    });
  const { signal } = stop;
  const query = (id: string, resource: string, pageSize = 100) => client.query(id, { resource }, { pageSize, signal });
  const lanes = [
    ...go(() => query(atlas, "city"), 120, 4),
    ...go(() => client.query(atlas, { resource: "country" }, { maxAgeMs: 5_000, signal }), 250, 2),
    ...go(() => client.query(atlas, { resource: "city", fields: ["populaton"] }, { signal }), 1_500),
    ...go(() => readAll(client, atlas, signal), 2_000),
    // More at once than it may, so that they wait, and some find no room.
    ...go(() => client.query(narrow, { native: "SELECT count(*) FROM city, pg_sleep(0.15)" }, { signal }), 20, 8),
    ...go(() => query(orders, "orders"), 300, 3),
    ...go(() => query(gone, "orders"), 400, 2),
  ];
  return {
    connectors,
    calls: () => calls,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await Promise.all(lanes);
    },
  };
}

async function readAll(client: ConnectorClient, id: string, signal: AbortSignal): Promise<void> {
  for await (const batch of client.stream(id, { resource: "city" }, { signal }).batches()) void batch;
}

async function register(client: ConnectorClient, { atlas, apiUrl }: Sources): Promise<Map<string, string>> {
  const { provider, config, credential } = atlas;
  const sql = { provider, config, credential };
  const rest = (baseUrl: string) => ({
    provider: "rest",
    config: {
      ...{ base_url: baseUrl, authentication: { type: "none" } },
      resources: [{ name: "orders", path: "/orders" }],
    },
  });
  const targets = [
    ["a database that is well", { ...sql, name: "cities", policy: { maxCacheAge: { seconds: 60n } } }],
    ["one with room for two calls at once", { ...sql, name: "narrow", policy: { maxConcurrency: 2 } }],
    ["an API with a quota, which fails now and then", { ...rest(apiUrl), name: "orders" }],
    ["an API that is gone", { ...rest("http://127.0.0.1:1"), name: "gone" }],
  ] as const;
  const ids = new Map<string, string>();
  for (const [what, target] of targets) ids.set((await client.createConnector(target)).id, what);
  return ids;
}
