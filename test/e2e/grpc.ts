/** grpc-js with the published .proto files, as a team that has no client of ours uses them. */
import { fileURLToPath } from "node:url";
import type { ClientReadableStream, ServiceClientConstructor, ServiceError } from "@grpc/grpc-js";
import { type Client, credentials, type GrpcObject, loadPackageDefinition, Metadata } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

export interface GrpcCaller {
  /** Calls a unary method: `connector.v1.ConnectorService`, `getConnector`. */
  call<Answer>(service: string, method: string, request: object): Promise<Answer>;
  /** The messages of a stream that the server sends. */
  stream<Message>(service: string, method: string, request: object): AsyncIterable<Message>;
  close(): void;
}

const includeDirs = ["../../proto", "../../build/proto"].map((path) => fileURLToPath(new URL(path, import.meta.url)));
const files = ["connector/v1/service.proto", "grpc/health/v1/health.proto"];

/** Milliseconds that a call may take. */
const timeoutMs = 30_000;

export function grpcCaller(url: string, key: string, ca: string | undefined): GrpcCaller {
  const { protocol, host, hostname, port } = new URL(url);
  const secured = protocol === "https:";
  const loaded = loadPackageDefinition(loadSync(files, { includeDirs, keepCase: true, longs: String, oneofs: true }));
  const channel = secured
    ? credentials.createSsl(ca === undefined ? null : Buffer.from(ca))
    : credentials.createInsecure();
  const address = port === "" ? `${hostname}:${secured ? 443 : 80}` : host;
  const clients = new Map<string, Client>();
  const clientOf = (service: string): Client => {
    const Service = service.split(".").reduce<unknown>((scope, name) => (scope as GrpcObject)[name], loaded);
    const client = clients.get(service) ?? new (Service as ServiceClientConstructor)(address, channel);
    clients.set(service, client);
    return client;
  };
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${key}`);
  const options = () => ({ deadline: Date.now() + timeoutMs });
  return {
    call: (service, method, request) =>
      new Promise((resolve, reject) => {
        const client = clientOf(service);
        const unary = client[method as keyof Client] as unknown as (...args: unknown[]) => void;
        unary.call(client, request, metadata, options(), (error: ServiceError | null, answer: never) =>
          error === null ? resolve(answer) : reject(error),
        );
      }),
    stream(service, method, request) {
      const client = clientOf(service);
      const open = client[method as keyof Client] as unknown as (...args: unknown[]) => ClientReadableStream<never>;
      return open.call(client, request, metadata, options());
    },
    close: () => {
      for (const client of clients.values()) client.close();
    },
  };
}
