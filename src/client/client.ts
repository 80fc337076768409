import type { MessageInitShape } from "@bufbuild/protobuf";
import { type Client, createClient, type Transport } from "@connectrpc/connect";
import type {
  Connector,
  ConnectorPatchSchema,
  CreateConnectorRequestSchema,
  ListConnectorsRequestSchema,
  TestConnectorResponse,
} from "../gen/connector/v1/connector_pb.js";
import type { Provider } from "../gen/connector/v1/provider_pb.js";
import type { ExplainQueryResponse } from "../gen/connector/v1/query_pb.js";
import type { GetSchemaRequestSchema, GetSchemaResponse } from "../gen/connector/v1/schema_pb.js";
import { ConnectorService } from "../gen/connector/v1/service_pb.js";
import { Format } from "../gen/connector/v1/stream_pb.js";
import { type ActionInput, type ActionOptions, type Executed, executedOf, executeRequestOf } from "./action.ts";
import { streamQueryView } from "./decode/message.ts";
import { ConnectorError } from "./error.ts";
import { type Page, pageOf } from "./page.ts";
import { type QueryInput, queryOf } from "./query.ts";
import type { UntypedFields } from "./row.ts";
import { RowStream } from "./stream.ts";

/** Options of any call. */
export interface CallOptions {
  /** Ends the call, and the statement at the source with it. */
  readonly signal?: AbortSignal;
  /** Milliseconds the call may take. Default: the client's. */
  readonly timeoutMs?: number;
}

export interface PageOptions extends CallOptions {
  /** Rows of a page at most. Default: 100; no more than 10,000. */
  readonly pageSize?: number;
}

export interface QueryOptions extends PageOptions {
  /** `nextPageToken` of the page before. Default: the first page. */
  readonly pageToken?: string;
  /** Accept an answer that is at most so many milliseconds old. Default: 0. */
  readonly maxAgeMs?: number;
}

export interface StreamOptions extends CallOptions {
  /** How rows travel. `packed` is several times as fast; what is read is the same. Default: `packed`. */
  readonly format?: "packed" | "values";
}

export interface ExecuteOptions extends ActionOptions, CallOptions {}

/** The connector service. Every method throws a ConnectorError when its call fails. */
export interface ConnectorClient {
  createConnector(
    request: MessageInitShape<typeof CreateConnectorRequestSchema>,
    options?: CallOptions,
  ): Promise<Connector>;
  getConnector(connectorId: string, options?: CallOptions): Promise<Connector>;
  /** All connectors that match, page after page. */
  listConnectors(
    request?: MessageInitShape<typeof ListConnectorsRequestSchema>,
    options?: CallOptions,
  ): AsyncIterable<Connector>;
  /** Changes the fields that are given. With an `etag`, only when nobody else has changed the connector since. */
  updateConnector(
    connectorId: string,
    patch: MessageInitShape<typeof ConnectorPatchSchema>,
    options?: UpdateOptions,
  ): Promise<Connector>;
  deleteConnector(connectorId: string, options?: CallOptions & { readonly etag?: string }): Promise<void>;
  listProviders(options?: CallOptions): Promise<Provider[]>;
  /** A connector that can't be reached is an answer with `ok` false, not an error. */
  testConnector(connectorId: string, options?: CallOptions): Promise<TestConnectorResponse>;
  /** One page of what can be queried. */
  getSchema(
    connectorId: string,
    request?: Omit<MessageInitShape<typeof GetSchemaRequestSchema>, "connectorId" | "$typeName">,
    options?: CallOptions,
  ): Promise<GetSchemaResponse>;
  /** One page of rows. */
  query<T extends object = UntypedFields>(
    connectorId: string,
    query: QueryInput,
    options?: QueryOptions,
  ): Promise<Page<T>>;
  /** All pages of rows, each asked for when the one before has been read. */
  queryAll<T extends object = UntypedFields>(
    connectorId: string,
    query: QueryInput,
    options?: QueryOptions,
  ): AsyncIterable<Page<T>>;
  /** All rows. See RowStream. */
  stream<T extends object = UntypedFields>(
    connectorId: string,
    query: QueryInput,
    options?: StreamOptions,
  ): RowStream<T>;
  /** What would be sent for a query. */
  explainQuery(connectorId: string, query: QueryInput, options?: PageOptions): Promise<ExplainQueryResponse>;
  /** Changes the source, all or nothing; or says what it would change. */
  execute<T extends object = UntypedFields>(
    connectorId: string,
    action: ActionInput,
    options?: ExecuteOptions,
  ): Promise<Executed<T>>;
  /** Every RPC of the contract as it is; its errors are ConnectErrors, which `ConnectorError.from` explains. */
  readonly rpc: Client<typeof ConnectorService>;
  /** Closes the connection and ends the calls that run. */
  close(): void;
}

