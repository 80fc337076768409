/** What a kept answer answers: one request to one connector as it stands. */
import { hash } from "node:crypto";
import type { FilterNode, Operand, PageRequest, ReadQuery } from "../../providers/contract.ts";
import type { ConnectorRow } from "../../store/entities/connector.ts";
import { keyOf } from "../connector-key.ts";

export interface CacheKeyParts {
  readonly connector: ConnectorRow;
  readonly query: ReadQuery;
  readonly page: PageRequest;
}

/** Where an answer is kept. */
export interface Address {
  readonly organizationId: string;
  readonly connectorId: string;
  /** The connector's version. */
  readonly version: number;
  /** Stands for the organization and the connector; an id of a connector has no slash. */
  readonly scope: string;
  /** SHA-256, in base64url, of everything that the answer depends on. */
  readonly digest: string;
}

export function addressOf(parts: CacheKeyParts): Address {
  const { organizationId, id: connectorId, version } = parts.connector;
  const digest = hash("sha256", canonicalRequest(parts), "base64url");
  return { organizationId, connectorId, version, scope: keyOf(organizationId, connectorId), digest };
}

/**
 * The request as JSON: the same text for the same request, another one for any other.
 * Every part has its place in an array and every kind of value its name, since JSON has
 * no integers of 64 bits, no bytes, no -0 and no NaN. Where a comparison stands in the
 * request is left out.
 */
export function canonicalRequest({ connector, query, page }: CacheKeyParts): string {
  const { organizationId, id, version, credentialVersion } = connector;
  const { size, continuation = null, maxBytes } = page;
  return JSON.stringify([
    [organizationId, id, version, credentialVersion],
    [size, continuation, maxBytes],
    canonicalQuery(query),
  ]);
}

function canonicalQuery(query: ReadQuery): unknown {
  if (query.kind === "native") return [query.kind, query.text, query.parameters.map(canonicalOperand)];
  const { kind, resource, fields, filter, orderBy, limit = null, allowPostFilter = false } = query;
  const order = orderBy.map(({ field, descending }) => [field, descending]);
  return [kind, resource, fields, filter === undefined ? null : canonicalFilter(filter), order, limit, allowPostFilter];
}

function canonicalFilter(node: FilterNode): unknown {
  if (node.kind === "compare") return [node.kind, node.field, node.operator, node.values.map(canonicalOperand)];
  if (node.kind === "not") return [node.kind, canonicalFilter(node.operand)];
  return [node.kind, node.operands.map(canonicalFilter)];
}

function canonicalOperand(operand: Operand): unknown {
  switch (operand.kind) {
    case "null":
      return [operand.kind];
    case "integer":
      return [operand.kind, String(operand.value)];
    case "double":
      return [operand.kind, Object.is(operand.value, -0) ? "-0" : String(operand.value)];
    case "bytes":
      return [operand.kind, Buffer.from(operand.value).toString("base64")];
    default:
      return [operand.kind, operand.value];
  }
}
