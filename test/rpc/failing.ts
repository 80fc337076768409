/** Services whose calls fail, and what their callers are told. */
import { ConnectError, createClient, type ServiceImpl } from "@connectrpc/connect";
import { ConnectorService } from "../../src/gen/connector/v1/service_pb.js";
import { ErrorInfoSchema } from "../../src/gen/google/rpc/error_details_pb.js";
import { transports } from "../server/serving.ts";

/** What no caller is to see. */
export const secret = "hunter2-and-more";

export function infoOf(error: unknown) {
  return ConnectError.from(error).findDetails(ErrorInfoSchema)[0];
}

/** A service every call of which throws, before its first message and in the middle of a stream. */
export function throwing(cause: () => unknown): Partial<ServiceImpl<typeof ConnectorService>> {
  return {
    getConnector: async () => {
      throw cause();
    },
    async *streamQuery() {
      yield {};
      throw cause();
    },
  };
}

/** The errors of a unary call and of a stream, with every protocol. */
export async function failuresOf(url: string): Promise<[string, ConnectError][]> {
  const all: [string, ConnectError][] = [];
  for (const [name, transport] of Object.entries(transports(url))) {
    const client = createClient(ConnectorService, transport);
    const unary = await client.getConnector({}).catch((error) => error);
    const stream = await Array.fromAsync(client.streamQuery({})).catch((error) => error);
    all.push([`${name}, unary`, unary], [`${name}, stream`, stream]);
  }
  return all;
}
