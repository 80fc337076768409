import { fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { createClient } from "@connectrpc/connect";
import {
  type Client,
  credentials,
  type GrpcObject,
  loadPackageDefinition,
  type ServiceClientConstructor,
} from "@grpc/grpc-js";
import { loadFileDescriptorSetFromBuffer } from "@grpc/proto-loader";
import { describe, expect, onTestFinished, test } from "vitest";
import {
  ServerReflection,
  type ServerReflectionRequestSchema,
} from "../../src/gen/grpc/reflection/v1/reflection_pb.js";
import { ServerReflection as ServerReflectionAlpha } from "../../src/gen/grpc/reflection/v1alpha/reflection_pb.js";
import { call } from "./grpc-js.ts";
import { serve, transports } from "./serving.ts";

type Request = MessageInitShape<typeof ServerReflectionRequestSchema>;
type Question = NonNullable<Request["messageRequest"]>;

/** Asks in one stream and gives the answers in order. */
async function ask(url: string, version: "v1" | "v1alpha", ...questions: Question[]) {
  async function* requests() {
    for (const messageRequest of questions) yield { host: "here", messageRequest };
  }
  const transport = transports(url).gRPC;
  const answers =
    version === "v1"
      ? createClient(ServerReflection, transport).serverReflectionInfo(requests())
      : createClient(ServerReflectionAlpha, transport).serverReflectionInfo(requests() as never);
  const all = [];
  for await (const answer of answers) all.push(answer);
  return all;
}

async function filesFor(url: string, question: Question) {
  const [answer] = await ask(url, "v1", question);
  if (answer?.messageResponse.case !== "fileDescriptorResponse") return undefined;
  return answer.messageResponse.value.fileDescriptorProto.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes));
}

describe("reflection", () => {
  for (const version of ["v1", "v1alpha"] as const) {
    test(`${version} lists the services and answers with the question`, async () => {
      const { url } = await serve();

      const [answer] = await ask(url, version, { case: "listServices", value: "*" });

      expect(answer).toMatchObject({
        validHost: "here",
        originalRequest: { host: "here", messageRequest: { case: "listServices", value: "*" } },
        messageResponse: { case: "listServicesResponse" },
      });
      const { service } = answer!.messageResponse.value as { service: { name: string }[] };
      expect(service.map(({ name }) => name)).toEqual([
        "grpc.health.v1.Health",
        "connector.v1.ConnectorService",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
      ]);
    });
  }

  for (const [symbol, file] of [
    ["connector.v1.ConnectorService", "connector/v1/service.proto"],
    ["connector.v1.ConnectorService.StreamQuery", "connector/v1/service.proto"],
    ["connector.v1.Filter", "connector/v1/filter.proto"],
    ["connector.v1.Filter.node", "connector/v1/filter.proto"],
    ["connector.v1.Comparison.field", "connector/v1/filter.proto"],
    ["connector.v1.Operator", "connector/v1/filter.proto"],
    ["connector.v1.OPERATOR_EQ", "connector/v1/filter.proto"],
    ["grpc.health.v1.HealthCheckResponse.ServingStatus", "grpc/health/v1/health.proto"],
    ["grpc.health.v1.HealthCheckResponse.SERVING", "grpc/health/v1/health.proto"],
    ["google.rpc.ErrorInfo", "google/rpc/error_details.proto"],
    ["connector.v1.REASON_BREAKER_OPEN", "connector/v1/error.proto"],
    ["buf.validate.field", "buf/validate/validate.proto"],
    ["google.protobuf.Timestamp", "google/protobuf/timestamp.proto"],
  ] as const) {
    test(`finds ${symbol}, and its file comes with all that it needs`, async () => {
      const { url } = await serve();

      const files = (await filesFor(url, { case: "fileContainingSymbol", value: symbol })) ?? [];

      expect(files[0]?.name).toBe(file);
      const names = files.map(({ name }) => name);
      for (const { dependency } of files) expect(names).toEqual(expect.arrayContaining(dependency));
      expect(new Set(names).size).toBe(names.length);
    });
  }

  test("finds a file by its name", async () => {
    const { url } = await serve();

    const files = await filesFor(url, { case: "fileByFilename", value: "connector/v1/query.proto" });

    expect(files?.[0]?.name).toBe("connector/v1/query.proto");
  });

  test("finds extensions and their numbers", async () => {
    const { url } = await serve();
    const containingType = "google.protobuf.FieldOptions";

    const [numbers] = await ask(url, "v1", { case: "allExtensionNumbersOfType", value: containingType });
    const [files] = await ask(url, "v1alpha", {
      case: "fileContainingExtension",
      value: { containingType, extensionNumber: 1159 },
    });

    expect(numbers?.messageResponse.value).toMatchObject({
      baseTypeName: containingType,
      extensionNumber: expect.arrayContaining([1159]),
    });
    expect(files?.messageResponse.case).toBe("fileDescriptorResponse");
  });

  test("answers what is not there with NOT_FOUND and goes on", async () => {
    const { url } = await serve();
    const value = "no.such.Thing";

    const answers = await ask(
      url,
      "v1",
      { case: "fileContainingSymbol", value },
      { case: "fileByFilename", value },
      { case: "fileContainingExtension", value: { containingType: value, extensionNumber: 1 } },
      { case: "allExtensionNumbersOfType", value },
      { case: "fileByFilename", value: "connector/v1/query.proto" },
    );

    const outcomes = answers.map(({ messageResponse }) => messageResponse);
    for (const outcome of outcomes.slice(0, 4)) {
      expect(outcome).toMatchObject({ case: "errorResponse", value: { errorCode: 5 } });
    }
    expect(outcomes[4]?.case).toBe("fileDescriptorResponse");
  });

  test("is enough for a grpc-js client without .proto files to call", async () => {
    const { url, port } = await serve();
    const file = await filesFor(url, { case: "fileContainingSymbol", value: "grpc.health.v1.Health" });
    const set = Buffer.from(
      toBinary(FileDescriptorSetSchema, { $typeName: "google.protobuf.FileDescriptorSet", file: file ?? [] }),
    );
    const loaded = loadPackageDefinition(loadFileDescriptorSetFromBuffer(set, { enums: String }));
    const Health = ((loaded.grpc as GrpcObject).health as GrpcObject).v1 as Record<string, ServiceClientConstructor>;
    const client: Client = new Health.Health!(`127.0.0.1:${port}`, credentials.createInsecure());
    onTestFinished(() => client.close());

    expect(await call(client, "check", {})).toEqual({ status: "SERVING" });
  });
});
