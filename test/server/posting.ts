/** A service that answers with what it is asked for, and a plain HTTP request to it. */
import { connectorId } from "./serving.ts";

export const service = {
  getConnector: async (request: { connectorId: string }) => ({
    connector: { name: `connector ${request.connectorId}` },
  }),
  async *streamQuery() {
    for (let i = 0; i < 3; i++) yield { part: { case: "arrow" as const, value: { message: new Uint8Array(200_000) } } };
  },
};
export const path = "/connector.v1.ConnectorService/GetConnector";
export const body = JSON.stringify({ connectorId });

export function post(url: string, headers: Record<string, string> = {}, content: string | Uint8Array = body) {
  return fetch(`${url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: content as string,
  });
}
