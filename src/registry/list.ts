/** Pages of an organization's connectors. */
import { type EntityManager, type FilterQuery, raw } from "@mikro-orm/postgresql";
import { Connector, type ConnectorRow } from "../store/entities/connector.ts";
import { checkText } from "./text.ts";

export type ListOrder = "name" | "createTime" | "updateTime";

export interface ListRequest {
  readonly providers: readonly string[];
  readonly namePrefix: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly disabled: boolean | undefined;
  /** The connectors that the caller may see; undefined for all. */
  readonly ids: readonly string[] | undefined;
  readonly orderBy: ListOrder;
  readonly descending: boolean;
  readonly pageSize: number;
  /** `next` of the page before. */
  readonly after: ListPosition | undefined;
}

/** The last connector of a page: its key in the order, as text, and its id. */
export interface ListPosition {
  readonly key: string;
  readonly id: string;
}

export interface ConnectorList {
  readonly connectors: readonly ConnectorRow[];
  readonly next: ListPosition | undefined;
}

/** @throws Failure of kind `invalid_request` when the filter holds text that no connector can have */
export async function listConnectors(
  em: EntityManager,
  organizationId: string,
  request: ListRequest,
): Promise<ConnectorList> {
  const { providers, namePrefix, labels, orderBy, descending, pageSize } = request;
  checkText({ "filter.providers": providers, "filter.name_prefix": namePrefix, "filter.labels": labels });
  const direction = descending ? ("desc" as const) : ("asc" as const);
  const found = await em.find(Connector, conditions(organizationId, request), {
    orderBy: [{ [orderBy]: direction }, { id: direction }],
    limit: pageSize + 1,
  });
  const connectors = found.slice(0, pageSize);
  const last = connectors.at(-1);
  return {
    connectors,
    next: found.length > pageSize && last !== undefined ? { key: keyOf(last, orderBy), id: last.id } : undefined,
  };
}

function conditions(organizationId: string, request: ListRequest): FilterQuery<ConnectorRow> {
  const { providers, namePrefix, labels, disabled, ids, orderBy, descending, after } = request;
  const all: FilterQuery<ConnectorRow>[] = [{ organizationId }];
  if (providers.length > 0) all.push({ provider: { $in: [...providers] } });
  if (namePrefix !== "") all.push({ name: { $like: `${namePrefix.replaceAll(/[\\%_]/g, "\\$&")}%` } });
  // As text, of which the ORM knows nothing: as an object it would lose a label named "__proto__", and with it a condition.
  if (Object.keys(labels).length > 0) all.push({ [raw("labels @> ?::jsonb", [JSON.stringify(labels)])]: [] });
  if (disabled !== undefined) all.push({ disabled });
  if (ids !== undefined) all.push({ id: { $in: [...ids] } });
  if (after !== undefined) {
    const beyond = descending ? "$lt" : "$gt";
    const key = orderBy === "name" ? after.key : new Date(after.key);
    all.push({
      $or: [{ [orderBy]: { [beyond]: key } }, { [orderBy]: key, id: { [beyond]: after.id } }],
    } as FilterQuery<ConnectorRow>);
  }
  return { $and: all };
}

function keyOf(connector: ConnectorRow, orderBy: ListOrder): string {
  return orderBy === "name" ? connector.name : connector[orderBy].toISOString();
}
