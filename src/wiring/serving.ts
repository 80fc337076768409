/** The ports: one for calls, and one for metrics. */
import type { Config, TlsConfig } from "../config.ts";
import { callbackPath } from "../execution/authorization/authorizations.ts";
import { ConnectorService } from "../gen/connector/v1/service_pb.js";
import type { Log } from "../observability/log.ts";
import type { Metrics } from "../observability/metrics.ts";
import type { Observe } from "../observability/observation.ts";
import type { Tracing } from "../observability/tracing.ts";
import { denialInterceptor } from "../rpc/denials.ts";
import type { admitPrincipals, Denied } from "../rpc/principal.ts";
import type { Rooms } from "../rpc/rooms.ts";
import { connectorService } from "../rpc/service.ts";
import { validationInterceptor } from "../rpc/validation.ts";
import { authorizationPage } from "../server/authorization-page.ts";
import { cannotListen } from "../server/cannot-listen.ts";
import { health } from "../server/health.ts";
import { listenForMetrics } from "../server/metrics-port.ts";
import { listen, type Server, type TlsOptions } from "../server/port.ts";
import { reflection } from "../server/reflection.ts";

interface Gate {
  readonly denied: Denied;
  readonly admit: ReturnType<typeof admitPrincipals>;
  readonly ready: () => Promise<void>;
  readonly slowPart: () => string | undefined;
  readonly trace: Tracing["begin"];
  readonly observe: Observe;
}

function tlsOf({ cert, key, clients }: TlsConfig): TlsOptions {
  const asked = clients && { clientCa: clients.ca, clientAuth: clients.auth };
  return { cert, key: key.reveal(), ...asked };
}

export async function serve(config: Config, log: Log, rooms: Rooms, gate: Gate): Promise<Server> {
  const { admit, denied, ready, slowPart, trace, observe } = gate;
  return listen({
    host: config.host,
    port: config.port,
    ...(config.tls === undefined ? {} : { tls: tlsOf(config.tls) }),
    origins: config.corsOrigins,
    trustedProxies: config.trustedProxies,
    limits: { defaultTimeoutMs: config.timeouts.unaryMs, maxTimeoutMs: config.timeouts.maxMs },
    admit,
    ...{ slowPart, trace, observe },
    interceptors: [denialInterceptor(denied), validationInterceptor()],
    onInternal: (err, fault) => log.error({ err, ...fault }, "a call failed by a fault of the service"),
    pages: authorizationPage({
      path: callbackPath,
      complete: rooms.authorizations.complete,
      onFault: (err) => log.error({ err }, "an authorization failed by a fault of the service"),
    }),
    routes: (router, draining) => {
      router.service(ConnectorService, connectorService(rooms));
      health(router, { ready, draining });
      reflection(router);
    },
  }).catch((cause: unknown) => {
    throw cannotListen(config.host, config.port, "PORT", cause);
  });
}

export async function serveMetrics(
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
