/** Providers: from the catalogue to the wire. */
import { create, type JsonObject } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import { z } from "zod";
import { ProviderSchema, ProviderType, Capability as WireCapability } from "../gen/connector/v1/provider_pb.js";
import type { ConnectorService } from "../gen/connector/v1/service_pb.js";
import type { Capability, Provider } from "../providers/contract.ts";
import type { Rooms } from "./rooms.ts";

const capabilities: Record<Capability, WireCapability> = {
  test: WireCapability.TEST,
  schema: WireCapability.SCHEMA,
  query: WireCapability.QUERY,
  native_query: WireCapability.NATIVE_QUERY,
  explain: WireCapability.EXPLAIN,
  execute: WireCapability.EXECUTE,
};

export function providerHandlers({ catalogue }: Rooms): Pick<ServiceImpl<typeof ConnectorService>, "listProviders"> {
  return {
    listProviders() {
      return { providers: catalogue.providers.map(toWire) };
    },
  };
}

function toWire(provider: Provider) {
  return create(ProviderSchema, {
    id: provider.id,
    title: provider.title,
    type: provider.type === "database" ? ProviderType.DATABASE : ProviderType.API,
    capabilities: provider.capabilities.map((capability) => capabilities[capability]),
    configSchema: jsonSchema(provider.config),
    credentialSchema: jsonSchema(provider.credential),
  });
}

/** Of what a caller gives: fields with a default are not required. */
function jsonSchema(schema: z.ZodType): JsonObject {
  return z.toJSONSchema(schema, { io: "input" }) as JsonObject;
}
