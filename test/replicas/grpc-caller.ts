/** grpc-js with both replicas' addresses, as other teams' services have it. */
import { fileURLToPath } from "node:url";
import {
  type Client,
  type ClientReadableStream,
  credentials,
  type GrpcObject,
  loadPackageDefinition,
  Metadata,
  type ServiceClientConstructor,
  type ServiceError,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { type Caller, CallFailed } from "./load.ts";

const includeDirs = ["../../proto", "../../build/proto"].map((path) => fileURLToPath(new URL(path, import.meta.url)));

/** No retries but those of which the server has seen nothing, which grpc-js makes unasked. */
const serviceConfig = { loadBalancingConfig: [{ round_robin: {} }] };
/** A replica that is back is used again within a second. */
const channelOptions = {
  "grpc.service_config": JSON.stringify(serviceConfig),
  "grpc.initial_reconnect_backoff_ms": 200,
  "grpc.max_reconnect_backoff_ms": 1_000,
};
const unaryMs = 15_000;

type Cells = readonly { readonly string?: string }[];
interface Part {
  readonly values?: { readonly rows: readonly { readonly values: Cells }[] };
  readonly trailer?: { readonly rows: string };
}
interface Calls extends Client {
  query(
    request: object,
    metadata: Metadata,
    options: object,
    done: (error: ServiceError | null, answer?: { readonly rows: readonly { readonly values: Cells }[] }) => void,
  ): void;
  streamQuery(request: object, metadata: Metadata): ClientReadableStream<Part>;
}

export function grpcCaller(ports: readonly number[], token: string, connectorId: string): Caller {
  const options = { includeDirs, keepCase: true, longs: String };
  const loaded = loadPackageDefinition(loadSync("connector/v1/service.proto", options));
  const { ConnectorService } = (loaded.connector as GrpcObject).v1 as GrpcObject;
  const address = `ipv4:${ports.map((port) => `127.0.0.1:${port}`).join(",")}`;
  const Service = ConnectorService as ServiceClientConstructor;
  const client = new Service(address, credentials.createInsecure(), channelOptions) as unknown as Calls;
  const metadata = new Metadata({ waitForReady: true });
  metadata.set("authorization", `Bearer ${token}`);
  const requestOf = (native: string) => ({ connector_id: connectorId, query: { native: { text: native } } });
  return {
    name: "grpc-js",
    ask: (native) =>
      new Promise((resolve, reject) => {
        client.query(requestOf(native), metadata, { deadline: Date.now() + unaryMs }, (error, answer) =>
          error === null ? resolve(answer?.rows[0]?.values[0]?.string) : reject(failed(error)),
        );
      }),
    async *read(native) {
      let counted: number | undefined;
      try {
        for await (const part of client.streamQuery(requestOf(native), metadata)) {
          const { values, trailer } = part as Part;
          for (const row of values?.rows ?? []) yield row.values.map((cell) => cell.string ?? "");
          if (trailer) counted = Number(trailer.rows);
        }
      } catch (error) {
        throw failed(error as ServiceError);
      }
      return counted;
    },
    close: () => client.close(),
  };
}

function failed({ code, details }: ServiceError): CallFailed {
  return new CallFailed(code, details);
}
