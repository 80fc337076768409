/** grpc.reflection v1 and v1alpha: clients that have no .proto files learn the contract here. */
import {
  type DescEnum,
  type DescFile,
  type DescMessage,
  type DescService,
  type MessageInitShape,
  toBinary,
} from "@bufbuild/protobuf";
import { nestedTypes } from "@bufbuild/protobuf/reflect";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { Code, type ConnectRouter } from "@connectrpc/connect";
import { file_connector_v1_error } from "../gen/connector/v1/error_pb.js";
import { file_google_rpc_error_details } from "../gen/google/rpc/error_details_pb.js";
import {
  ServerReflection,
  type ServerReflectionRequest,
  type ServerReflectionResponseSchema,
} from "../gen/grpc/reflection/v1/reflection_pb.js";
import { ServerReflection as ServerReflectionAlpha } from "../gen/grpc/reflection/v1alpha/reflection_pb.js";

type Question = ServerReflectionRequest["messageRequest"];
type Answer = NonNullable<MessageInitShape<typeof ServerReflectionResponseSchema>["messageResponse"]>;

/** What no service refers to but errors carry and speak of. */
const ofErrors = [file_connector_v1_error, file_google_rpc_error_details];

/**
 * Registers both versions, which differ in their package only. They know what the
 * router knows by now, and themselves.
 *
 * A file comes with all files that it needs. What is not there is a NOT_FOUND inside
 * the answer, not an error of the call.
 * @see https://github.com/grpc/grpc/blob/master/doc/server-reflection.md
 */
export function reflection(router: ConnectRouter): void {
  const services = new Set(router.handlers.map(({ service }) => service));
  const index = new Index([...services, ServerReflection, ServerReflectionAlpha], ofErrors);
  router.service(ServerReflection, {
    async *serverReflectionInfo(requests) {
      for await (const request of requests) {
        const messageResponse = index.answer(request.messageRequest);
        yield { validHost: request.host, originalRequest: request, messageResponse };
      }
    },
  });
  router.service(ServerReflectionAlpha, {
    async *serverReflectionInfo(requests) {
      for await (const request of requests) {
        // Only the names of the packages differ, also in the types.
        const messageResponse = index.answer(request.messageRequest as Question) as never;
        yield { validHost: request.host, originalRequest: request, messageResponse };
      }
    },
  });
}

/** Everything that the services lead to, by the names that clients ask for. */
class Index {
  readonly #services: readonly string[];
  readonly #files = new Map<string, DescFile>();
  readonly #symbols = new Map<string, DescFile>();
  readonly #messages = new Set<string>();
  /** By the extended message and the number. */
  readonly #extensions = new Map<string, Map<number, DescFile>>();
  readonly #encoded = new Map<DescFile, Uint8Array[]>();

  constructor(services: readonly DescService[], files: readonly DescFile[]) {
    this.#services = services.map(({ typeName }) => typeName);
    for (const file of closure([...services.map((service) => service.file), ...files])) {
      this.#files.set(file.proto.name, file);
      for (const type of nestedTypes(file)) {
        this.#symbols.set(type.typeName, file);
        for (const member of membersOf(type)) this.#symbols.set(member, file);
        if (type.kind === "message") this.#messages.add(type.typeName);
        if (type.kind === "extension") this.#extensionsOf(type.extendee.typeName).set(type.number, file);
      }
    }
  }

  answer(question: Question): Answer {
    switch (question.case) {
      case "listServices":
        return { case: "listServicesResponse", value: { service: this.#services.map((name) => ({ name })) } };
      case "fileByFilename":
        return this.#file(this.#files.get(question.value));
      case "fileContainingSymbol":
        return this.#file(this.#symbols.get(question.value));
      case "fileContainingExtension": {
        const { containingType, extensionNumber } = question.value;
        return this.#file(this.#extensions.get(containingType)?.get(extensionNumber));
      }
      case "allExtensionNumbersOfType": {
        const baseTypeName = question.value;
        if (!this.#messages.has(baseTypeName)) return error(Code.NotFound, "There is no such type.");
        const extensionNumber = [...(this.#extensions.get(baseTypeName)?.keys() ?? [])];
        return { case: "allExtensionNumbersResponse", value: { baseTypeName, extensionNumber } };
      }
      default:
        return error(Code.Unimplemented, "The request asks for nothing that is known here.");
    }
  }

  #extensionsOf(message: string): Map<number, DescFile> {
    const known = this.#extensions.get(message) ?? new Map<number, DescFile>();
    this.#extensions.set(message, known);
    return known;
  }

  #file(file: DescFile | undefined): Answer {
    if (file === undefined) return error(Code.NotFound, "There is no file for it.");
    const fileDescriptorProto =
      this.#encoded.get(file) ?? [...closure([file])].map(({ proto }) => toBinary(FileDescriptorProtoSchema, proto));
    this.#encoded.set(file, fileDescriptorProto);
    return { case: "fileDescriptorResponse", value: { fileDescriptorProto } };
  }
}

/** The files and all that they import, each once and the given ones first. */
function closure(files: readonly DescFile[]): Set<DescFile> {
  const all = new Set(files);
  for (const file of all) for (const dependency of file.dependencies) all.add(dependency);
  return all;
}

/** The full names of what stands inside a type. */
function membersOf(type: DescMessage | DescEnum | DescService | { readonly kind: "extension" }): string[] {
  switch (type.kind) {
    case "message":
      return [...type.fields, ...type.oneofs].map(({ name }) => `${type.typeName}.${name}`);
    case "service":
      return type.methods.map(({ name }) => `${type.typeName}.${name}`);
    case "enum": {
      // The values of an enum are its siblings.
      const scope = type.parent?.typeName ?? type.file.proto.package;
      return type.values.map(({ name }) => `${scope}.${name}`);
    }
    case "extension":
      return [];
  }
}

function error(errorCode: Code, errorMessage: string): Answer {
  return { case: "errorResponse", value: { errorCode, errorMessage } };
}
