/** Composition root: configure, wire, listen, drain. The only place that knows all rooms. */
import { mintApiKey } from "./auth/api-key.ts";
import { parseSigningKey } from "./auth/signing-key.ts";
import { createCallers } from "./callers.ts";
import { type Config, readConfig, type TlsConfig } from "./config.ts";
import { developmentKeys, firstApiKey } from "./development.ts";
import { createEgress, type Egress } from "./egress/egress.ts";
import { placeOf } from "./egress/own.ts";
import { configuredKeys } from "./encryption-keys.ts";
import { refuseDisabled } from "./execution/asking.ts";
import { createExecution, type Execution } from "./execution/execution.ts";
import { createHistory } from "./execution/history/history.ts";
import { connectRedis } from "./execution/redis.ts";
import type { ConnectorKey } from "./execution/running.ts";
import { createPlaces } from "./execution/session/places.ts";
import { Failure, type FailureKind } from "./failure.ts";
import { ConnectorService } from "./gen/connector/v1/service_pb.js";
import { createLog, type Log } from "./observability/log.ts";
import { createMetrics, type Metrics } from "./observability/metrics.ts";
import type { Observe } from "./observability/observation.ts";
import { type Catalogue, loadCatalogue } from "./providers/catalogue.ts";
import { createApiKeys } from "./registry/api-keys.ts";
import { refuseMissingKeys } from "./registry/key-use.ts";
import { createRegistry, type Registry } from "./registry/registry.ts";
import { createPageTokens } from "./rpc/page-token.ts";
import { admitPrincipals } from "./rpc/principal.ts";
import type { Rooms } from "./rpc/rooms.ts";
import { connectorService } from "./rpc/service.ts";
import { validationInterceptor } from "./rpc/validation.ts";
import { cannotListen } from "./server/cannot-listen.ts";
import { createFairShares } from "./server/fair-share.ts";
import { health } from "./server/health.ts";
import { listenForMetrics } from "./server/metrics-port.ts";
import { type DrainSummary, listen, type Server, type TlsOptions } from "./server/port.ts";
import { reflection } from "./server/reflection.ts";
import { type Embedded, startEmbedded } from "./store/embedded.ts";
import { openStore, type Store } from "./store/store.ts";
import type { KeyFileChange } from "./vault/file-keys.ts";
import { createVault, type Vault } from "./vault/vault.ts";

export interface RunningService {
  /** `http://127.0.0.1:8080`. */
  readonly url: string;
  readonly port: number;
  /** Where metrics are served, if they are. */
  readonly metricsPort: number | undefined;
  /** Made at the first start with the built-in database, and shown this once. */
  readonly firstApiKey: string | undefined;
  /** The built-in database, when it is used. */
  readonly embedded: Embedded | undefined;
  /** Drains and closes everything; a second call gets the first one's promise. */
  stop(): Promise<DrainSummary>;
}

/** How long the store may take to say that it is there, in milliseconds. */
const readyMs = 2_000;