export interface UpdateOptions extends CallOptions {
  readonly etag?: string;
  /** What to change, `config.host` for example. Default: every field that the patch sets. */
  readonly updateMask?: readonly string[];
}

/** A way to the service, and what closes it. */
export interface Way {
  readonly transport: Transport;
  close(): void;
}

/** The client, whatever the way that its calls take. */
export function clientOver({ transport, close }: Way): ConnectorClient {
  const rpc = createClient(ConnectorService, transport);
  return {
    rpc,
    close,
    ...managing(rpc),
    ...reading(rpc),
    async execute<T extends object>(connectorId: string, action: ActionInput, options: ExecuteOptions = {}) {
      const request = executeRequestOf(connectorId, action, options);
      return executedOf<T>(await answer(rpc.execute(request, options), options));
    },
    stream<T extends object>(connectorId: string, query: QueryInput, streamOptions: StreamOptions = {}) {
      const request = {
        connectorId,
        query: queryOf(query),
        format: streamOptions.format === "values" ? Format.VALUES : Format.PACKED,
      };
      const { signal, timeoutMs } = streamOptions;
      return new RowStream<T>(async (cancelled) => {
        const either = signal ? AbortSignal.any([signal, cancelled]) : cancelled;
        const response = await transport.stream(streamQueryView, either, timeoutMs, undefined, once(request));
        return response.message;
      }, signal);
    },
  };
}

type Rpc = ConnectorClient["rpc"];

function managing(
  rpc: Rpc,
): Omit<ConnectorClient, "rpc" | "close" | "query" | "queryAll" | "stream" | "explainQuery" | "execute"> {
  return {
    async createConnector(request, options) {
      const { connector } = await answer(rpc.createConnector(request, options), options);
      return connector as Connector;
    },
    async getConnector(connectorId, options) {
      const { connector } = await answer(rpc.getConnector({ connectorId }, options), options);
      return connector as Connector;
    },
    async *listConnectors(request, options) {
      let pageToken = request?.pageToken ?? "";
      do {
        const page = await answer(rpc.listConnectors({ ...request, pageToken }, options), options);
        yield* page.connectors;
        pageToken = page.nextPageToken;
      } while (pageToken !== "");
    },
    async updateConnector(connectorId, patch, options = {}) {
      const { etag = "", updateMask } = options;
      const request = {
        connectorId,
        connector: patch,
        etag,
        ...(updateMask && { updateMask: { paths: [...updateMask] } }),
      };
      const { connector } = await answer(rpc.updateConnector(request, options), options);
      return connector as Connector;
    },
    async deleteConnector(connectorId, options = {}) {
      await answer(rpc.deleteConnector({ connectorId, etag: options.etag ?? "" }, options), options);
    },
    async listProviders(options) {
      return (await answer(rpc.listProviders({}, options), options)).providers;
    },
    testConnector: (connectorId, options) => answer(rpc.testConnector({ connectorId }, options), options),
    getSchema: (connectorId, request, options) => answer(rpc.getSchema({ ...request, connectorId }, options), options),
  };
}

function reading(rpc: Rpc): Pick<ConnectorClient, "query" | "queryAll" | "explainQuery"> {
  const query = async <T extends object>(connectorId: string, input: QueryInput, options: QueryOptions = {}) => {
    const { pageSize = 0, pageToken = "", maxAgeMs = 0 } = options;
    const maxAge = { seconds: BigInt(Math.floor(maxAgeMs / 1_000)), nanos: Math.round((maxAgeMs % 1_000) * 1e6) };
    const request = { connectorId, query: queryOf(input), pageSize, pageToken, maxAge };
    return pageOf<T>(await answer(rpc.query(request, options), options));
  };
  return {
    query,
    async *queryAll<T extends object>(connectorId: string, input: QueryInput, options: QueryOptions = {}) {
      let pageToken = options.pageToken ?? "";
      do {
        const page = await query<T>(connectorId, input, { ...options, pageToken });
        yield page;
        pageToken = page.nextPageToken;
      } while (pageToken !== "");
    },
    explainQuery: (connectorId, input, options = {}) =>
      answer(
        rpc.explainQuery({ connectorId, query: queryOf(input), pageSize: options.pageSize ?? 0 }, options),
        options,
      ),
  };
}

async function answer<Response>(call: Promise<Response>, options?: CallOptions): Promise<Response> {
  try {
    return await call;
  } catch (error) {
    throw ConnectorError.from(error, options?.signal);
  }
}

async function* once<Request>(request: Request): AsyncGenerator<Request> {
  yield request;
}
