/** The whole pipeline of the service, and nothing of its wire: every stage is on, history and metrics listen. */
import { createDial } from "../../../src/egress/dial.ts";
import { createEgressPolicy } from "../../../src/egress/policy.ts";
import { createExecution, type Execution } from "../../../src/execution/execution.ts";
import { createHistory } from "../../../src/execution/history/history.ts";
import { connectRedis } from "../../../src/execution/redis.ts";
import { createPlaces } from "../../../src/execution/session/places.ts";
import { createMetrics } from "../../../src/observability/metrics.ts";
import type { Observation } from "../../../src/observability/observation.ts";
import type { Catalogue } from "../../../src/providers/catalogue.ts";
import type { ConnectorRow } from "../../../src/store/entities/connector.ts";
import { openStore } from "../../../src/store/store.ts";
import { sealCredential } from "../../../src/vault/credential.ts";
import { localKeys } from "../../../src/vault/keys.ts";
import { createVault, type Vault } from "../../../src/vault/vault.ts";

export const timeoutMs = 30_000;
/** No call comes near it: what is measured is the counting. */
const callsPerSecond = 1_000_000;
const anHour = 3_600_000;

export const localDial = createDial(createEgressPolicy({ allow: ["127.0.0.0/8"] }));
export const roomyPlaces = () => createPlaces({ perHost: 100, all: 500 });

export interface StagesOptions {
  /** Of the service's own database, where the history goes. */
  readonly storeUrl: string;
  /** Undefined to count in memory. */
  readonly redisUrl?: string | undefined;
  readonly catalogue: Catalogue;
  /** Calls at once through one connector. */
  readonly connections: number;
}

export interface Stages {
  readonly execution: Execution;
  readonly vault: Vault;
  /** Writes the history that was put off: what it costs belongs to the calls that it is of. */
  settle(): Promise<void>;
}

export async function openStages(
  { storeUrl, redisUrl, catalogue, connections }: StagesOptions,
  cleanup: AsyncDisposableStack,
): Promise<Stages> {
  const vault = createVault(localKeys(`bench:${"4b".repeat(31)}02`));
  const store = await openStore({ url: storeUrl });
  cleanup.defer(() => store.close());
  const history = createHistory({ store });
  cleanup.defer(() => history.close());
  const metrics = createMetrics();
  const { promise: redisUp, resolve } = Promise.withResolvers<void>();
  const observe = (observation: Observation) => {
    if (observation.kind === "shared_state_changed") resolve();
    metrics.observe(observation);
    history.observe(observation);
  };
  const redis = redisUrl === undefined ? undefined : connectRedis(redisUrl, observe);
  const limit = { defaultMs: timeoutMs, maxMs: anHour };
  const execution = createExecution({
    // Queries need none.
    store: { withOrganization: () => Promise.reject(new Error("there is no store")) },
    ...{ catalogue, vault, redis, observe },
    session: { dialFor: () => localDial, places: roomyPlaces() },
    limits: {
      ...{ unary: limit, stream: limit, concurrency: connections, waiting: 100, stallMs: 60_000 },
      organizationCallsPerSecond: callsPerSecond,
    },
    calls: { organization: 100, all: 400 },
    breakerOpenMs: 2_000,
    cacheBytes: 64_000_000,
  });
  cleanup.defer(async () => {
    await execution.close();
    redis?.close();
  });
  if (redis !== undefined) await redisUp;
  const settle = async () => {
    await history.flush();
    if (history.dropped > 0) throw new Error(`The history has dropped ${history.dropped} calls.`);
  };
  return { execution, vault, settle };
}

export interface ConnectorGiven {
  readonly provider: string;
  readonly config: Record<string, unknown>;
  readonly credential: unknown;
}

/** A connector as the registry would give it: frozen, as many calls share it. */
export async function connectorRow(given: ConnectorGiven, catalogue: Catalogue, vault: Vault): Promise<ConnectorRow> {
  const provider = catalogue.get(given.provider);
  const { config, credential } = given;
  const id = crypto.randomUUID();
  const place = {
    ...{ organizationId: "bench", connectorId: id, version: 1, provider: provider.id },
    endpoint: provider.endpoint(provider.config.parse(config)),
  };
  const sealed = credential === undefined ? null : Buffer.from(await sealCredential(vault, place, credential));
  return Object.freeze({
    ...{ organizationId: place.organizationId, id, provider: place.provider, name: "bench", displayName: "" },
    ...{ labels: {}, config, disabled: false, version: 1, createTime: new Date(0), updateTime: new Date(0) },
    policy: { callsPerSecond, maxCacheAgeMs: anHour },
    sealedCredential: sealed,
    ...{ credentialKeyId: null, credentialVersion: 1, credentialUpdateTime: new Date(0) },
  } as ConnectorRow);
}