export async function startService(config: Config, log: Log): Promise<RunningService> {
  // What has begun when something else can't is closed again, the last first; so is everything at the end.
  await using starting = new AsyncDisposableStack();
  const embedded = await startDatabase(config, log, starting);
  const keys = embedded === undefined ? undefined : await developmentKeys(embedded.directory);
  const signingKey = parseSigningKey(config.signingKey?.reveal() ?? keys?.signingKey ?? "");
  const database = databaseUrls(config, embedded);
  const store = await openStore({ ...database, log: (message) => log.debug(message) });
  starting.defer(() => store.close());
  const egress = egressOf(config, Object.values(database), embedded);
  const encryptionKeys = await configuredKeys(config.encryptionKeys, {
    ...{ builtIn: keys?.encryptionKeys, egress },
    onFileChange: (change) => sayKeys(log, change),
  });
  starting.defer(() => encryptionKeys.close());
  await refuseMissingKeys(encryptionKeys, store.sealedCredentials);
  const vault = createVault(encryptionKeys);
  const catalogue = await loadCatalogue();
  const registry = createRegistry({ store, vault, catalogue });
  const apiKeys = createApiKeys({
    ...{ store, mint: () => mintApiKey(signingKey) },
    onRevoke: (id) => callers.changed(id),
  });
  const { fetch } = egress;
  const callers = createCallers({ config, log, store, signingKey, apiKeys, fetch }, starting);
  const { execution, history, metrics, observe, shares } = createCalls(
    { config, log, store, catalogue, vault, egress },
    starting,
  );
  const changes = store.listen({
    onChange(organizationId, connectorId, rewrapped) {
      registry.changed(organizationId, connectorId);
      // What is open stays open: it is the same credential.
      if (rewrapped) return;
      execution.forget(organizationId, connectorId);
      void endIfUnusable(registry, execution, { organizationId, connectorId });
    },
    onApiKeyChange: callers.changed,
    onAvailable(available, why) {
      if (why !== undefined) log.warn({ why }, "what changes is not told: connectors and keys are read for each call");
      callers.available(available);
      // What changed while nobody listened is found by the next call: it has another version, or is gone.
      registry.available(available);
      if (available) for (const connector of execution.running()) void endIfUnusable(registry, execution, connector);
      observe({ kind: "shared_state_changed", part: "changes", available });
    },
  });
  starting.defer(() => changes.close());
  const rooms = { catalogue, execution, registry, apiKeys, history, pageTokens: createPageTokens(signingKey) };
  const server = await serve(config, log, rooms, {
    admit: admitPrincipals(callers.authenticate, shares.enter),
    ready: () => store.ping(readyMs),
    slowPart: () => (store.isSlow() ? "The service's own database" : undefined),
  });
  starting.defer(async () => void (await server.drain(0)));
  const metricsPort = await serveMetrics(config, log, metrics, starting);
  for (const port of [server.port, metricsPort ?? server.port]) egress.own.add({ host: config.host, port });

  const running = starting.move();
  const stop = async () => {
    const summary = await server.drain(config.drainMs, config.drainDelayMs);
    execution.abort(new Failure("shutting_down", "The service is stopping.", { where: "service" }));
    await running.disposeAsync();
    return summary;
  };
  let stopped: Promise<DrainSummary> | undefined;
  return {
    url: server.url,
    port: server.port,
    metricsPort,
    firstApiKey: embedded === undefined ? undefined : await firstApiKey(store, signingKey),
    embedded,
    stop: () => (stopped ??= stop()),
  };
}

/** The service's own database, and where its notices are heard. */
function databaseUrls({ database }: Config, embedded: Embedded | undefined): { url: string; listenUrl: string } {
  if (!("url" in database)) return { url: (embedded as Embedded).url, listenUrl: (embedded as Embedded).url };
  const { url, directUrl = url } = database;
  return { url: url.reveal(), listenUrl: directUrl.reveal() };
}

/** The ways out, none of which leads connectors to what the service lives on. */
function egressOf(config: Config, databaseUrls: readonly string[], embedded: Embedded | undefined): Egress {
  // The built-in server plays customers', too, on whose databases one tries things.
  const shared = embedded === undefined ? [] : [`127.0.0.1:${embedded.port}`, `[::1]:${embedded.port}`];
  const egress = createEgress({ ...config.egress, allow: [...config.egress.allow, ...shared] }, config.ca);
  for (const url of [...databaseUrls, config.redis?.url.reveal()]) if (url !== undefined) egress.own.add(placeOf(url));
  return egress;
}

function sayKeys(log: Log, change: KeyFileChange): void {
  if ("ids" in change) log.info({ keys: change.ids }, "the key file has changed, and is in use");
  else log.error({ err: change.refused }, "the key file can't be used: the keys of before stay in use");
}

/** A store that does not answer says nothing of a connector. */
const unusable: ReadonlySet<FailureKind> = new Set(["not_found", "connector_disabled"]);

/** Calls that run through a connector which was disabled or deleted, here or elsewhere, end. */
async function endIfUnusable(registry: Registry, execution: Execution, connector: ConnectorKey): Promise<void> {
  if (!execution.isRunning(connector)) return;
  try {
    refuseDisabled(await registry.use(connector.organizationId, connector.connectorId));
  } catch (reason) {
    if (reason instanceof Failure && unusable.has(reason.kind)) execution.end(connector, reason);
  }
}

async function startDatabase(
  { database }: Config,
  log: Log,
  starting: AsyncDisposableStack,
): Promise<Embedded | undefined> {
  if (!("directory" in database)) return undefined;
  const embedded = await startEmbedded({ directory: database.directory, log: (message) => log.info(message) });
  starting.defer(() => embedded.stop());
  return embedded;
}

