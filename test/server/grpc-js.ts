/** A grpc-js client made from the project's .proto files, as another team would make it. */
import { fileURLToPath } from "node:url";
import {
  type Client,
  credentials,
  type GrpcObject,
  loadPackageDefinition,
  Metadata,
  type ServiceClientConstructor,
  type ServiceError,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { onTestFinished } from "vitest";

const includeDirs = ["../../proto", "../../build/proto"].map((path) => fileURLToPath(new URL(path, import.meta.url)));

/** A client of `connector.v1.ConnectorService` or `grpc.health.v1.Health`; without TLS, unless it is given credentials. */
export function grpcClient(
  port: number,
  typeName: string,
  file: string,
  secured = credentials.createInsecure(),
): Client {
  const loaded = loadPackageDefinition(loadSync(file, { includeDirs, keepCase: true, longs: String }));
  const GrpcClient = typeName
    .split(".")
    .reduce<unknown>((scope, name) => (scope as GrpcObject)[name], loaded) as ServiceClientConstructor;
  const client = new GrpcClient(`127.0.0.1:${port}`, secured, {
    // TLS names no addresses.
    "grpc.ssl_target_name_override": "localhost",
  });
  onTestFinished(() => client.close());
  return client;
}

/** Calls a unary method by its name. */
export function call<T>(client: Client, method: string, request: object, deadlineMs?: number): Promise<T> {
  const options = deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs };
  return new Promise((resolve, reject) => {
    const unary = client[method as keyof Client] as unknown as (...args: unknown[]) => void;
    unary.call(client, request, new Metadata(), options, (error: ServiceError | null, answer: T) =>
      error === null ? resolve(answer) : reject(error),
    );
  });
}
