/** Composition root: configure, wire, listen, drain. The only place that knows all rooms. */
import { createAuthenticator } from "./auth/authenticator.ts";
import { jwksKeys, sharedSecretKeys } from "./auth/jwt-keys.ts";
import { parseSigningKey } from "./auth/signing-key.ts";
import { type Config, readConfig } from "./config.ts";
import { developmentKeys, firstApiKey } from "./development.ts";
import { createDial } from "./egress/dial.ts";
import { createEgressPolicy } from "./egress/policy.ts";
import { createExecution } from "./execution/execution.ts";
import { createPlaces } from "./execution/session/places.ts";
import { Failure } from "./failure.ts";
import { ConnectorService } from "./gen/connector/v1/service_pb.js";
import { createLog, type Log } from "./observability/log.ts";
import { loadCatalogue } from "./providers/catalogue.ts";
import { createRegistry } from "./registry/registry.ts";
import { createPageTokens } from "./rpc/page-token.ts";
import { admitPrincipals } from "./rpc/principal.ts";
import { connectorService } from "./rpc/service.ts";
import { validationInterceptor } from "./rpc/validation.ts";
import { health } from "./server/health.ts";
import { type DrainSummary, listen } from "./server/port.ts";
import { reflection } from "./server/reflection.ts";
import { type Embedded, startEmbedded } from "./store/embedded.ts";
import { openStore } from "./store/store.ts";
import { localKeys } from "./vault/keys.ts";
import { createVault } from "./vault/vault.ts";

export interface RunningService {
  /** `http://127.0.0.1:8080`. */
  readonly url: string;
  readonly port: number;
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
  const { database } = config;
  const embedded =
    "directory" in database
      ? await startEmbedded({ directory: database.directory, log: (message) => log.info(message) })
      : undefined;
  try {
    return await serve(config, log, embedded);
  } catch (error) {
    await embedded?.stop();
    throw error;
  }
}

async function serve(config: Config, log: Log, embedded: Embedded | undefined): Promise<RunningService> {
  const keys = embedded === undefined ? undefined : await developmentKeys(embedded.directory);
  const signingKey = parseSigningKey(config.signingKey ?? keys?.signingKey ?? "");
  const vault = createVault(localKeys(config.encryptionKeys ?? keys?.encryptionKeys ?? ""));
  const store = await openStore({
    url: "url" in config.database ? config.database.url : (embedded as Embedded).url,
    log: (message) => log.debug(message),
  });
  try {
    const catalogue = await loadCatalogue();
    const { unaryMs, streamMs, maxMs } = config.timeouts;
    const execution = createExecution({
      catalogue,
      vault,
      session: {
        dial: createDial(createEgressPolicy(config.egressAllow)),
        maxConnections: config.limits.connections.connector,
        places: createPlaces({ perHost: config.limits.connections.host, all: config.limits.connections.all }),
      },
      unary: { defaultMs: unaryMs, maxMs },
      stream: { defaultMs: streamMs, maxMs },
    });
    const rooms = {
      catalogue,
      execution,
      registry: createRegistry({ store, vault, catalogue }),
      pageTokens: createPageTokens(signingKey),
    };
    const authenticate = createAuthenticator({ findApiKey: store.findApiKey, signingKey, jwt: jwtOf(config) });
    const server = await listen({
      host: config.host,
      port: config.port,
      ...(config.tls === undefined ? {} : { tls: config.tls }),
      limits: { maxTimeoutMs: maxMs },
      admit: admitPrincipals(authenticate),
      interceptors: [validationInterceptor()],
      onInternal: (err, fault) => log.error({ err, ...fault }, "a call failed by a fault of the service"),
      routes: (router, draining) => {
        router.service(ConnectorService, connectorService(rooms));
        health(router, { ready: () => store.ping(readyMs), draining });
        reflection(router);
      },
    }).catch((cause: unknown) => {
      throw cannotListen(config, cause);
    });
    const stop = async () => {
      const summary = await server.drain(config.drainMs);
      execution.abort(new Failure("shutting_down", "The service is stopping.", { where: "service" }));
      await execution.close();
      await store.close();
      await embedded?.stop();
      return summary;
    };
    let stopped: Promise<DrainSummary> | undefined;
    return {
      url: server.url,
      port: server.port,
      firstApiKey: embedded === undefined ? undefined : await firstApiKey(store, signingKey),
      embedded,
      stop: () => (stopped ??= stop()),
    };
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** An address that can't be had is the operator's to change. */
function cannotListen({ host, port }: Config, cause: unknown): unknown {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : undefined;
  if (code === undefined) return cause;
  const place = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  const taken = code === "EADDRINUSE";
  return new Failure(
    "configuration_rejected",
    taken ? `Another program listens on ${place} already.` : `The service can't listen on ${place} (${code}).`,
    {
      where: "service",
      remedy: taken ? "Stop it, or choose another port with PORT." : "Choose another address with HOST and PORT.",
      cause,
    },
  );
}

function jwtOf({ jwt }: Config) {
  if (jwt === undefined) return undefined;
  const { issuer, audience, organizationClaim, keys } = jwt;
  return {
    ...{ issuer, audience, organizationClaim },
    keys: "jwks" in keys ? jwksKeys(keys.jwks) : sharedSecretKeys(keys.secret),
  };
}

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const log = createLog(config.logLevel);
  const service = await startService(config, log);
  log.info({ url: service.url }, "listening");
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
