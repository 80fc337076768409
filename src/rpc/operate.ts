/** Translates tests and schemas between wire and domain; holds no rules. */
import {
  create,
  type JsonObject,
  type Message,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import { CheckOutcome } from "../gen/connector/v1/connector_pb.js";
import {
  type ActionDescriptionSchema,
  ResourceSchema,
  SchemaView,
  ResourceKind as WireKind,
} from "../gen/connector/v1/schema_pb.js";
import type { ConnectorService } from "../gen/connector/v1/service_pb.js";
import type { ActionDescription } from "../providers/contract/action.ts";
import type { Resource, ResourceKind } from "../providers/contract/resource.ts";
import type { Check } from "../providers/contract.ts";
import { boundsOf } from "./bounds.ts";
import { connectorFor } from "./caller.ts";
import type { Rooms } from "./rooms.ts";
import { boundTo, canonical } from "./wire/canonical.ts";
import { typeToWire } from "./wire/fields.ts";
import { durationToWire } from "./wire/timings.ts";

const outcomes: Record<Check["outcome"], CheckOutcome> = {
  passed: CheckOutcome.PASSED,
  warning: CheckOutcome.WARNING,
  failed: CheckOutcome.FAILED,
  skipped: CheckOutcome.SKIPPED,
};

const kinds: Record<ResourceKind, WireKind> = {
  table: WireKind.TABLE,
  view: WireKind.VIEW,
  materialized_view: WireKind.MATERIALIZED_VIEW,
  partitioned_table: WireKind.PARTITIONED_TABLE,
  partition: WireKind.PARTITION,
  foreign_table: WireKind.FOREIGN_TABLE,
  collection: WireKind.COLLECTION,
};

/** Clients refuse messages of more than 4 MiB unless they are told otherwise. */
const maxAnswerBytes = 3_000_000;

export function operateHandlers(
  rooms: Rooms,
): Pick<ServiceImpl<typeof ConnectorService>, "testConnector" | "getSchema"> {
  const { execution, pageTokens } = rooms;
  return {
    async testConnector({ connectorId }, context) {
      const connector = await connectorFor(rooms, context, connectorId);
      const bounds = await boundsOf(rooms, context, connector);
      const { result, timings } = await bounds.run((caller) => execution.test(connector, caller));
      const { ok, serverVersion, tls, readOnly, user, checks } = result;
      return {
        ...{ ok, serverVersion, tls, readOnly, user },
        latency: durationToWire(timings.total),
        checks: checks.map((check) => ({ ...check, outcome: outcomes[check.outcome] })),
      };
    },

    async getSchema(request, context) {
      const connector = await connectorFor(rooms, context, request.connectorId);
      const { refresh, namePrefix, view, pageSize, pageToken } = request;
      const bounds = await boundsOf(rooms, context, connector);
      // Before the source is asked: a grant that shows none must not make it read.
      bounds.schema([]);
      const anew = refresh && pageToken === "";
      const schema = await bounds.run((caller) => execution.schema(connector, anew, caller));
      const wanted = new Set(request.kinds);
      const matching = bounds
        .schema(schema.resources)
        .filter(
          ({ name, localName, kind }) =>
            (wanted.size === 0 || wanted.has(kinds[kind])) &&
            (name.startsWith(namePrefix) || localName.startsWith(namePrefix)),
        );
      const about = [connector.organizationId, connector.id, namePrefix, request.kinds];
      const binding = canonical("GetSchema", ...about, ...boundTo(bounds.grant?.agent));
      const after = pageToken === "" ? undefined : (JSON.parse(pageTokens.open(pageToken, binding)) as Position);
      const rest = after === undefined ? matching : matching.filter((resource) => isBeyond(resource, after));
      const toWire = view === SchemaView.BASIC ? basic : full;
      const resources = pageOf(rest, Math.min(pageSize || 200, 2_000), toWire);
      const last = resources.length < rest.length ? resources.at(-1) : undefined;
      return {
        resources,
        nextPageToken:
          last === undefined ? "" : pageTokens.seal(JSON.stringify([last.namespace, last.localName]), binding),
        totalSize: matching.length,
        readTime: timestampFromDate(schema.readTime),
        actions:
          pageToken === "" ? actionsToWire(bounds.actions(schema.actions), namePrefix, view !== SchemaView.BASIC) : [],
      };
    },
  };
}

/** The last resource of a page: not its full name, whose quotes sort elsewhere. */
type Position = readonly [namespace: string, localName: string];

function isBeyond({ namespace, localName }: Resource, [lastNamespace, lastName]: Position): boolean {
  return namespace > lastNamespace || (namespace === lastNamespace && localName > lastName);
}

type WireResource = Exclude<MessageInitShape<typeof ResourceSchema>, Message>;

function pageOf(
  resources: readonly Resource[],
  size: number,
  toWire: (resource: Resource) => WireResource,
): MessageShape<typeof ResourceSchema>[] {
  const page: MessageShape<typeof ResourceSchema>[] = [];
  let bytes = 0;
  for (const resource of resources) {
    if (page.length >= size) break;
    const message = create(ResourceSchema, toWire(resource));
    bytes += toBinary(ResourceSchema, message).length;
    if (bytes > maxAnswerBytes && page.length > 0) break;
    page.push(message);
  }
  return page;
}

/** Bytes of what actions ask for in one answer. */
const maxInputBytes = 500_000;

function actionsToWire(
  actions: readonly ActionDescription[],
  namePrefix: string,
  withInput: boolean,
): MessageInitShape<typeof ActionDescriptionSchema>[] {
  let bytes = 0;
  return actions
    .filter(({ name }) => name.startsWith(namePrefix))
    .map(({ name, description, input }) => {
      if (!withInput) return { name, description };
      bytes += JSON.stringify(input).length;
      return bytes > maxInputBytes ? { name, description } : { name, description, input: input as JsonObject };
    });
}

function basic({ name, namespace, localName, kind, comment, estimatedRows, partitionOf }: Resource): WireResource {
  return {
    ...{ name, namespace, localName, comment, partitionOf },
    kind: kinds[kind],
    ...(estimatedRows === undefined ? {} : { estimatedRows: BigInt(Math.round(estimatedRows)) }),
  };
}

function full(resource: Resource): WireResource {
  return {
    ...basic(resource),
    fields: resource.fields.map(({ type, elementType, enumLabels, ...field }) => ({
      ...field,
      type: typeToWire(type),
      elementType: typeToWire(elementType),
      enumLabels: [...enumLabels],
    })),
    primaryKey: [...resource.primaryKey],
    uniqueKeys: resource.uniqueKeys.map(({ name, fields }) => ({ name, fields: [...fields] })),
    foreignKeys: resource.foreignKeys.map(({ name, fields, references, referencedFields }) => {
      return { name, fields: [...fields], references, referencedFields: [...referencedFields] };
    }),
    indexes: resource.indexes.map((index) => ({ ...index, keys: [...index.keys] })),
  };
}
