/** The service in a process, its load in others, and the sources that they share. */
import { rm } from "node:fs/promises";
import path from "node:path";
import pg from "pg";
import { type ConnectorClient, createConnectorClient } from "../../../src/client/index.ts";
import { startEmbedded } from "../../../src/store/embedded.ts";
import { diskDirectory } from "../../support/directory.ts";
import { Child, serviceFlags } from "../support/child.ts";
import {
  answerAfter,
  answerTimes,
  type ClosedLoop,
  type Held,
  type OpenLoop,
  type Report,
  type Target,
} from "./calling.ts";
import type { Served, ServeRequest } from "./server.ts";

export interface Stage {
  /** The source, on 127.0.0.1. */
  readonly databaseUrl: string;
  readonly service: Child;
  readonly served: Served;
  /** The URL of a second replica: a process of its own, with the same store and the same sources. */
  readonly elsewhere: string;
  /** A connector of an organization to the source, or to another port that leads there. */
  connect(organization: string, options?: ConnectOptions): Promise<string>;
  /** @param url of the replica; default: the first one's */
  target(organization: string, connectorIds: readonly string[], sourceMs: number, url?: string): Target;
  /** Another process that makes load. */
  load(): Load;
}

export interface ConnectOptions {
  readonly port?: number;
  readonly maxConcurrency?: number;
}

export interface Load {
  closed(loop: ClosedLoop): Promise<Report>;
  open(loop: OpenLoop): Promise<Report>;
  /** Ends an open loop. */
  stop(): Promise<void>;
  /** Begins calls that last until `letGo`. */
  hold(held: Held): Promise<void>;
  letGo(): Promise<void>;
}

export async function openStage(
  organizations: readonly string[],
  progress: (line: string) => void,
  cleanup: AsyncDisposableStack,
): Promise<Stage> {
  const directory = await diskDirectory();
  cleanup.defer(() => rm(directory, { recursive: true, force: true }));
  const embedded = await startEmbedded({ directory: path.join(directory, "source"), log: progress });
  cleanup.defer(() => embedded.stop());
  const databaseUrl = await embedded.createDatabase("bench");
  await makeAnswers(databaseUrl);
  const replica = async (request: ServeRequest) => {
    const service = new Child(new URL("server.ts", import.meta.url), serviceFlags());
    cleanup.defer(() => service.stop());
    return { service, served: await service.call<Served>("start", request) };
  };
  const { service, served } = await replica({ storeUrl: embedded.url, organizations });
  const other = await replica({ storeUrl: embedded.url, organizations: [] });
  const tokenOf = (organization: string) => served.tokens[organization] ?? "";
  let connectors = 0;
  return {
    databaseUrl,
    service,
    served,
    elsewhere: other.served.url,
    async connect(organization, options = {}) {
      const client = createConnectorClient({ url: served.url, token: tokenOf(organization) });
      try {
        return await createConnector(client, `source-${++connectors}`, databaseUrl, options);
      } finally {
        client.close();
      }
    },
    target: (organization, connectorIds, sourceMs, url = served.url) => ({
      ...{ url, token: tokenOf(organization), connectorIds, sourceMs },
    }),
    load() {
      const child = new Child(new URL("load.ts", import.meta.url));
      cleanup.defer(() => child.stop());
      return {
        closed: (loop) => child.call<Report>("closed", loop),
        open: (loop) => child.call<Report>("open", loop),
        stop: () => child.call<void>("stop"),
        hold: (held) => child.call<void>("hold", held),
        letGo: () => child.call<void>("letGo"),
      };
    },
  };
}

async function createConnector(
  client: ConnectorClient,
  name: string,
  databaseUrl: string,
  { port, maxConcurrency }: ConnectOptions,
): Promise<string> {
  const source = new URL(databaseUrl);
  const connector = await client.createConnector({
    provider: "postgresql",
    name,
    config: {
      host: source.hostname,
      port: port ?? Number(source.port),
      database: decodeURIComponent(source.pathname.slice(1)),
      user: decodeURIComponent(source.username),
      tls: "disable",
    },
    credential: { password: decodeURIComponent(source.password) },
    ...(maxConcurrency === undefined ? {} : { policy: { maxConcurrency } }),
  });
  return connector.id;
}

async function makeAnswers(databaseUrl: string): Promise<void> {
  const owner = new pg.Client({ connectionString: databaseUrl });
  await owner.connect();
  for (const ms of answerTimes) {
    // What takes no time does nothing besides.
    const wait = ms === 0 ? "" : `, pg_sleep(${ms / 1_000})::text AS slept`;
    await owner.query(`CREATE VIEW ${answerAfter(ms)} AS SELECT 42 AS answer${wait}`);
  }
  await owner.end();
}
