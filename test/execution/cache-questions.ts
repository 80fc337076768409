/** Questions to the query cache, and sources that answer them. */
import { createQueryCache, type QueryCache, type ReadPage } from "../../src/execution/cache/cache.ts";
import type { CacheKeyParts } from "../../src/execution/cache/key.ts";
import { connectRedis, type RedisOptions, type SharedRedis } from "../../src/execution/redis.ts";
import type { Observation } from "../../src/observability/observation.ts";
import type { Page, ResourceQuery } from "../../src/providers/contract.ts";
import { textRows } from "../../src/rows/page.ts";
import type { ConnectorRow } from "../../src/store/entities/connector.ts";
import { localKeys } from "../../src/vault/keys.ts";
import { createVault } from "../../src/vault/vault.ts";
import { type Cells, pack } from "../rows/cells.ts";
import { unhurried } from "../support/redis.ts";

export const vault = createVault(localKeys(`k1:${"ab".repeat(31)}01`));

/** Long enough for any test. */
export const anHour = 3_600_000;

export function connectorOf(changes: Partial<ConnectorRow> = {}): ConnectorRow {
  return {
    organizationId: "acme",
    id: crypto.randomUUID(),
    provider: "postgresql",
    name: "customers",
    displayName: "",
    labels: {},
    config: {},
    policy: { maxCacheAgeMs: anHour },
    disabled: false,
    sealedCredential: null,
    credentialVersion: 1,
    credentialUpdateTime: null,
    version: 1,
    createTime: new Date(0),
    updateTime: new Date(0),
    ...changes,
  } as ConnectorRow;
}

export function questionTo(connector: ConnectorRow, resource = "public.cities"): CacheKeyParts {
  const query: ResourceQuery = {
    kind: "resource",
    resource,
    fields: [],
    filter: undefined,
    orderBy: [],
    limit: undefined,
  };
  return { connector, query, page: { size: 100, continuation: undefined, maxBytes: 2_000_000 } };
}

export function pageWith(rows: Cells, fieldCount = rows[0]?.length ?? 0): Page {
  const fields = Array.from({ length: fieldCount }, (_, i) => ({
    name: `f${i}`,
    type: "string" as const,
    nullable: true,
    nativeType: "text",
  }));
  const batches = rows.length === 0 ? [] : [pack(rows)];
  return { fields, batches, continuation: "next", paging: "keyset", truncated: false };
}

export function rowsOf({ fields, batches }: Page): (string | null)[][] {
  return batches.flatMap((batch) => textRows(batch, fields.length));
}

/** A source whose every answer has one cell: how often it was asked. */
export function countingSource() {
  const source = {
    asked: 0,
    async read(): Promise<ReadPage> {
      source.asked++;
      return { page: pageWith([[String(source.asked)]]), readTime: new Date() };
    },
  };
  return source;
}

/** For a question whose answer should be kept by now: asked again when it is not yet. */
export const notKeptYet = () => Promise.reject(new Error("The answer is not kept yet."));

/** A source that answers when the test says. */
export function heldSource() {
  const readings: (PromiseWithResolvers<ReadPage> & { readonly signal: AbortSignal })[] = [];
  const begun: (() => void)[] = [];
  return {
    readings,
    read(signal: AbortSignal): Promise<ReadPage> {
      const reading = { ...Promise.withResolvers<ReadPage>(), signal };
      readings.push(reading);
      for (const tell of begun.splice(0)) tell();
      return reading.promise;
    },
    /** Settles when it has been asked so often. */
    async asked(times: number): Promise<void> {
      while (readings.length < times) await new Promise<void>((resolve) => begun.push(resolve));
    },
    answer: (index: number, cell: string) =>
      readings[index]?.resolve({ page: pageWith([[cell]]), readTime: new Date() }),
  };
}

export interface Replica {
  readonly cache: QueryCache;
  readonly redis: SharedRedis | undefined;
  readonly results: string[];
  /** The only cell of the answer, and how it came. */
  ask(parts: CacheKeyParts, read: Parameters<QueryCache["get"]>[3], maxAgeMs?: number): Promise<string>;
  close(): void;
}

/** A replica of the service, as far as its cache goes; over Redis when it has a URL. */
export async function replica(
  redisUrl?: string,
  { maxBytes = 8_000_000, ...redisOptions }: RedisOptions & { readonly maxBytes?: number } = {},
): Promise<Replica> {
  const results: string[] = [];
  const available = Promise.withResolvers<void>();
  const observe = (observation: Observation) => {
    if (observation.kind === "cache_asked") results.push(observation.result);
    if (observation.kind === "shared_state_changed" && observation.available) available.resolve();
  };
  const redis = redisUrl === undefined ? undefined : connectRedis(redisUrl, observe, { ...unhurried, ...redisOptions });
  if (redis !== undefined) await available.promise;
  const cache = createQueryCache({ maxBytes, redis, vault, observe });
  return {
    cache,
    redis,
    results,
    async ask(parts, read, maxAgeMs = anHour) {
      const { page, from } = await cache.get(parts, maxAgeMs, new AbortController().signal, read);
      return `${rowsOf(page)[0]?.[0]} ${from}`;
    },
    close() {
      cache.close();
      redis?.close();
    },
  };
}
