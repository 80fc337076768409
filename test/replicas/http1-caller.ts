/** REST, and Connect's streams as JSON, over HTTP/1.1: as scripts and older clients call. */
import { Agent, request } from "node:http";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { ConnectorError } from "../../src/client/index.ts";
import { ConnectorService } from "../../src/gen/connector/v1/service_pb.js";
import { type Caller, CallFailed } from "./load.ts";

const unaryMs = 15_000;

/** Numbers of gRPC for what a balancer says by itself. */
const unavailable = 14;

export function http1Caller(port: number, token: string, connectorId: string): Caller {
  const agent = new Agent({ keepAlive: true, maxSockets: 20 });
  const headers = { authorization: `Bearer ${token}` };
  const streams = createClient(
    ConnectorService,
    createConnectTransport({
      ...{ baseUrl: `http://127.0.0.1:${port}`, httpVersion: "1.1", useBinaryFormat: false, nodeOptions: { agent } },
    }),
  );
  return {
    name: "REST",
    async ask(native) {
      const answer = await post(agent, port, headers, connectorId, { query: { native: { text: native } } });
      const { rows } = JSON.parse(answer) as { rows?: { values: { string?: string }[] }[] };
      return rows?.[0]?.values[0]?.string;
    },
    async *read(native) {
      let counted: number | undefined;
      try {
        const query = { source: { case: "native" as const, value: { text: native } } };
        for await (const { part } of streams.streamQuery({ connectorId, query }, { headers })) {
          if (part.case === "values") {
            for (const { values } of part.value.rows) yield values.map(({ kind }) => String(kind.value ?? ""));
          }
          if (part.case === "trailer") counted = Number(part.value.rows);
        }
      } catch (error) {
        const { code, message } = ConnectorError.from(error);
        throw new CallFailed(code, message);
      }
      return counted;
    },
    close: () => agent.destroy(),
  };
}

/** @throws CallFailed with all that was answered */
async function post(
  agent: Agent,
  port: number,
  headers: Record<string, string>,
  connectorId: string,
  body: object,
): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const sent = request(
    {
      ...{ agent, port, host: "127.0.0.1", method: "POST", path: `/api/connectors/${connectorId}/query` },
      headers: { ...headers, "content-type": "application/json" },
      timeout: unaryMs,
    },
    (response) => {
      const chunks: Buffer[] = [];
      response
        .on("data", (chunk: Buffer) => chunks.push(chunk))
        .on("error", reject)
        .on("end", () => {
          const text = Buffer.concat(chunks).toString();
          if (response.statusCode === 200) resolve(text);
          else reject(new CallFailed(unavailable, `HTTP ${response.statusCode}: ${text}`));
        });
    },
  );
  sent.on("error", reject).on("timeout", () => sent.destroy(new Error("no answer")));
  sent.end(JSON.stringify(body));
  return promise;
}
