/** Where the sections play: a service, the sources that it may reach, and clients of every kind. */

import { type ConnectorClient, ConnectorError, createConnectorClient } from "../../src/client/index.ts";
import { createConnectorClient as createWebClient } from "../../src/client/web.ts";
import type { Connector } from "../../src/gen/connector/v1/connector_pb.js";
import { type GrpcCaller, grpcCaller } from "./grpc.ts";
import type { Source } from "./source.ts";

/** What is there only when the service is one of the run's own. */
export interface OwnService {
  /** Runs a command of the operator's, `cli/keys.ts` for example, and gives what it prints. */
  command(program: string, ...args: string[]): Promise<string>;
  /** A port of this machine that nobody listens on. */
  readonly closedPort: number;
  /** Where the service lets users' browsers go on to. */
  readonly returnOrigin: string;
  /** Sends SIGTERM, and resolves with its exit code. */
  terminate(): Promise<number | null>;
}

export interface Stage {
  readonly url: string;
  readonly key: string;
  /** The file of the authority's certificates, for clients that take no others. */
  readonly caFile: string | undefined;
  readonly metricsUrl: string | undefined;
  readonly sources: readonly Source[];
  readonly own: OwnService | undefined;
  /** Over Connect and HTTP/2. */
  readonly client: ConnectorClient;
  /** Over gRPC-Web, by fetch. */
  readonly web: ConnectorClient;
  /** grpc-js, from the published protos. */
  readonly grpc: GrpcCaller;
  clientFor(key: string, agent?: string): ConnectorClient;
  /** A name that nobody else's connector, key or agent has. */
  named(name: string): string;
  /** Makes a connector that is deleted when all is over. */
  connect(request: Parameters<ConnectorClient["createConnector"]>[0]): Promise<Connector>;
  /** Removes something else that a section has made at the service, when all is over; one of the run's own goes as a whole. */
  remove(work: () => Promise<unknown>): void;
  /** To be done when all is over, the last first. */
  later(work: () => Promise<unknown>): void;
}

export interface StageOptions extends Pick<Stage, "url" | "key" | "caFile" | "metricsUrl" | "sources" | "own"> {
  readonly ca: string | undefined;
}

/** Disposing of it removes what the sections have made. */
export function createStage({ ca, ...options }: StageOptions): Stage & AsyncDisposable {
  const cleaning = new AsyncDisposableStack();
  const run = crypto.randomUUID().slice(0, 8);
  const clientFor = (key: string, agent?: string) => {
    const client = createConnectorClient({ url: options.url, token: key, ...(agent !== undefined && { agent }) });
    cleaning.defer(() => client.close());
    return client;
  };
  const client = clientFor(options.key);
  const later = (work: () => Promise<unknown>) => cleaning.defer(async () => void (await work()));
  const remove = (work: () => Promise<unknown>) => {
    if (options.own === undefined) later(work);
  };
  const grpc = grpcCaller(options.url, options.key, ca);
  cleaning.defer(() => grpc.close());
  return {
    ...options,
    ...{ client, grpc, clientFor, later, remove },
    web: createWebClient({ url: options.url, token: options.key, protocol: "grpc-web" }),
    named: (name) => `e2e-${run}-${name}`,
    async connect(request) {
      const connector = await client.createConnector(request);
      // A section may have deleted it itself.
      remove(() => client.deleteConnector(connector.id).catch(unlessGone));
      return connector;
    },
    [Symbol.asyncDispose]: () => cleaning.disposeAsync(),
  };
}

function unlessGone(error: unknown): void {
  if (!(error instanceof ConnectorError) || error.reason !== "NOT_FOUND") throw error;
}