interface Foundations {
  readonly config: Config;
  readonly log: Log;
  readonly store: Store;
  readonly catalogue: Catalogue;
  readonly vault: Vault;
  readonly egress: Egress;
}

/** What calls to sources go through, and those who hear of them. */
function createCalls({ config, log, store, catalogue, vault, egress }: Foundations, starting: AsyncDisposableStack) {
  const { limits, timeouts } = config;
  const history = createHistory({ store, log });
  starting.defer(() => history.close());
  const places = createPlaces({ perHost: limits.connections.host, all: limits.connections.all });
  const shares = createFairShares();
  starting.defer(() => shares.close());
  const metrics = createMetrics({
    bulkhead: () => execution.bulkheadFigures(),
    places: () => places.figures(),
    historyDropped: () => history.dropped,
    overShare: () => shares.refused,
  });
  const observe: Observe = (observation) => {
    metrics.observe(observation);
    history.observe(observation);
  };
  const redis = config.redis && connectRedis(config.redis.url.reveal(), observe, config.redis);
  if (redis !== undefined) starting.defer(() => redis.close());
  const execution = createExecution({
    ...{ catalogue, vault, redis, observe },
    session: { dialFor: egress.dialFor, trust: egress.trust, places },
    limits: {
      unary: { defaultMs: timeouts.unaryMs, maxMs: timeouts.maxMs },
      stream: { defaultMs: timeouts.streamMs, maxMs: timeouts.maxMs },
      concurrency: limits.connections.connector,
      waiting: limits.waitingCalls,
      organizationCallsPerSecond: limits.organizationCallsPerSecond,
      stallMs: limits.streamStallMs,
    },
    calls: limits.calls,
    breakerOpenMs: limits.breakerOpenMs,
    cacheBytes: limits.cacheBytes,
  });
  starting.defer(() => execution.close());
  return { execution, history, metrics, observe, shares };
}

interface Gate {
  readonly admit: ReturnType<typeof admitPrincipals>;
  readonly ready: () => Promise<void>;
  readonly slowPart: () => string | undefined;
}

function tlsOf({ cert, key, clients }: TlsConfig): TlsOptions {
  const asked = clients && { clientCa: clients.ca, clientAuth: clients.auth };
  return { cert, key: key.reveal(), ...asked };
}

async function serve(config: Config, log: Log, rooms: Rooms, { admit, ready, slowPart }: Gate): Promise<Server> {
  return listen({
    host: config.host,
    port: config.port,
    ...(config.tls === undefined ? {} : { tls: tlsOf(config.tls) }),
    limits: { defaultTimeoutMs: config.timeouts.unaryMs, maxTimeoutMs: config.timeouts.maxMs },
    admit,
    slowPart,
    interceptors: [validationInterceptor()],
    onInternal: (err, fault) => log.error({ err, ...fault }, "a call failed by a fault of the service"),
    routes: (router, draining) => {
      router.service(ConnectorService, connectorService(rooms));
      health(router, { ready, draining });
      reflection(router);
    },
  }).catch((cause: unknown) => {
    throw cannotListen(config.host, config.port, "PORT", cause);
  });
}

async function serveMetrics(
  { host, metricsPort: port }: Config,
  log: Log,
  metrics: Metrics,
  starting: AsyncDisposableStack,
): Promise<number | undefined> {
  if (port === undefined) return undefined;
  const onFault = (err: unknown) => log.error({ err }, "the metrics could not be rendered");
  const served = await listenForMetrics({ host, port, render: metrics.render, onFault }).catch((cause: unknown) => {
    throw cannotListen(host, port, "METRICS_PORT", cause);
  });
  starting.defer(() => served.close());
  return served.port;
}

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const log = createLog(config.logLevel);
  const service = await startService(config, log);
  log.info({ url: service.url, metricsPort: service.metricsPort }, "listening");
  if (service.firstApiKey !== undefined) {
    process.stdout.write(
      `\nYour API key for the organization "development", shown this once:\n\n  ${service.firstApiKey}\n\n`,
    );
  }
  const stop = async (signal: NodeJS.Signals) => {
    log.info({ signal }, "draining");
    const summary = await service.stop();
    log.info(summary, "stopped");
    process.exit(0);
  };
  process.on("SIGTERM", stop).on("SIGINT", stop);
}

if (import.meta.main) {
  try {
    await main();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    process.stderr.write(`connector-service can't start. ${error.message}\n${error.remedy ?? ""}\n`);
    process.exit(1);
  }
}
