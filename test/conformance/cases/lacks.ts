/** What a provider does not declare is refused, and the refusal says what is missing. */
import { expect } from "vitest";
import type { Capability, Provider } from "../../../src/providers/contract.ts";
import { refusalOf } from "../../service/refusal.ts";
import type { CaseOf, Scene } from "../case.ts";

type Call = (scene: Scene) => Promise<unknown>;

const native = { native: "SELECT 1" };
const calls: Readonly<Record<Exclude<Capability, "test">, Readonly<Record<string, Call>>>> = {
  schema: { GetSchema: ({ client, connectorId }) => client.getSchema(connectorId) },
  query: {
    Query: ({ client, connectorId, probe }) => client.query(connectorId, probe.query),
    StreamQuery: ({ client, connectorId, probe }) => client.stream(connectorId, probe.query).header,
  },
  native_query: {
    Query: ({ client, connectorId }) => client.query(connectorId, native),
    StreamQuery: ({ client, connectorId }) => client.stream(connectorId, native).header,
  },
  explain: { ExplainQuery: ({ client, connectorId, probe }) => client.explainQuery(connectorId, probe.query) },
  execute: {
    Execute: ({ client, connectorId, probe: { query } }) =>
      client.rpc.execute({
        connectorId,
        action: { case: "delete", value: { resource: query.resource, where: { id: 0 } } },
      }),
  },
};

export function lackCases({ id, capabilities }: Provider): readonly CaseOf<Scene>[] {
  return Object.entries(calls).flatMap(([capability, made]) =>
    capabilities.includes(capability as Capability)
      ? []
      : Object.entries(made).map(
          ([rpc, call]): CaseOf<Scene> => ({
            name: `${rpc} is refused for want of "${capability}"`,
            needs: [],
            async run(stage) {
              const refusal = await refusalOf(call(stage));
              expect(refusal.code).toBe("Unimplemented");
              // Where the service has not the RPC itself, no provider's capability is asked for.
              if (refusal.reason === "NOT_IMPLEMENTED") return expect(rpc).toBe("Execute");
              expect(refusal).toMatchObject({ reason: "UNSUPPORTED", where: "connector" });
              expect(refusal.message).toContain(`"${capability}"`);
              expect(refusal.remedy).toContain("ListProviders");
              const listed = (await stage.client.listProviders()).find((provider) => provider.id === id);
              expect(listed?.capabilities).toHaveLength(capabilities.length);
            },
          }),
        ),
  );
}
