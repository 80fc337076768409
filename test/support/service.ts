/** The whole service, running in the test's process on a port of its own, with a store of its own. */
import { createServer, type Socket } from "node:net";
import { parseSigningKey } from "../../src/auth/signing-key.ts";
import { type ConnectorClient, createConnectorClient } from "../../src/client/index.ts";
import { readConfig } from "../../src/config.ts";
import { createApiKey } from "../../src/development.ts";
import { startService } from "../../src/main.ts";
import { createLog } from "../../src/observability/log.ts";
import { openStore } from "../../src/store/store.ts";
import { encryptionKey, signingKey } from "./keys.ts";
import { keepErrors, keepMetrics, keepTables, logFile } from "./outputs.ts";
import { freshStore } from "./postgres.ts";

export interface TestService {
  readonly url: string;
  /** Of the metrics. */
  readonly metricsUrl: string;
  /** Of the organization "acme", for everything. */
  readonly client: ConnectorClient;
  readonly token: string;
  /** The URL of the service's own database. */
  readonly storeUrl: string;
  readonly metricsPort: number | undefined;
  /** A token for some scopes of any organization. */
  tokenFor(organizationId: string, ...scopes: string[]): Promise<string>;
  clientFor(token: string): ConnectorClient;
  stop(): Promise<void>;
}

/** @param through the URL by which the service itself reaches its database, when that is not the database's own */
export async function testService(
  environment: Record<string, string> = {},
  through: (storeUrl: string) => string = (storeUrl) => storeUrl,
): Promise<TestService> {
  const database = await freshStore();
  const config = readConfig({
    PORT: "0",
    DATABASE_URL: through(database.url),
    ENCRYPTION_KEYS: `test:${encryptionKey}`,
    SIGNING_KEY: signingKey,
    EGRESS_ALLOW: `127.0.0.0/8,::1/128,${sharedServer(database.url)}`,
    LOG_LEVEL: "debug",
    METRICS_PORT: "0",
    ...environment,
  });
  const service = await startService(config, createLog(config.logLevel, logFile()));
  const clients: ConnectorClient[] = [];
  const clientFor = (token: string) => {
    const client = createConnectorClient({ url: service.url, token, interceptors: [keepErrors] });
    clients.push(client);
    return client;
  };
  const tokenFor = async (organizationId: string, ...scopes: string[]) => {
    const store = await openStore({ url: database.url, poolSize: 2 });
    try {
      return await createApiKey(store, parseSigningKey(signingKey), { organizationId, principal: "tester", scopes });
    } finally {
      await store.close();
    }
  };
  const token = await tokenFor("acme", "connector.admin");
  let stopped: Promise<void> | undefined;
  const metricsUrl = `http://127.0.0.1:${service.metricsPort}/metrics`;
  return {
    url: service.url,
    metricsUrl,
    client: clientFor(token),
    token,
    storeUrl: database.url,
    metricsPort: service.metricsPort,
    tokenFor,
    clientFor,
    stop: () => (stopped ??= stop()),
  };
  async function stop(): Promise<void> {
    await Promise.all(clients.map((client) => client.close()));
    await keepMetrics(metricsUrl);
    await service.stop();
    await keepTables(database.url);
    await database.drop();
  }
}

/** The rule that lets connectors reach the customers' databases at the server of the store. */
export function sharedServer(storeUrl: string): string {
  return `127.0.0.1:${new URL(storeUrl).port}`;
}

/** What CreateConnector takes to reach a database by its URL, whose scheme tells the provider. */
export function connectorTo(databaseUrl: string, name = "customer") {
  const { protocol, hostname, port, pathname, username, password } = new URL(databaseUrl);
  return {
    provider: protocol === "mysql:" ? "mysql" : "postgresql",
    name,
    config: {
      host: hostname,
      port: Number(port),
      database: decodeURIComponent(pathname.slice(1)),
      user: decodeURIComponent(username),
      tls: "disable",
    },
    credential: { password: decodeURIComponent(password) },
  };
}

/** A server that does with each connection what the test says, and counts them. */
export async function rogueServer(serve: (socket: Socket) => void) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {}).once("close", () => sockets.delete(socket));
    serve(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  return {
    port,
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
