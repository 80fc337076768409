/** The ways in: health, reflection, every protocol, and what a stranger is told. */
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { ServerReflection } from "../../../src/gen/grpc/reflection/v1/reflection_pb.js";
import { curl } from "../curl.ts";
import { expect, refused, type Section } from "../report.ts";
import type { Stage } from "../stage.ts";

const service = "connector.v1.ConnectorService";

const health: Section<Stage> = {
  title: "Health",
  async run({ grpc }, did) {
    for (const name of ["", service]) {
      const { status } = await did(`grpc.health.v1.Health/Check "${name}" by grpc-js`, () =>
        grpc.call<{ status: string | number }>("grpc.health.v1.Health", "check", { service: name }),
      );
      expect(status === "SERVING" || status === 1, `It says ${status}.`);
    }
  },
};

const reflection: Section<Stage> = {
  title: "Reflection",
  async run({ url }, did) {
    const client = createClient(ServerReflection, createGrpcTransport({ baseUrl: url }));
    async function* questions() {
      yield { host: "", messageRequest: { case: "listServices" as const, value: "" } };
    }
    const names = await did("the services that the server names, as grpcurl asks for them", async () => {
      for await (const { messageResponse } of client.serverReflectionInfo(questions())) {
        if (messageResponse.case === "listServicesResponse")
          return messageResponse.value.service.map(({ name }) => name);
      }
      return [];
    });
    expect(names.includes(service), `It names ${names.join(", ")}.`);
  },
};

const protocols: Section<Stage> = {
  title: "Every protocol",
  async run({ client, web, grpc, url, key, caFile }, did) {
    const providers = (await did("ListProviders over Connect and HTTP/2", () => client.listProviders())).length;
    const byWeb = await did("ListProviders over gRPC-Web, by fetch", () => web.listProviders());
    const byGrpc = await did("ListProviders over gRPC, by grpc-js from the .proto files", () =>
      grpc.call<{ providers: unknown[] }>(service, "listProviders", {}),
    );
    const byCurl = await did("ListProviders over HTTP/1.1 and JSON, by curl", () =>
      curl<{ providers: unknown[] }>(`${url}/${service}/ListProviders`, { key, caFile, json: {} }),
    );
    const counts = [byWeb.length, byGrpc.providers.length, byCurl.json.providers.length];
    expect(
      counts.every((each) => each === providers),
      `They name ${[providers, ...counts].join(", ")} providers.`,
    );
  },
};

const strangers: Section<Stage> = {
  title: "Strangers",
  async run({ clientFor }, did) {
    await did("a wrong API key is refused with UNAUTHENTICATED", () =>
      refused("UNAUTHENTICATED", clientFor("csk.nobody.nothing").listProviders()),
    );
  },
};

export const reaching: readonly Section<Stage>[] = [health, reflection, protocols, strangers];
