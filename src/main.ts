/** Composition root: configure, wire, listen, drain. With `wiring/` the only place that knows all rooms. */
import { setTimeout as delay } from "node:timers/promises";
import { mintApiKey } from "./auth/api-key.ts";
import { parseSigningKey } from "./auth/signing-key.ts";
import { type Config, readConfig } from "./config.ts";
import { developmentKeys, firstApiKey } from "./development.ts";
import { Failure } from "./failure.ts";
import { createLog, type Log } from "./observability/log.ts";
import { createTracing } from "./observability/tracing.ts";
import { loadCatalogue } from "./providers/catalogue.ts";
import { createApiKeys } from "./registry/api-keys.ts";
import { createGrants } from "./registry/grants.ts";
import { refuseMissingKeys } from "./registry/key-use.ts";
import { createRegistry } from "./registry/registry.ts";
import { tellDenials } from "./rpc/denials.ts";
import { createPageTokens } from "./rpc/page-token.ts";
import { admitPrincipals } from "./rpc/principal.ts";
import type { DrainSummary } from "./server/port.ts";
import { type Embedded, startEmbedded } from "./store/embedded.ts";
import { openStore } from "./store/store.ts";
import type { KeyFileChange } from "./vault/file-keys.ts";
import { createVault } from "./vault/vault.ts";
import { auditOpenings, openAudit } from "./wiring/audit.ts";
import { openAuthorizations } from "./wiring/authorizations.ts";
import { createCallers } from "./wiring/callers.ts";
import { createCalls } from "./wiring/calls.ts";
import { endOnOtherGrants, hearChanges } from "./wiring/changes.ts";
import { configuredKeys } from "./wiring/encryption-keys.ts";
import { observedEgress, observedKeys } from "./wiring/observed.ts";
import { createObserving, type Observing, storeSources } from "./wiring/observing.ts";
import { serve, serveMetrics } from "./wiring/serving.ts";
import { databaseUrls, egressOf } from "./wiring/ways-out.ts";

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

/** @param observing Default: metrics and the log listen to what the rooms tell, as configured */
export async function startService(
  config: Config,
  log: Log,
  observing: Observing = createObserving(config, log),
): Promise<RunningService> {
  // What has begun when something else can't is closed again, the last first; so is everything at the end.
  await using starting = new AsyncDisposableStack();
  const embedded = await startDatabase(config, log, starting);
  const keys = embedded === undefined ? undefined : await developmentKeys(embedded.directory);
  const signingKey = parseSigningKey(config.signingKey?.reveal() ?? keys?.signingKey ?? "");
  const database = databaseUrls(config, embedded);
  const store = await openStore({ ...database, migrates: config.migrates, log: (message) => log.debug(message) });
  starting.defer(() => store.close());
  const { observe, metrics } = observing;
  const tracing = await createTracing(config.traces.exported, observe);
  starting.defer(() => tracing.close());
  observing.hear(tracing.observe);
  const egress = observedEgress(egressOf(config, Object.values(database), embedded), observe);
  const encryptionKeys = await configuredKeys(config.encryptionKeys, {
    ...{ builtIn: keys?.encryptionKeys, egress },
    onFileChange: (change) => sayKeys(log, change),
  });
  starting.defer(() => encryptionKeys.close());
  await refuseMissingKeys(encryptionKeys, store.sealedCredentials);
  const vault = createVault(observedKeys(encryptionKeys, observe));
  metrics.watch(storeSources(store, encryptionKeys));
  const catalogue = await loadCatalogue();
  const audit = openAudit({ config, log, store, signingKey, observe }, starting);
  const registry = createRegistry({ store, vault, catalogue, audit });
  const apiKeys = createApiKeys({
    ...{ store, audit, mint: () => mintApiKey(signingKey) },
    onRevoke: (id) => callers.changed(id),
  });
  const grants = createGrants({
    ...{ store, audit },
    onChange: (key) => void endOnOtherGrants(grants, execution, key),
  });
  const { fetch } = egress;
  const callers = createCallers({ config, log, store, signingKey, apiKeys, fetch }, starting);
  const audited = { config, log, store, catalogue, vault: auditOpenings(vault, audit), egress, observing };
  const { execution, tokens, history, shares } = createCalls(audited, starting);
  const changes = hearChanges({ log, store, registry, grants, execution, callers, observe });
  starting.defer(() => changes.close());
  const authorizations = openAuthorizations({ ...audited, signingKey, audit, registry, execution, tokens });
  const rooms = {
    ...{ catalogue, execution, tokens, authorizations, registry, apiKeys, grants, history, audit },
    pageTokens: createPageTokens(signingKey),
  };
  const denied = tellDenials(audit, (err, fault) =>
    log.error({ err, ...fault }, "a denial could not be written into the audit log"),
  );
  const server = await serve(config, log, rooms, {
    admit: admitPrincipals(callers.authenticate, shares.enter, denied),
    denied,
    ready: () => store.ping(readyMs),
    ...{ trace: tracing.begin, observe },
    slowPart: () => (store.isSlow() ? "The service's own database" : undefined),
  });
  starting.defer(async () => void (await server.drain(0)));
  metrics.watch({ rpcsRunning: () => server.running });
  const metricsPort = await serveMetrics(config, log, metrics, starting);
  for (const port of [server.port, metricsPort ?? server.port]) egress.own.add({ host: config.host, port });

  const running = starting.move();
  const stop = async () => {
    observe({ kind: "draining" });
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

function sayKeys(log: Log, change: KeyFileChange): void {
  if ("ids" in change) log.info({ keys: change.ids }, "the key file has changed, and is in use");
  else log.error({ err: change.refused }, "the key file can't be used: the keys of before stay in use");
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

async function main(): Promise<void> {
  // Whoever reads it may go away, and calls go on.
  process.stdout.on("error", () => {});
  const config = readConfig(process.env);
  const log = createLog(config.logLevel);
  const starting = startService(config, log);
  const stop = async (signal: NodeJS.Signals) => {
    log.info({ signal }, "draining");
    // What is half started is stopped best when it has started; what can't start ends by itself.
    const late = delay(config.drainMs, "late" as const, { ref: false });
    const service = await Promise.race([starting.catch(() => undefined), late]);
    if (service === undefined) return;
    if (service === "late") {
      log.warn("stopped before it had started");
      process.exit(0);
    }
    log.info(await service.stop(), "stopped");
    process.exit(0);
  };
  process.on("SIGTERM", stop).on("SIGINT", stop);
  const service = await starting;
  log.info({ url: service.url, metricsPort: service.metricsPort }, "listening");
  if (service.firstApiKey !== undefined) {
    process.stdout.write(
      `\nYour API key for the organization "development", shown this once:\n\n  ${service.firstApiKey}\n\n`,
    );
  }
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
