/** A listening server for a test, and the clients that speak to it. */
import type { ConnectRouter, Interceptor, ServiceImpl } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { onTestFinished } from "vitest";
import { ConnectorService } from "../../src/gen/connector/v1/service_pb.js";
import { health } from "../../src/server/health.ts";
import { type ListenOptions, listen, type Server } from "../../src/server/port.ts";
import { reflection } from "../../src/server/reflection.ts";

export interface Serving extends Partial<Omit<ListenOptions, "routes">> {
  readonly service?: Partial<ServiceImpl<typeof ConnectorService>>;
  readonly ready?: () => Promise<void>;
  readonly interceptors?: readonly Interceptor[];
}

/** Listens on a free port of this machine until the test is over. */
export async function serve({ service = {}, ready = async () => {}, ...options }: Serving = {}): Promise<Server> {
  const server = await listen({
    host: "127.0.0.1",
    port: 0,
    routes(router: ConnectRouter, draining: AbortSignal) {
      health(router, { ready, draining });
      router.service(ConnectorService, service);
      reflection(router);
    },
    ...options,
  });
  onTestFinished(async () => {
    await server.drain(0);
  });
  return server;
}

/** A transport for every protocol and HTTP version that the port speaks. */
export function transports(baseUrl: string) {
  // The client's own limit would end a large request before the server's does.
  const nodeOptions = { rejectUnauthorized: false, maxSessionMemory: 100 };
  return {
    "Connect, HTTP/1.1": createConnectTransport({ baseUrl, httpVersion: "1.1", nodeOptions }),
    "Connect, HTTP/2": createConnectTransport({ baseUrl, httpVersion: "2", nodeOptions }),
    "Connect, HTTP/2, binary": createConnectTransport({
      baseUrl,
      httpVersion: "2",
      useBinaryFormat: true,
      nodeOptions,
    }),
    gRPC: createGrpcTransport({ baseUrl, nodeOptions }),
    "gRPC, JSON": createGrpcTransport({ baseUrl, useBinaryFormat: false, nodeOptions }),
    "gRPC-Web, HTTP/1.1": createGrpcWebTransport({ baseUrl, httpVersion: "1.1", nodeOptions }),
    "gRPC-Web, HTTP/2": createGrpcWebTransport({ baseUrl, httpVersion: "2", nodeOptions }),
  };
}

export const connectorId = "0199a5a0-0000-7000-8000-000000000001";
