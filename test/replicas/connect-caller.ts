/** The published client, which is connect-node with one HTTP/2 connection at a time. */
import { ConnectorError, createConnectorClient } from "../../src/client/index.ts";
import type { Row } from "../../src/gen/connector/v1/value_pb.js";
import { type Caller, CallFailed } from "./load.ts";

const unaryMs = 15_000;

export function connectCaller(port: number, token: string, connectorId: string): Caller {
  const { rpc, close } = createConnectorClient({ url: `http://127.0.0.1:${port}`, token });
  const requestOf = (text: string) => ({
    connectorId,
    query: { source: { case: "native" as const, value: { text } } },
  });
  return {
    name: "connect-node",
    async ask(native) {
      try {
        const { rows } = await rpc.query(requestOf(native), { timeoutMs: unaryMs });
        return rows[0] === undefined ? undefined : cellsOf(rows[0])[0];
      } catch (error) {
        throw failed(error);
      }
    },
    async *read(native) {
      let counted: number | undefined;
      try {
        for await (const { part } of rpc.streamQuery(requestOf(native))) {
          if (part.case === "values") for (const row of part.value.rows) yield cellsOf(row);
          if (part.case === "trailer") counted = Number(part.value.rows);
        }
      } catch (error) {
        throw failed(error);
      }
      return counted;
    },
    close,
  };
}

function cellsOf({ values }: Row): string[] {
  return values.map(({ kind }) => String(kind.value ?? ""));
}

function failed(error: unknown): CallFailed {
  const { code, message } = ConnectorError.from(error);
  return new CallFailed(code, message);
}
